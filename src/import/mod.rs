//! Scenarios out of what users have already, and autoscalers back into it.
//!
//! Law: what a manifest does not say is assumed in the open: each assumption stands at the head of the scenario, with the
//! line where it is to be replaced. What is left out is named.

mod autoscaler;
mod common;
pub mod k8s;
mod pool;
pub mod pulumi;
pub mod seldon;
mod seldon_text;
mod writer;

pub use k8s::{Imported, scenario_of_k8s};
pub use pulumi::{hpa_to_pulumi, hpas_to_pulumi};
pub use seldon::scenario_of_seldon;
