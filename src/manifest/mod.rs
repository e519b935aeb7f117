//! Upstream's own objects as text: YAML or JSON to typed specs and back.

use crate::scalers::hpa::HpaSpec;
/// stub
pub fn hpa_of_yaml(text: &str) -> Result<HpaSpec, String> { Err(text.to_owned()) }
