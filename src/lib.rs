//! A discrete-event simulator of autoscaled model servers.

pub mod cluster;
pub mod diagnostics;
pub mod kernel;
pub mod manifest;
pub mod metrics;
pub mod plot;
pub mod random;
pub mod record;
pub mod replay;
pub mod report;
pub mod scalers;
pub mod scenario;
pub mod serving;
pub mod simulation;
pub mod units;
pub mod workload;
