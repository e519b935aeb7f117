//! Randomness: named and keyed streams, and the laws drawn from them.

pub mod dist;
pub mod streams;

pub use dist::Law;
pub use streams::{Stream, Streams};
