//! Agent statistics and cache, validation, core services: one small part each.

use crate::manifest::json::{self, JsonError, Object, Read, column, each, entries, optional, required, text};
use crate::replay::case::{CaseError, CaseResult, Difference, Level};
use crate::seldon::agent::{AgentCache, Infer, Load, Unload};
use crate::seldon::gateway::{HashRing, bucket, replica_limit};
use crate::seldon::lag::{LagEvent, LagSettings, LagStats, Wire};
use crate::seldon::spec::{CoreVersion, UNLIMITED, effective_scaling};
use crate::units::Id;
use crate::units::SimTime;
use crate::units::id::ModelId;
use serde_json::{Map, Value, json};

/// Replays a case that is about this part; `None` when it is about another.
pub(super) fn replay(name: &str, case: &Map<String, Value>) -> Result<Option<CaseResult>, CaseError> {
    let Some(mut part) = part(case)? else { return Ok(None) };
    let mut result = CaseResult::new(name);
    required(case, "steps", |steps| each(steps, |step| one_step(json::object(step)?, &mut *part, &mut result)))?;
    Ok(Some(result))
}

/// What a case drives.
trait Part {
    /// What is observed at this time, to the decision in the shape of `expect`.
    fn step(&mut self, at: SimTime, observe: &Object) -> Read<Value>;
}

/// The part that a case is about, by its scaler and what its first step observes.
fn part(case: &Object) -> Read<Option<Box<dyn Part>>> {
    let first = case.get("steps").and_then(|steps| steps.get(0)?.get("observe"));
    let observed = |key: &str| first.and_then(|observe| observe.get(key));
    let word = |key| observed(key).and_then(Value::as_str);
    let scaler = case.get("scaler").and_then(Value::as_str);
    let is_list = |key| observed(key).is_some_and(Value::is_array);
    Ok(match (scaler, word("event").or_else(|| word("op"))) {
        (Some("seldon-lag"), _) if is_list("events") => Some(Box::new(LagCase::read(case)?)),
        (Some("seldon-placement"), Some("load" | "unload" | "infer")) => Some(Box::new(CacheCase::read(case)?)),
        (Some("seldon-server"), Some("validate")) => Some(Box::new(Validation)),
        (Some("seldon-server"), Some("core_service_replicas")) => Some(Box::new(ServiceReplicas::read(case)?)),
        (Some("seldon-server"), Some("add_server" | "remove_server")) => Some(Box::new(RingCase::read(case)?)),
        (Some("seldon-server"), Some("bucket")) => Some(Box::new(BucketCase::read(case)?)),
        _ => None,
    })
}

fn one_step(step: &Object, part: &mut dyn Part, result: &mut CaseResult) -> Read<()> {
    let at = required(step, "at", time)?;
    let decision = required(step, "observe", |observe| part.step(at, json::object(observe)?))?;
    if let Some(expect) = optional(step, "expect", json::object)? {
        for (field, wanted) in expect {
            let seen = decision.get(field);
            if seen != Some(wanted) {
                result.differences.push(Difference {
                    step: result.steps,
                    at_s: at.as_secs_f64(),
                    level: Level::A,
                    field: field.clone(),
                    wanted: wanted.to_string(),
                    seen: seen.map_or("absent".to_owned(), Value::to_string),
                });
            }
        }
        result.compared += 1;
    }
    result.decisions.push(decision);
    result.steps += 1;
    Ok(())
}

fn time(value: &Value) -> Read<SimTime> {
    json::seconds(value).map(|since| SimTime::ZERO + since)
}

fn whole(value: &Value) -> Read<u64> {
    value.as_u64().ok_or_else(|| JsonError::new("expected a whole number, not negative"))
}

fn whole32(value: &Value) -> Read<u32> {
    let number = whole(value)?;
    u32::try_from(number).map_err(|_| JsonError::new(format!("{number} is more than 32 bits hold")))
}

fn integer(value: &Value) -> Read<i64> {
    value.as_i64().ok_or_else(|| JsonError::new("expected an integer"))
}

fn unknown(key: &str, word: &str, known: &str) -> JsonError {
    JsonError::new(format!("unknown {key} {word:?}: {known} are known")).under(key)
}

/// Names in alphabetical order, so that the order of ids is that of names.
struct Names(Vec<String>);

