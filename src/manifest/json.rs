//! Reading typed values out of JSON.
//!
//! Law: what is missing or of the wrong type is named by its path, such as `steps[3].observe.pods[0][2]`. As in
//! upstream's JSON, `null` is the same as absent, and unknown fields are let pass.

use crate::units::{Quantity, Span};
use serde_json::{Map, Value};
use std::fmt;

/// A JSON object.
pub type Object = Map<String, Value>;

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// Path from the outermost value; empty for that value itself.
    pub path: String,
    /// One sentence.
    pub problem: String,
}

impl JsonError {
    /// A problem with the value at hand.
    pub fn new(problem: impl Into<String>) -> Self {
        Self { path: String::new(), problem: problem.into() }
    }

    /// The same problem, seen from the object that holds the value under this key.
    #[must_use]
    pub fn under(self, key: &str) -> Self {
        let separator = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        Self { path: format!("{key}{separator}{}", self.path), ..self }
    }

    /// The same problem, seen from the list that holds the value at this place.
    #[must_use]
    pub fn at(self, index: usize) -> Self {
        self.under(&format!("[{index}]"))
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.problem) } else { write!(f, "{}: {}", self.path, self.problem) }
    }
}

impl std::error::Error for JsonError {}

/// What reading gives.
pub type Read<T> = Result<T, JsonError>;

fn expected<T>(wanted: &str, found: &Value) -> Read<T> {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    Err(JsonError::new(format!("expected {wanted}, found {found}")))
}

/// An object.
///
/// # Errors
/// Anything else.
pub fn object(value: &Value) -> Read<&Object> {
    value.as_object().map_or_else(|| expected("an object", value), Ok)
}

/// A list.
///
/// # Errors
/// Anything else.
pub fn list(value: &Value) -> Read<&[Value]> {
    value.as_array().map(Vec::as_slice).map_or_else(|| expected("a list", value), Ok)
}

/// A text.
///
/// # Errors
/// Anything else.
pub fn text(value: &Value) -> Read<String> {
    value.as_str().map_or_else(|| expected("a string", value), |text| Ok(text.to_owned()))
}

/// True or false.
///
/// # Errors
/// Anything else.
pub fn boolean(value: &Value) -> Read<bool> {
    value.as_bool().map_or_else(|| expected("a boolean", value), Ok)
}

/// A whole number of 32 bits.
///
/// # Errors
/// Anything else.
pub fn int32(value: &Value) -> Read<i32> {
    value.as_i64().and_then(|number| i32::try_from(number).ok()).map_or_else(|| expected("a 32-bit integer", value), Ok)
}

/// A number.
///
/// # Errors
/// Anything else.
pub fn number(value: &Value) -> Read<f64> {
    value.as_f64().filter(|number| number.is_finite()).map_or_else(|| expected("a number", value), Ok)
}

/// A length of time in seconds.
///
/// # Errors
/// What is not a number, negative, or too long.
pub fn seconds(value: &Value) -> Read<Span> {
    Span::from_secs_f64(number(value)?).map_err(|error| JsonError::new(error.to_string()))
}

/// A Kubernetes quantity, as text or as a plain number.
///
/// # Errors
/// What is neither, and text that is no quantity.
pub fn quantity(value: &Value) -> Read<Quantity> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        other => return expected("a quantity", other),
    };
    Quantity::parse(&text).map_err(|error| JsonError::new(format!("{text:?}: {error}")))
}

/// A field that must be there.
///
/// # Errors
/// If it is not, or cannot be read.
pub fn required<'a, T>(object: &'a Object, key: &str, read: impl FnOnce(&'a Value) -> Read<T>) -> Read<T> {
    optional(object, key, read)?.ok_or_else(|| JsonError::new("missing").under(key))
}

/// A field that may be absent or null.
///
/// # Errors
/// If it is there and cannot be read.
pub fn optional<'a, T>(object: &'a Object, key: &str, read: impl FnOnce(&'a Value) -> Read<T>) -> Read<Option<T>> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => read(value).map(Some).map_err(|error| error.under(key)),
    }
}

/// Each value of a list.
///
/// # Errors
/// If this is no list, or a value cannot be read.
pub fn each<'a, T>(value: &'a Value, mut read: impl FnMut(&'a Value) -> Read<T>) -> Read<Vec<T>> {
    list(value)?.iter().enumerate().map(|(index, value)| read(value).map_err(|error| error.at(index))).collect()
}

/// The values of an object, with their keys.
///
/// # Errors
/// If this is no object, or a value cannot be read.
pub fn entries<'a, T>(value: &'a Value, mut read: impl FnMut(&'a Value) -> Read<T>) -> Read<Vec<(String, T)>> {
    let read = |(key, value): (&String, &'a Value)| match read(value) {
        Ok(value) => Ok((key.clone(), value)),
        Err(error) => Err(error.under(key)),
    };
    object(value)?.iter().map(read).collect()
}

/// A value of a list that stands for a row.
///
/// # Errors
/// If the row is too short, or the value cannot be read.
pub fn column<'a, T>(row: &'a [Value], index: usize, read: impl FnOnce(&'a Value) -> Read<T>) -> Read<T> {
    let value = row.get(index).ok_or_else(|| JsonError::new("missing"));
    value.and_then(read).map_err(|error| error.at(index))
}

/// As [`column()`], for a value that may be null.
///
/// # Errors
/// If the row is too short, or the value is not null and cannot be read.
pub fn nullable<'a, T>(row: &'a [Value], index: usize, read: impl FnOnce(&'a Value) -> Read<T>) -> Read<Option<T>> {
    column(row, index, |value| if value.is_null() { Ok(None) } else { read(value).map(Some) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn errors_name_their_path() {
        let value = json!({"steps": [{"pods": [["a", 1]]}, {"pods": [["b", "x"]]}]});
        let read = required(object(&value).expect("an object"), "steps", |steps| {
            each(steps, |step| required(object(step)?, "pods", |pods| each(pods, |row| column(list(row)?, 1, int32))))
        });
        let error = read.expect_err("a text is no number");
        assert_eq!(error.to_string(), "steps[1].pods[0][1]: expected a 32-bit integer, found a string");
        let missing = required(object(&value).expect("an object"), "config", object).expect_err("not there");
        assert_eq!(missing.to_string(), "config: missing");
    }

    #[test]
    fn null_is_absent() {
        let value = json!({"minReplicas": null});
        assert_eq!(optional(object(&value).expect("an object"), "minReplicas", int32), Ok(None));
    }

    #[test]
    fn quantities_may_be_plain_numbers() {
        assert_eq!(quantity(&json!(2000)), Ok(Quantity::from_units(2000)));
        assert_eq!(quantity(&json!("2k")), Ok(Quantity::from_units(2000)));
        assert!(quantity(&json!("two")).is_err());
    }
}
