//! A discrete-event simulator of autoscaled model servers.

pub mod cluster;
pub mod diagnostics;
pub mod kernel;
pub mod metrics;
pub mod random;
pub mod record;
pub mod scalers;
pub mod scenario;
pub mod serving;
pub mod units;
pub mod workload;