impl Names {
    fn new(mut names: Vec<String>) -> Self {
        names.sort_unstable();
        names.dedup();
        Self(names)
    }

    fn id(&self, name: &str) -> Read<ModelId> {
        let place = self.0.binary_search_by(|other| other.as_str().cmp(name));
        place.map(ModelId::from_index).map_err(|_| JsonError::new(format!("no model {name:?} in the spec")))
    }

    fn name(&self, model: ModelId) -> &str {
        &self.0[model.index()]
    }

    fn ids(&self) -> impl Iterator<Item = ModelId> + use<> {
        (0..self.0.len()).map(ModelId::from_index)
    }

    /// An id, from a value that names it.
    fn read(&self, value: &Value) -> Read<ModelId> {
        self.id(&text(value)?)
    }

    fn list(&self, models: impl Iterator<Item = ModelId>) -> Value {
        models.map(|model| self.name(model)).collect()
    }
}

/// The statistics of one agent; a step is a tick.
struct LagCase {
    names: Names,
    enabled: Vec<ModelId>,
    stats: LagStats,
    out: Vec<LagEvent>,
}

impl LagCase {
    fn read(case: &Object) -> Read<Self> {
        let settings = |config| {
            let config = json::object(config)?;
            Ok(LagSettings {
                period: required(config, "scaling_stats_period_seconds", json::seconds)?,
                inference_lag_threshold: required(config, "model_inference_lag_threshold", whole32)?,
                inactive_threshold_s: required(config, "model_inactive_seconds_threshold", whole)?,
                grpc_counted: false,
            })
        };
        let stats = LagStats::new(required(case, "config", settings)?);
        required(case, "spec", |spec| {
            let spec = json::object(spec)?;
            let names = Names::new(required(spec, "models", |list| each(list, text))?);
            let enabled = optional(spec, "autoscaling_enabled", |list| each(list, |model| names.read(model)))?
                .unwrap_or_default();
            Ok(Self { names, enabled, stats, out: Vec::new() })
        })
    }

    fn event(&mut self, row: &Value) -> Read<()> {
        let row = json::list(row)?;
        let at = column(row, 0, time)?;
        let model = column(row, 2, |model| self.names.read(model))?;
        match column(row, 1, text)?.as_str() {
            "loaded" => self.stats.loaded(model, at, self.enabled.contains(&model)),
            "unloaded" => self.stats.unloaded(model),
            "start" => self.stats.start(model, at, Wire::Rest),
            "end" => self.stats.end(model, Wire::Rest),
            other => return Err(unknown("[1]", other, "loaded, unloaded, start and end")),
        }
        Ok(())
    }
}

impl Part for LagCase {
    fn step(&mut self, at: SimTime, observe: &Object) -> Read<Value> {
        required(observe, "events", |events| each(events, |row| self.event(row)))?;
        self.out.clear();
        self.stats.tick(at, &mut self.out);
        self.out.sort_by_key(LagEvent::model);
        let name = |model| self.names.name(model);
        let ups = self.out.iter().filter_map(|event| match *event {
            LagEvent::Up { model, lag } => Some(json!({ "lag": lag, "model": name(model) })),
            LagEvent::Down { .. } => None,
        });
        let downs = self.out.iter().filter_map(|event| match *event {
            LagEvent::Down { model, last_used_s } => Some(json!({ "last_used": last_used_s, "model": name(model) })),
            LagEvent::Up { .. } => None,
        });
        let lag = |model| Some((name(model).to_owned(), json!(self.stats.lag(model)?)));
        Ok(json!({
            "scale_up": ups.collect::<Vec<_>>(),
            "scale_down": downs.collect::<Vec<_>>(),
            "lag_after": self.names.ids().filter_map(lag).collect::<Object>(),
        }))
    }
}

/// The memory of one agent.
struct CacheCase {
    names: Names,
    /// By model.
    bytes: Vec<u64>,
    cache: AgentCache,
}

