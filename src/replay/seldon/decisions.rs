//! Single decisions of the scheduler and its store.

use crate::manifest::json::{self, JsonError, Object, Read, boolean, each, entries, int32, optional, required, text};
use crate::replay::case::{CaseError, CaseResult};
use crate::replay::seldon::check::{
    count, each_step, first_observation, model_state, named_fields, replica_states, span, texts, whole,
};
use crate::seldon::model::{Model, ModelDefinition, ModelRequest, Version};
use crate::seldon::placement::place;
use crate::seldon::routes::split;
use crate::seldon::scheduler::lacks_replicas;
use crate::seldon::server::{Server, ServerCounts, ServerReplica};
use crate::seldon::server_scaling::{ServerFigures, scale_down, scale_up};
use crate::seldon::state::{Circumstances, ModelState, ModelStatus, ReplicaCounts, judge};
use crate::seldon::trigger::{Direction, decide};
use crate::units::{Id, ServerId, SimTime, Span};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Late enough that every recorded age of a state fits before it.
const NOW: SimTime = SimTime::from_secs(1_000_000_000);

/// A decision: of the case and what one step observes.
type Decide = fn(&Object, &Object) -> Read<Value>;

/// Replays a case that is about this part; `None` when it is about another.
pub(super) fn replay(name: &str, case: &Map<String, Value>) -> Result<Option<CaseResult>, CaseError> {
    let Some(observed) = first_observation(case)? else { return Ok(None) };
    let Some(decide) = decision(observed) else { return Ok(None) };
    let step = |_, observed: &Object| match decide(case, observed)? {
        Value::Object(decision) => Ok(decision),
        _ => unreachable!("every decision is an object"),
    };
    Ok(Some(each_step(name, case, step, named_fields)?))
}

/// The decision that a step asks for.
fn decision(observed: &Object) -> Option<Decide> {
    if observed.contains_key("trigger") {
        return Some(lag_trigger);
    }
    match observed.get("event")?.as_str()? {
        "scale_up" => Some(server_up),
        "scale_down" => Some(server_down),
        "schedule" => Some(schedule),
        "assign" => Some(assign),
        "model_state" => Some(state_of_model),
        "traffic_share" => Some(traffic_share),
        "failed_models" => Some(failed_models),
        _ => None,
    }
}

fn of<'a>(case: &'a Object, key: &str) -> Read<&'a Object> {
    required(case, key, json::object)
}

fn lag_trigger(case: &Object, observed: &Object) -> Read<Value> {
    let spec = of(case, "spec")?;
    let versions = optional(spec, "versions", |list| each(list, |version| aged_version(json::object(version)?)))?;
    let deleted = required(spec, "deleted", boolean)?;
    let model = versions.filter(|versions| !versions.is_empty()).map(|versions| Model::new(versions, deleted));
    let direction = required(observed, "trigger", direction)?;
    let version = required(observed, "version", count)?;
    let cooldown = span(of(case, "config")?, "cooldown_seconds")?;
    Ok(match decide(NOW, model.as_ref(), version, direction, cooldown) {
        Ok(replicas) => json!({"accepted": true, "replicas": replicas}),
        Err(refusal) => json!({"accepted": false, "reason": refusal.name()}),
    })
}

/// Up or down.
pub(super) fn direction(value: &Value) -> Read<Direction> {
    match text(value)?.as_str() {
        "up" => Ok(Direction::Up),
        "down" => Ok(Direction::Down),
        other => Err(JsonError::new(format!("unknown direction {other:?}: up and down are known"))),
    }
}

fn aged_version(version: &Object) -> Read<Version> {
    let age: Span = span(version, "seconds_since_state_change")?;
    let status = ModelStatus {
        state: required(version, "state", model_state)?,
        since: Some(NOW.saturating_sub(age)),
        available: 0,
        unavailable: 0,
        draining: 0,
    };
    let counts = ReplicaCounts {
        wanted: required(version, "replicas", count)?,
        min: required(version, "min_replicas", count)?,
        max: required(version, "max_replicas", count)?,
    };
    let request = ModelRequest { counts, ..ModelRequest::default() };
    Ok(Version::new(required(version, "version", count)?, request).recorded(None, BTreeMap::new(), status))
}

