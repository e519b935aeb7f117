//! Recorded cases, replayed by the very code that decides in a simulation.
//!
//! Law: a case drives the scaler through its steps and nothing else: no step is skipped, no expectation is read by the
//! scaler, and a malformed case is an error that names the place.

mod case;
mod hpa;
mod own;
mod seldon;
mod world;

pub use case::{CaseError, CaseResult, Difference, Level, replay_case};
pub use own::{Observation, OwnStory, observations, replay_observations};