impl CacheCase {
    fn read(case: &Object) -> Read<Self> {
        let cache = required(case, "config", |config| {
            let config = json::object(config)?;
            let overcommit_percent = required(config, "overcommit_percentage", whole32)?;
            Ok(AgentCache::new(required(config, "memory", whole)?, overcommit_percent))
        })?;
        required(case, "spec", |spec| {
            let spec = json::object(spec)?;
            let memory = required(spec, "model_memory", |models| entries(models, whole))?;
            let instances = optional(spec, "instances", |models| entries(models, whole))?.unwrap_or_default();
            let names = Names::new(memory.iter().map(|(name, _)| name.clone()).collect());
            let mut bytes = vec![0; names.0.len()];
            for (name, memory) in memory {
                bytes[names.id(&name)?.index()] = memory;
            }
            for (name, instances) in instances {
                let bytes = &mut bytes[names.id(&name).map_err(|error| error.under("instances"))?.index()];
                *bytes = bytes.saturating_mul(instances);
            }
            Ok(Self { names, bytes, cache })
        })
    }
}

impl Part for CacheCase {
    fn step(&mut self, _at: SimTime, observe: &Object) -> Read<Value> {
        let model = required(observe, "model", |model| self.names.read(model))?;
        let mut evicted = Vec::new();
        let op = required(observe, "op", text)?;
        let (ok, own) = match op.as_str() {
            "load" => match self.cache.load(model, self.bytes[model.index()], &mut evicted) {
                Load::Started => (true, Some("load")),
                Load::AlreadyRegistered => (true, None),
                Load::NoRoom => (false, None),
            },
            "infer" => match self.cache.infer(model, &mut evicted) {
                Infer::Hit | Infer::Wait => (true, None),
                Infer::Reload => (true, Some("load")),
                Infer::NoRoom | Infer::Unknown => (false, None),
            },
            "unload" => match self.cache.unload(model) {
                Unload::FromMemory => (true, Some("unload")),
                Unload::FromDisk => (true, None),
                Unload::Unknown => (false, None),
            },
            other => return Err(unknown("op", other, "load, unload and infer")),
        };
        if own == Some("load") {
            self.cache.loaded(model);
        }
        let unloads = evicted.into_iter().map(|model| ("unload", model));
        let calls = unloads.chain(own.map(|call| (call, model)));
        Ok(json!({
            "ok": ok,
            "server_calls": calls.map(|(call, model)| json!([call, self.names.name(model)])).collect::<Vec<_>>(),
            "in_memory": self.names.list(self.cache.in_memory()),
            "registered": self.names.list(self.cache.registered()),
            "available": self.cache.available_bytes(),
            "available_with_overcommit": self.cache.available_for_scheduler_bytes(),
        }))
    }
}

/// The operator's check of replica counts.
struct Validation;

impl Part for Validation {
    fn step(&mut self, _at: SimTime, observe: &Object) -> Read<Value> {
        let count = |key| optional(observe, key, integer);
        let counts = (count("replicas")?, count("min_replicas")?, count("max_replicas")?);
        Ok(match effective_scaling(CoreVersion::V2_10, counts.0, counts.1, counts.2) {
            Ok(scaling) => json!({
                "valid": true,
                "replicas": scaling.replicas,
                "min_replicas": scaling.min,
                "max_replicas": Some(scaling.max).filter(|&max| max != UNLIMITED),
            }),
            Err(error) => json!({ "valid": false, "error": error.to_string() }),
        })
    }
}

/// The operator's limit on replicas of gateways and engine.
struct ServiceReplicas {
    max_num_consumers: u32,
    multiplier: u32,
}

impl ServiceReplicas {
    fn read(case: &Object) -> Read<Self> {
        required(case, "config", |config| {
            let config = json::object(config)?;
            let multiplier = required(config, "max_shard_count_multiplier", whole32)?;
            Ok(Self { max_num_consumers: required(config, "max_num_consumers", whole32)?, multiplier })
        })
    }
}

impl Part for ServiceReplicas {
    fn step(&mut self, _at: SimTime, observe: &Object) -> Read<Value> {
        let limit = replica_limit(required(observe, "resources", whole32)?, self.max_num_consumers, self.multiplier);
        let asked = required(observe, "spec_replicas", whole32)?;
        Ok(json!({ "limit": limit, "replicas": asked.min(limit) }))
    }
}

/// The hash ring; servers come and go.
struct RingCase {
    partitions: u32,
    keys: Vec<String>,
    /// Every server met, by number.
    servers: Vec<String>,
    ring: HashRing,
}

