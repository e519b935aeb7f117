//! Serving: routing, waiting, service. A replica turns demand (work) into time and CPU.

pub mod balancer;
pub mod client;
pub mod connections;
pub mod discipline;
pub mod request;
pub mod spec;
pub mod station;

pub use balancer::Balancer;
pub use client::{Due, TimeoutClass};
pub use connections::{Caller, Connections};
pub use request::{Call, InClass, InQueue, InWait, Link, List, NO_SLOT, Place, Request, Requests, Slot};
pub use spec::{BalancerSpec, Cfs, CpuSpec, DisciplineSpec, MemorySpec, QueueSpec};
pub use station::{Admission, Station, StationSpec};
