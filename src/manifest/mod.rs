//! Upstream's own objects as text: YAML or JSON to typed specs and back.

pub mod hpa_json;
pub mod json;