fn expected(value: &Value) -> Read<Option<u32>> {
    if int32(value)? == -1 { Ok(None) } else { count(value).map(Some) }
}

fn scaled(replicas: Option<u32>) -> Value {
    match replicas {
        Some(replicas) => json!({"scale": true, "replicas": replicas}),
        None => json!({"scale": false}),
    }
}

fn server_up(_case: &Object, observed: &Object) -> Read<Value> {
    Ok(scaled(scale_up(&ServerFigures {
        expected: required(observed, "expected_replicas", expected)?,
        max: required(observed, "max_replicas", count)?,
        largest_wanted: required(observed, "max_model_replicas", count)?,
        ..ServerFigures::default()
    })))
}

fn server_down(case: &Object, observed: &Object) -> Read<Value> {
    let figures = ServerFigures {
        expected: required(observed, "expected_replicas", expected)?,
        min: required(observed, "min_replicas", count)?,
        empty: required(observed, "empty_replicas", count)?,
        largest_wanted: required(observed, "max_model_replicas", count)?,
        ..ServerFigures::default()
    };
    Ok(scaled(scale_down(&figures, required(of(case, "config")?, "pack_draw", boolean)?)))
}

/// Servers by name; a name that no recorded server has gets an id of its own.
#[derive(Default)]
struct Names(Vec<String>);

impl Names {
    fn id(&mut self, name: &str) -> ServerId {
        let place = self.0.iter().position(|known| known == name).unwrap_or_else(|| {
            self.0.push(name.to_owned());
            self.0.len() - 1
        });
        ServerId::from_index(place)
    }

    /// The server of this name; none without one.
    fn named(&mut self, name: Option<String>) -> Option<ServerId> {
        name.filter(|name| !name.is_empty()).map(|name| self.id(&name))
    }
}

fn schedule(case: &Object, _observed: &Object) -> Read<Value> {
    let spec = of(case, "spec")?;
    let mut names = Names::default();
    let servers: BTreeMap<ServerId, Server> =
        required(spec, "servers", |list| each(list, |server| recorded_server(json::object(server)?, &mut names)))?
            .into_iter()
            .collect();
    let model = of(spec, "model")?;
    let version = required(spec, "model", |_| recorded_version(model, &mut names))?;
    let name = |id: Option<ServerId>| id.map_or("", |id| names.0[id.index()].as_str());
    if required(model, "deleted", boolean)? {
        let server = name(version.server());
        return Ok(json!({"ok": true, "server": server, "replicas": [], "server_scale_up_event": false}));
    }
    let attempt = place(&version, &servers, true);
    let event = attempt.scale_up.is_some();
    // Upstream's own tests look at the set of replicas, not at their order.
    let ordered = !required(case, "source", text)?.contains("facts of upstream test");
    Ok(match attempt.outcome {
        Ok(mut chosen) => {
            if !ordered {
                chosen.replicas.sort_unstable();
            }
            json!({
                "ok": true,
                "server": name(Some(chosen.server)),
                "replicas": chosen.replicas,
                "server_scale_up_event": event,
            })
        }
        Err(failure) => json!({
            "ok": false,
            "state": ModelState::ScheduleFailed.name(),
            "reason": failure.reason.name(),
            "server_reset": failure.forget_server,
            "server_scale_up_event": event,
        }),
    })
}

fn recorded_server(server: &Object, names: &mut Names) -> Read<(ServerId, Server)> {
    let id = names.id(&required(server, "name", text)?);
    let capabilities = texts(server, "capabilities")?;
    let replica = |value: &Value| {
        let replica = json::object(value)?;
        let fresh = ServerReplica::new(required(replica, "available_memory", whole)?, &capabilities);
        let reserved = required(replica, "reserved_memory", whole)?;
        Ok((required(replica, "idx", count)?, fresh.with_books(reserved, required(replica, "draining", boolean)?)))
    };
    let replicas = required(server, "replicas", |list| each(list, replica))?.into_iter().collect();
    let counts = required(server, "expected_replicas", expected)?;
    let counts = counts.map(|expected| ServerCounts { expected, ..ServerCounts::default() });
    Ok((id, Server::new(counts, required(server, "shared", boolean)?, replicas)))
}

