//! Kubernetes quantities.

/// A Kubernetes quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantity;
