//! Laws with known mean and variance.

use super::Stream;

/// A law of a number: seconds where it is a duration.
#[derive(Clone, Debug, PartialEq)]
pub enum Law {
    /// Always this value.
    Constant(f64),
}

impl Law {
    /// Always this value.
    pub const fn constant(value: f64) -> Self {
        Self::Constant(value)
    }
    /// The mean.
    pub fn mean(&self) -> f64 {
        let Self::Constant(value) = self;
        *value
    }
    /// One draw.
    #[inline]
    pub fn sample(&self, stream: &mut Stream) -> f64 {
        let _ = stream;
        let Self::Constant(value) = self;
        *value
    }
}