fn recorded_version(model: &Object, names: &mut Names) -> Read<Version> {
    let definition = ModelDefinition {
        artifact: String::new(),
        memory_bytes: required(model, "memory", whole)?,
        requirements: texts(model, "requirements")?,
        server: names.named(optional(model, "requested_server", text)?),
        explainer: required(model, "explainer", boolean)?,
    };
    let counts = ReplicaCounts {
        wanted: required(model, "replicas", count)?,
        min: required(model, "min_replicas", count)?,
        max: 0,
    };
    let server = names.named(optional(model, "current_server", text)?);
    let replicas = optional(model, "replica_states", replica_states)?.unwrap_or_default();
    let version = Version::new(1, ModelRequest { definition, counts });
    Ok(version.recorded(server, replicas, ModelStatus::NEW))
}

fn assign(case: &Object, observed: &Object) -> Read<Value> {
    let spec = of(case, "spec")?;
    let mut names = Names::default();
    let counts = ReplicaCounts {
        wanted: required(spec, "replicas", count)?,
        min: required(spec, "min_replicas", count)?,
        max: 0,
    };
    let version = |number| Version::new(number, ModelRequest { counts, ..ModelRequest::default() });
    let latest = required(spec, "latest_version", count)?;
    let server = names.named(optional(spec, "current_server", text)?);
    let replicas = optional(spec, "replica_states", replica_states)?.unwrap_or_default();
    let status = ModelStatus { state: required(spec, "state", model_state)?, ..ModelStatus::NEW };
    let mut versions: Vec<Version> = (1..latest).map(version).collect();
    versions.push(version(latest).recorded(server, replicas, status));
    let mut model = Model::new(versions, required(spec, "deleted", boolean)?);
    let server = names.named(optional(observed, "server", text)?);
    let chosen = optional(observed, "replicas", |list| each(list, count))?.unwrap_or_default();
    let ok = model.assign(NOW, required(observed, "version", count)?, server, &chosen).is_ok();
    let latest = model.latest();
    let states: Map<String, Value> =
        latest.replicas().iter().map(|(index, status)| (index.to_string(), status.state.name().into())).collect();
    Ok(json!({"ok": ok, "replica_states": states, "state": latest.status().state.name()}))
}

fn state_of_model(case: &Object, observed: &Object) -> Read<Value> {
    let spec = of(case, "spec")?;
    let counts = ReplicaCounts {
        wanted: required(spec, "replicas", count)?,
        min: required(spec, "min_replicas", count)?,
        max: 0,
    };
    let previous = optional(spec, "previous_version_state", model_state)?;
    let circumstances = Circumstances {
        deleted: required(spec, "deleted", boolean)?,
        latest: required(spec, "is_latest", boolean)?,
        counts,
        other_available: previous == Some(ModelState::Available),
    };
    let status = judge(&required(observed, "replica_states", replica_states)?, &circumstances);
    Ok(json!({
        "state": status.state.name(),
        "available": status.available,
        "unavailable": status.unavailable,
        "draining": status.draining,
    }))
}

fn traffic_share(case: &Object, observed: &Object) -> Read<Value> {
    let endpoints = |key| {
        let replicas = optional(observed, key, replica_states)?.unwrap_or_default();
        let version = Version::new(1, ModelRequest::default()).recorded(None, replicas, ModelStatus::NEW);
        u32::try_from(version.assignment().count()).map_err(|_| JsonError::new("too many").under(key))
    };
    let weight = required(of(case, "spec")?, "weight", count)?;
    let (latest, last) =
        split(weight, endpoints("latest_replica_states")?, endpoints("last_available_replica_states")?);
    Ok(json!({"latest_weight": latest, "last_available_weight": last}))
}

fn failed_models(_case: &Object, observed: &Object) -> Read<Value> {
    let lacks = |value| {
        let model = json::object(value)?;
        let state = required(model, "state", model_state)?;
        let available = required(model, "available", count)?;
        let status = ModelStatus { state, available, ..ModelStatus::NEW };
        Ok(lacks_replicas(&status, required(model, "replicas", count)?, true))
    };
    let models = required(observed, "models", |models| entries(models, lacks))?;
    let mut failed: Vec<String> = models.into_iter().filter(|row| row.1).map(|row| row.0).collect();
    failed.sort_unstable();
    Ok(json!({ "failed": failed }))
}
