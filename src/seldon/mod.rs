//! Seldon Core 2's parts, one pure state machine each, in terms of ids, bytes and ordinals.
//!
//! The simulation and the replay of recorded loops drive them; what they want done comes back as effects. The rules are those
//! of upstream's code (seldon-core v2, commit 7b77f8b78, after release v2.10.2).

pub mod agent;
#[cfg(test)]
mod bench;
pub mod connection;
pub mod gateway;
pub mod lag;
pub mod model;
pub mod placement;
pub mod routes;
pub mod scheduler;
pub mod server;
pub mod server_scaling;
pub mod spec;
pub mod state;
pub mod trigger;
