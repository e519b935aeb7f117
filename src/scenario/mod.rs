//! Scenarios: valid by construction.

pub mod spec;

pub use spec::{EventChange, EventSpec, Fault, PoolSpec, Scenario, SignalSpec};
