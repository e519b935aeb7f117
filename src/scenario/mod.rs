//! Scenarios: valid by construction.

pub mod spec;

pub use spec::{
    ConditionSpec, EventChange, EventSpec, Fault, Figure, Objective, ObjectiveScope, PoolSpec, Population, Scenario,
    SignalSpec,
};
