//! What the parts share: reading what recorded cases are made of, and comparing a step.

use crate::manifest::json::{self, JsonError, Object, Read, each, entries, optional, required, seconds, text};
use crate::replay::case::{CaseResult, Difference, Level};
use crate::seldon::state::{ModelState, ReplicaState, ReplicaStatus};
use crate::units::{SimTime, Span};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A whole number that is not negative.
pub(super) fn whole(value: &Value) -> Read<u64> {
    value.as_u64().ok_or_else(|| JsonError::new("expected a whole number, not negative"))
}

/// A count.
pub(super) fn count(value: &Value) -> Read<u32> {
    u32::try_from(whole(value)?).map_err(|_| JsonError::new("larger than 4294967295"))
}

/// A recorded time.
pub(super) fn time(value: &Value) -> Read<SimTime> {
    seconds(value).map(|since| SimTime::ZERO + since)
}

/// State of a model.
pub(super) fn model_state(value: &Value) -> Read<ModelState> {
    let name = text(value)?;
    ModelState::named(&name).ok_or_else(|| JsonError::new(format!("unknown model state {name:?}")))
}

/// States of a model's replicas by ordinal, all of one age.
pub(super) fn replica_states(value: &Value) -> Read<BTreeMap<u32, ReplicaStatus>> {
    let state = |value: &Value| {
        let name = text(value)?;
        let state =
            ReplicaState::named(&name).ok_or_else(|| JsonError::new(format!("unknown replica state {name:?}")))?;
        Ok(ReplicaStatus { state, since: SimTime::ZERO })
    };
    let keyed = |(index, status): (String, ReplicaStatus)| {
        let index = index.parse().map_err(|_| JsonError::new("an ordinal is a whole number").under(&index))?;
        Ok((index, status))
    };
    entries(value, state)?.into_iter().map(keyed).collect()
}

/// A list of texts; null is an empty one.
pub(super) fn texts(object: &Object, key: &str) -> Read<Vec<String>> {
    Ok(optional(object, key, |list| each(list, text))?.unwrap_or_default())
}

/// The only step of a case that is one decision.
pub(super) fn first_observation(case: &Object) -> Read<Option<&Object>> {
    let first = |steps| match json::list(steps)?.first() {
        None => Ok(None),
        Some(step) => required(json::object(step)?, "observe", json::object).map(Some).map_err(|error| error.at(0)),
    };
    required(case, "steps", first)
}

/// Calls `step` for each step, with its time and what is observed, and compares what it decides.
pub(super) fn each_step(
    name: &str,
    case: &Object,
    mut step: impl FnMut(SimTime, &Object) -> Read<Object>,
    differs: impl Fn(&Object, &Object) -> Vec<Gap>,
) -> Read<CaseResult> {
    let mut result = CaseResult::new(name);
    let mut last = SimTime::ZERO;
    required(case, "steps", |steps| {
        each(steps, |recorded| {
            let recorded = json::object(recorded)?;
            let at = required(recorded, "at", time)?;
            if at < last {
                return Err(JsonError::new("earlier than the step before").under("at"));
            }
            last = at;
            let observed = required(recorded, "observe", json::object)?;
            let decision = step(at, observed).map_err(|error| error.under("observe"))?;
            let expect = optional(recorded, "expect", json::object)?;
            record(&mut result, at, decision, expect, &differs);
            Ok(())
        })
    })?;
    Ok(result)
}

/// Notes one step.
pub(super) fn record(
    result: &mut CaseResult,
    at: SimTime,
    decision: Object,
    expect: Option<&Object>,
    differs: impl Fn(&Object, &Object) -> Vec<Gap>,
) {
    if let Some(expect) = expect {
        let step = result.steps;
        result.compared += 1;
        result.differences.extend(differs(expect, &decision).into_iter().map(|gap| Difference {
            step,
            at_s: at.as_secs_f64(),
            level: Level::A,
            field: gap.field,
            wanted: gap.wanted,
            seen: gap.seen,
        }));
    }
    result.steps += 1;
    result.decisions.push(Value::Object(decision));
}

/// A field in which both sides differ.
pub(super) struct Gap {
    field: String,
    wanted: String,
    seen: String,
}

/// Fields of `expect` that are decided otherwise. What `expect` leaves out is not looked at.
pub(super) fn named_fields(expect: &Object, decision: &Object) -> Vec<Gap> {
    let mut gaps = Vec::new();
    for (key, wanted) in expect {
        compare(key, wanted, decision.get(key).unwrap_or(&Value::Null), &mut gaps);
    }
    gaps
}

/// Fields of either side that the other one lacks or has otherwise: what `expect` leaves out must be left out.
pub(super) fn all_fields(expect: &Object, decision: &Object) -> Vec<Gap> {
    let mut gaps = named_fields(expect, decision);
    let extra = decision.iter().filter(|(key, _)| !expect.contains_key(*key));
    gaps.extend(extra.map(|(key, seen)| Gap {
        field: key.clone(),
        wanted: "absent".to_owned(),
        seen: seen.to_string(),
    }));
    gaps
}

fn compare(field: &str, wanted: &Value, seen: &Value, gaps: &mut Vec<Gap>) {
    match (wanted, seen) {
        (Value::Object(wanted), Value::Object(seen)) => {
            let keys = wanted.keys().chain(seen.keys().filter(|key| !wanted.contains_key(*key)));
            for key in keys {
                let side = |object: &Map<String, Value>| object.get(key).cloned();
                match (side(wanted), side(seen)) {
                    (Some(wanted), Some(seen)) => compare(&format!("{field}.{key}"), &wanted, &seen, gaps),
                    (wanted, seen) => {
                        let word = |side: Option<Value>| side.map_or("absent".to_owned(), |value| value.to_string());
                        gaps.push(Gap { field: format!("{field}.{key}"), wanted: word(wanted), seen: word(seen) });
                    }
                }
            }
        }
        (wanted, seen) if wanted.is_number() && wanted.as_f64() == seen.as_f64() => {}
        (wanted, seen) if wanted == seen => {}
        (wanted, seen) => {
            gaps.push(Gap { field: field.to_owned(), wanted: wanted.to_string(), seen: seen.to_string() });
        }
    }
}

/// A length of time in seconds under this key.
pub(super) fn span(object: &Object, key: &str) -> Read<Span> {
    required(object, key, seconds)
}
