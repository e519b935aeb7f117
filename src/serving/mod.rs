//! Serving: routing, waiting, service. A replica turns demand (work) into time and CPU.

pub mod spec;

pub use spec::{BalancerSpec, Cfs, CpuSpec, DisciplineSpec, MemorySpec, QueueSpec};
