//! Randomness: named and keyed streams, and the laws drawn from them.

pub mod dist;
pub mod fit;
pub mod streams;

pub use dist::Law;
pub use fit::LawError;
pub use streams::{Stream, Streams};
