//! The envelope of a case, and what replaying it gives.

use crate::manifest::json::{self, JsonError, required, text};
use crate::replay::hpa;
use crate::replay::seldon;
use serde_json::Value;
use std::fmt;

/// How closely a step was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The decision: sizes, conditions, whether there was an error. For a validation case, whether the spec is valid.
    A,
    /// What was measured and shown: current metrics, targets, the rescale event.
    B,
    /// Exact texts.
    C,
}

/// One field in which a step differs from the record.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Number of the step, from 0.
    pub step: usize,
    /// Its time in the case.
    pub at_s: f64,
    /// Level at which the field is compared.
    pub level: Level,
    /// Name of the field.
    pub field: String,
    /// As recorded.
    pub wanted: String,
    /// As replayed.
    pub seen: String,
}

/// What replaying a case gave.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseResult {
    /// Name of the case.
    pub name: String,
    /// Steps replayed.
    pub steps: usize,
    /// Steps that had an expectation to compare with.
    pub compared: usize,
    /// All differences, in order.
    pub differences: Vec<Difference>,
    /// Our side, one value per step in the shape of `expect`.
    pub decisions: Vec<Value>,
    /// Texts compared at level C that are equal.
    pub texts_equal: usize,
    /// Texts compared at level C that differ.
    pub texts_differ: usize,
}

impl CaseResult {
    /// A case of which nothing has been replayed yet.
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            steps: 0,
            compared: 0,
            differences: Vec::new(),
            decisions: Vec::new(),
            texts_equal: 0,
            texts_differ: 0,
        }
    }

    /// True without a difference at this level or one before it.
    pub fn equal_at(&self, level: Level) -> bool {
        self.differences.iter().all(|difference| difference.level > level)
    }
}

/// Why a line is no case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaseError {
    /// Not JSON.
    Syntax(String),
    /// A field is missing or wrong.
    Field(JsonError),
}

impl fmt::Display for CaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(problem) => write!(f, "not JSON: {problem}"),
            Self::Field(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CaseError {}

impl From<JsonError> for CaseError {
    fn from(error: JsonError) -> Self {
        Self::Field(error)
    }
}

/// Replays one line of a file of cases.
///
/// # Errors
/// What is wrong with the line, and where.
pub fn replay_case(line: &str) -> Result<CaseResult, CaseError> {
    let value: Value = serde_json::from_str(line).map_err(|error| CaseError::Syntax(error.to_string()))?;
    let case = json::object(&value)?;
    let name = required(case, "name", text)?;
    let scaler = required(case, "scaler", text)?;
    match scaler.as_str() {
        "hpa" => {}
        "seldon-lag" | "seldon-server" | "seldon-placement" => return seldon::replay(&name, case),
        _ => {
            let known = "hpa, seldon-lag, seldon-server and seldon-placement are known";
            return Err(JsonError::new(format!("unknown scaler {scaler:?}: {known}")).under("scaler").into());
        }
    }
    let result = match json::optional(case, "kind", text)?.as_deref() {
        None => hpa::replay(&name, case)?,
        Some("validation") => hpa::validate(&name, case)?,
        Some(kind) => {
            return Err(JsonError::new(format!("unknown kind {kind:?}: validation is known")).under("kind").into());
        }
    };
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(line: &str) -> String {
        replay_case(line).expect_err("the line is malformed").to_string()
    }

    #[test]
    fn malformed_lines_say_where() {
        assert!(problem("{").starts_with("not JSON: "));
        assert_eq!(problem("[]"), "expected an object, found a list");
        assert_eq!(problem("{}"), "name: missing");
        assert_eq!(problem(r#"{"name": 1}"#), "name: expected a string, found a number");
        assert_eq!(
            problem(r#"{"name": "x", "scaler": "y"}"#),
            r#"scaler: unknown scaler "y": hpa, seldon-lag, seldon-server and seldon-placement are known"#
        );
        let head = r#""name": "x", "scaler": "hpa""#;
        assert_eq!(problem(&format!("{{{head}}}")), "config: missing");
        assert_eq!(problem(&format!(r#"{{{head}, "kind": "z"}}"#)), r#"kind: unknown kind "z": validation is known"#);
    }
}