impl RingCase {
    fn read(case: &Object) -> Read<Self> {
        let partitions = required(case, "config", |config| required(json::object(config)?, "partitions", whole32))?;
        let keys = |spec| required(json::object(spec)?, "keys", |keys| each(keys, text));
        let keys = required(case, "spec", keys)?;
        Ok(Self { partitions, keys, servers: Vec::new(), ring: HashRing::default() })
    }
}

impl Part for RingCase {
    fn step(&mut self, _at: SimTime, observe: &Object) -> Read<Value> {
        let server = required(observe, "server", text)?;
        match required(observe, "event", text)?.as_str() {
            "add_server" => {
                let number = self.servers.len() as u32;
                self.ring.add(&server, number);
                self.servers.push(server);
            }
            "remove_server" => self.ring.remove(&server),
            other => return Err(unknown("event", other, "add_server and remove_server")),
        }
        let name = |server: u32| self.servers[server as usize].as_str();
        let assigned = |key: &String| {
            let servers: Value = self.ring.servers(key, self.partitions).map(name).collect();
            (key.clone(), servers)
        };
        Ok(json!({
            "servers_per_key": self.ring.servers_per_key(self.partitions),
            "assignment": self.keys.iter().map(assigned).collect::<Object>(),
        }))
    }
}

/// The bucket of a name.
struct BucketCase {
    max_num_consumers: u32,
}

impl BucketCase {
    fn read(case: &Object) -> Read<Self> {
        let read = |config| required(json::object(config)?, "max_num_consumers", whole32);
        Ok(Self { max_num_consumers: required(case, "config", read)? })
    }
}

impl Part for BucketCase {
    fn step(&mut self, _at: SimTime, observe: &Object) -> Read<Value> {
        Ok(json!({ "bucket": bucket(&required(observe, "key", text)?, self.max_num_consumers) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replayed(scaler: &str, rest: &Value) -> Result<Option<CaseResult>, String> {
        let mut case = rest.as_object().expect("an object").clone();
        case.insert("scaler".to_owned(), json!(scaler));
        replay("x", &case).map_err(|error| error.to_string())
    }

    fn steps(observe: &Value, expect: &Value) -> Value {
        json!([{ "at": 0, "observe": observe, "expect": expect }])
    }

    #[test]
    fn cases_of_other_parts_are_left_alone() {
        for (scaler, observe) in [
            ("seldon-lag", json!({ "trigger": "up" })),
            ("seldon-placement", json!({ "op": "server_notify" })),
            ("seldon-server", json!({ "event": "scale_up" })),
            ("hpa", json!({ "event": "bucket" })),
        ] {
            assert_eq!(replayed(scaler, &json!({ "steps": steps(&observe, &json!({})) })), Ok(None));
        }
        assert_eq!(replayed("seldon-server", &json!({ "steps": [] })), Ok(None));
    }

    #[test]
    fn malformed_cases_say_where() {
        let bucket = steps(&json!({ "event": "bucket" }), &json!({}));
        let problem = |rest: Value| replayed("seldon-server", &rest).expect_err("malformed");
        assert_eq!(problem(json!({ "steps": bucket })), "config: missing");
        let config = json!({ "max_num_consumers": 7 });
        assert_eq!(problem(json!({ "steps": bucket, "config": config })), "steps[0].observe.key: missing");
        let config = json!({ "max_num_consumers": -7 });
        let expected = "config.max_num_consumers: expected a whole number, not negative";
        assert_eq!(problem(json!({ "steps": bucket, "config": config })), expected);
    }

    #[test]
    fn what_differs_is_named() {
        let observe = json!({ "event": "core_service_replicas", "resources": 2, "spec_replicas": 9 });
        let config = json!({ "max_num_consumers": 100, "max_shard_count_multiplier": 3 });
        let steps = steps(&observe, &json!({ "limit": 7, "replicas": 6, "more": 1 }));
        let result = replayed("seldon-server", &json!({ "config": config, "steps": steps }));
        let result = result.expect("well formed").expect("of this part");
        let seen: Vec<_> = result.differences.iter().map(|it| (it.field.as_str(), it.seen.as_str())).collect();
        assert_eq!(seen, [("limit", "6"), ("more", "absent")]);
    }
}
