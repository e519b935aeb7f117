//! Upstream's own objects as text: YAML or JSON to typed specs and back.

pub mod hpa_json;
pub mod hpa_out;
pub mod json;
pub mod k8s;
pub mod seldon;
pub mod seldon_values;
mod shape;
pub mod workload;
pub mod yaml;

pub use hpa_out::hpa_to_yaml;
pub use k8s::hpa_of_yaml;
