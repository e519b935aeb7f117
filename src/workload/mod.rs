//! Load: when requests arrive and how much work each brings. Knows nothing of who serves them.

pub mod spec;

pub use spec::{ArrivalsSpec, LoadSpec, Protocol, RateSpec, Spread, Stage, TraceSpec, UserStage, UsersSpec};
