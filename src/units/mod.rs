//! Units and ids: whole-nanosecond time, Kubernetes quantities, typed indices.
//!
//! Knows nothing of simulation. Everybody may use it; it uses nobody.

pub mod id;
pub mod quantity;
pub mod time;

pub use id::{FlowId, Id, LoadId, ModelId, PipelineId, PoolId, ReplicaId, ScalerId, ServerId, Slab, Table, TargetId};
pub use quantity::Quantity;
pub use time::{Phase, SimTime, Span};
