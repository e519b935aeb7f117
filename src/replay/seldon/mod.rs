//! Recorded decisions of Seldon Core 2's own code, by the part that a case is about.

mod check;
mod decisions;
mod looped;
mod parts;
mod scenario;

use crate::manifest::json::JsonError;
use crate::replay::case::{CaseError, CaseResult};
use serde_json::Map;
use serde_json::Value;

/// Replays a case of one of Seldon's scalers.
///
/// # Errors
/// What is wrong with the case, and where; an event that no part knows.
pub(super) fn replay(name: &str, case: &Map<String, Value>) -> Result<CaseResult, CaseError> {
    for part in [parts::replay, decisions::replay, scenario::replay, looped::replay] {
        if let Some(result) = part(name, case)? {
            return Ok(result);
        }
    }
    Err(JsonError::new("no part of Seldon knows this event".to_owned()).under("steps[0].observe").into())
}
