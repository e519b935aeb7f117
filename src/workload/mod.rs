//! Load: when requests arrive and how much work each brings. Knows nothing of who serves them.

mod arrivals;
pub mod load;
mod piece;
mod population;
pub mod rate;
mod shape;
pub mod spec;
pub mod trace;
mod users;

pub use load::{Arrival, Load};
pub use rate::Rate;
pub use spec::{
    ArrivalsSpec, KeptConnections, LoadSpec, Protocol, RateSpec, Spread, Stage, TraceSpec, UserStage, UsersSpec,
};
pub use trace::{Row, RowSource, TraceError};
