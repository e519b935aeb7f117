//! Many operations on one scheduler.

use crate::manifest::json::{JsonError, Object, Read, boolean, optional, required, text};
use crate::manifest::json::{each, object};
use crate::replay::case::{CaseError, CaseResult};
use crate::replay::seldon::check::{all_fields, count, each_step, first_observation, span, texts, whole};
use crate::replay::seldon::decisions::direction;
use crate::seldon::model::{Model, ModelDefinition, ModelRequest, Version};
use crate::seldon::scheduler::{Effect, ModelReplica, NotApplied, Scheduler, SchedulerSettings};
use crate::seldon::server::{Server, ServerCounts, ServerReplica, VersionKey};
use crate::seldon::state::{ReplicaCounts, ReplicaState};
use crate::seldon::trigger::Direction;
use crate::units::{Id, ModelId, ServerId, SimTime};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Replays a case that is about this part; `None` when it is about another.
pub(super) fn replay(name: &str, case: &Map<String, Value>) -> Result<Option<CaseResult>, CaseError> {
    if !first_observation(case)?.is_some_and(|observed| observed.contains_key("op")) {
        return Ok(None);
    }
    let mut script = Script::new(case)?;
    let step = |now, observed: &Object| script.step(now, observed);
    Ok(Some(each_step(name, case, step, all_fields)?))
}

/// Memory of one agent.
#[derive(Default)]
struct Agent {
    memory_bytes: u64,
    overcommit_bytes: u64,
    registered: BTreeMap<VersionKey, u64>,
}

impl Agent {
    fn available(&self) -> u64 {
        let all = self.memory_bytes.saturating_add(self.overcommit_bytes);
        self.registered.values().fold(all, |left, &used| left.saturating_sub(used))
    }
}

/// The scheduler of a case with the parties that its script plays.
struct Script {
    scheduler: Scheduler,
    pack: bool,
    models: Vec<String>,
    servers: Vec<String>,
    agents: BTreeMap<(ServerId, u32), Agent>,
    effects: Vec<Effect>,
    shown: Shown,
}

/// What was visible after the last step, by name.
#[derive(Default)]
struct Shown {
    models: Map<String, Value>,
    servers: Map<String, Value>,
}

impl Script {
    fn new(case: &Object) -> Read<Self> {
        let config = required(case, "config", object)?;
        let settings =
            SchedulerSettings { cooldown: span(config, "cooldown_seconds")?, ..SchedulerSettings::default() };
        let named = |key| {
            let name = |step| optional(required(object(step)?, "observe", object)?, key, text);
            let mut names: Vec<String> =
                required(case, "steps", |steps| each(steps, name))?.into_iter().flatten().collect();
            names.sort_unstable();
            names.dedup();
            Ok(names)
        };
        Ok(Self {
            scheduler: Scheduler::new(settings),
            pack: required(config, "pack_draw", boolean)?,
            models: named("model")?,
            servers: named("server")?,
            agents: BTreeMap::new(),
            effects: Vec::new(),
            shown: Shown::default(),
        })
    }

    fn step(&mut self, now: SimTime, observed: &Object) -> Read<Object> {
        self.effects.clear();
        let mut decision = self.operate(now, observed)?;
        let events: Vec<Value> = self.effects.iter().filter_map(|effect| self.server_event(effect)).collect();
        if !events.is_empty() {
            decision.insert("server_events".to_owned(), events.into());
        }
        for (key, changed) in [("models", self.changed_models()), ("servers", self.changed_servers())] {
            if !changed.is_empty() {
                decision.insert(key.to_owned(), changed.into());
            }
        }
        Ok(decision)
    }

    fn operate(&mut self, now: SimTime, observed: &Object) -> Read<Object> {
        let operation = required(observed, "op", text)?;
        let result = match operation.as_str() {
            "server_notify" => {
                let counts = ServerCounts {
                    expected: required(observed, "replicas", count)?,
                    min: required(observed, "min", count)?,
                    max: required(observed, "max", count)?,
                };
                let server = self.server(observed)?;
                self.scheduler.server_notify(server, counts);
                json!({})
            }
            "replica_connect" => self.connect(now, observed)?,
            "model_apply" => self.apply(now, observed)?,
            "model_delete" => {
                let model = self.model(observed)?;
                json!({"ok": self.scheduler.model_delete(now, model, &mut self.effects).is_ok()})
            }
            "scaling_trigger" => self.trigger(now, observed)?,
            "agent_sync" => {
                self.scheduler.sync_agents(now, &mut self.effects);
                json!({})
            }
            "agent_ack" => {
                self.acknowledge(now, &[]);
                json!({})
            }
            "envoy_sync" => {
                self.scheduler.sync_routes(now, &mut self.effects);
                json!({})
            }
            "settle" => {
                self.settle(now, &texts(observed, "fail")?);
                json!({})
            }
            "schedule_failed" => {
                let retried = self.scheduler.schedule_failed_models(now, &mut self.effects);
                json!({"rescheduled": self.names(&retried)})
            }
            "replica_drain" => {
                let replica = self.replica(observed)?;
                let models = self.scheduler.replica_drain(now, replica, &mut self.effects);
                let moved = self.scheduler.move_drained(now, replica, &mut self.effects);
                json!({"models_to_move": self.names(&models), "failed_to_move": self.names(&moved.failed)})
            }
            "replica_disconnect" => {
                let replica = self.replica(observed)?;
                self.agents.remove(&replica);
                let gone = self.scheduler.replica_disconnect(now, replica, &mut self.effects);
                json!({"models_removed": self.names(&gone.removed)})
            }
            other => return Err(JsonError::new(format!("unknown operation {other:?}")).under("op")),
        };
        match result {
            Value::Object(result) => Ok(result),
            _ => unreachable!("every result is an object"),
        }
    }

    fn connect(&mut self, now: SimTime, observed: &Object) -> Read<Value> {
        let memory_bytes = required(observed, "memory", whole)?;
        let overcommit_percent = required(observed, "overcommit", whole)?;
        let overcommit_bytes = memory_bytes.saturating_mul(overcommit_percent) / 100;
        let agent = Agent { memory_bytes, overcommit_bytes, ..Agent::default() };
        let subscriber = ServerReplica::new(agent.available(), &texts(observed, "capabilities")?);
        let replica = self.replica(observed)?;
        self.agents.insert(replica, agent);
        let retried = self.scheduler.replica_connect(now, replica, subscriber, &[], &mut self.effects);
        Ok(json!({"rescheduled": self.names(&retried)}))
    }

    fn apply(&mut self, now: SimTime, observed: &Object) -> Read<Value> {
        let server = optional(observed, "server", text)?.filter(|name| !name.is_empty());
        let definition = ModelDefinition {
            artifact: required(observed, "uri", text)?,
            memory_bytes: required(observed, "memory", whole)?,
            requirements: texts(observed, "requirements")?,
            server: server.map(|_| self.server(observed)).transpose()?,
            explainer: false,
        };
        let counts = ReplicaCounts {
            wanted: required(observed, "replicas", count)?,
            min: required(observed, "min", count)?,
            max: required(observed, "max", count)?,
        };
        let model = self.model(observed)?;
        let request = ModelRequest { definition, counts };
        Ok(match self.scheduler.model_apply(now, model, request, &mut self.effects) {
            Ok(()) => json!({"ok": true}),
            Err(NotApplied::DeletionInProgress) => json!({"ok": false, "reason": "deletion-in-progress"}),
            Err(_) => json!({"ok": false}),
        })
    }

    fn trigger(&mut self, now: SimTime, observed: &Object) -> Read<Value> {
        let model = self.model(observed)?;
        let version = self.scheduler.model(model).map_or(0, |model| model.latest().number());
        let direction = required(observed, "type", direction)?;
        Ok(match self.scheduler.scaling_trigger(now, model, version, direction, &mut self.effects) {
            Ok(scaled) => json!({"accepted": true, "replicas": scaled.wanted, "ok": scaled.placed.is_ok()}),
            Err(refusal) => json!({"accepted": false, "reason": refusal.name()}),
        })
    }

    /// All agents answer what they have been told; loads of the models in `fail` fail.
    fn acknowledge(&mut self, now: SimTime, fail: &[String]) {
        let mut told = Vec::new();
        for (model, record) in self.scheduler.models() {
            for version in record.versions() {
                let Some(server) = version.server() else { continue };
                let busy = version
                    .replicas()
                    .iter()
                    .filter(|(_, status)| matches!(status.state, ReplicaState::Loading | ReplicaState::Unloading));
                let bytes = version.required_bytes();
                let version = version.number();
                let of = |replica| ModelReplica { model, version, server, replica };
                told.extend(busy.map(|(&replica, status)| (of(replica), status.state, bytes)));
            }
        }
        for (of, state, bytes) in told {
            let agent = self.agents.entry((of.server, of.replica)).or_default();
            let key = (of.model, of.version);
            let effects = &mut self.effects;
            if state == ReplicaState::Unloading {
                agent.registered.remove(&key);
                self.scheduler.unloaded(now, of, agent.available(), self.pack, effects);
            } else if fail.contains(&self.models[of.model.index()]) {
                self.scheduler.load_failed(now, of, agent.available(), self.pack, effects);
            } else {
                agent.registered.insert(key, bytes);
                self.scheduler.loaded(now, of, agent.available(), 1, effects);
            }
        }
    }

    fn settle(&mut self, now: SimTime, fail: &[String]) {
        loop {
            let before = self.scheduler.revision();
            self.scheduler.sync_agents(now, &mut self.effects);
            self.acknowledge(now, fail);
            self.scheduler.sync_routes(now, &mut self.effects);
            if self.scheduler.revision() == before {
                return;
            }
        }
    }

    fn model(&self, observed: &Object) -> Read<ModelId> {
        let name = required(observed, "model", text)?;
        Ok(ModelId::from_index(self.models.binary_search(&name).expect("all names of the case are listed")))
    }

    fn server(&self, observed: &Object) -> Read<ServerId> {
        let name = required(observed, "server", text)?;
        Ok(ServerId::from_index(self.servers.binary_search(&name).expect("all names of the case are listed")))
    }

    fn replica(&self, observed: &Object) -> Read<(ServerId, u32)> {
        Ok((self.server(observed)?, required(observed, "idx", count)?))
    }

    fn names(&self, models: &[ModelId]) -> Vec<&str> {
        let mut names: Vec<&str> = models.iter().map(|model| self.models[model.index()].as_str()).collect();
        names.sort_unstable();
        names
    }

    fn server_event(&self, effect: &Effect) -> Option<Value> {
        let &Effect::AskServer { server, direction, replicas } = effect else { return None };
        let kind = match direction {
            Direction::Up => "up",
            Direction::Down => "down",
        };
        let mut event = json!({"server": self.servers[server.index()], "type": kind, "scale": replicas.is_some()});
        if let Some(replicas) = replicas {
            event["replicas"] = replicas.into();
        }
        Some(event)
    }

    fn changed_models(&mut self) -> Map<String, Value> {
        let name = |id: ModelId| self.models[id.index()].clone();
        let seen = self.scheduler.models().map(|(id, model)| (name(id), self.model_entry(model))).collect();
        let changed = whole_changes(&self.shown.models, &seen);
        self.shown.models = seen;
        changed
    }

    fn model_entry(&self, model: &Model) -> Value {
        let latest = model.latest().number();
        let shown = |version: &&Version| {
            let present = |state| state != ReplicaState::Unloaded;
            version.number() == latest || version.replicas().values().any(|status| present(status.state))
        };
        let entry = |version: &Version| {
            let states: Map<String, Value> = version
                .replicas()
                .iter()
                .map(|(index, status)| (index.to_string(), status.state.name().into()))
                .collect();
            json!({
                "version": version.number(),
                "server": version.server().map_or("", |id| &self.servers[id.index()]),
                "state": version.status().state.name(),
                "replicas": version.counts().wanted,
                "available": version.status().available,
                "replica_states": states,
            })
        };
        let versions: Vec<Value> = model.versions().iter().filter(shown).map(entry).collect();
        json!({"deleted": model.deleted(), "versions": versions})
    }

    /// Servers that look otherwise than before: of each, the fields and the replicas that do.
    fn changed_servers(&mut self) -> Map<String, Value> {
        let name = |id: ServerId| self.servers[id.index()].clone();
        let seen: Map<String, Value> =
            self.scheduler.servers().map(|(id, server)| (name(id), self.server_entry(id, server))).collect();
        let mut changed = whole_changes(&self.shown.servers, &seen);
        for (name, entry) in &mut changed {
            let Value::Object(now) = entry else { continue };
            let before = self.shown.servers.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
            let mut fields = whole_changes(&before, now);
            if let Some(Value::Object(replicas)) = fields.get_mut("replicas") {
                let earlier = before.get("replicas").and_then(Value::as_object).cloned().unwrap_or_default();
                *replicas = whole_changes(&earlier, replicas);
                if replicas.is_empty() {
                    fields.remove("replicas");
                }
            }
            *now = fields;
        }
        self.shown.servers = seen;
        changed
    }

    fn server_entry(&self, id: ServerId, server: &Server) -> Value {
        let counts = server.counts().unwrap_or_default();
        let keys = |keys: &std::collections::BTreeSet<VersionKey>| -> Vec<String> {
            keys.iter().map(|(model, version)| format!("{}:{version}", self.models[model.index()])).collect()
        };
        let replica = |replica: &ServerReplica| {
            json!({
                "available_memory": replica.available_bytes(),
                "reserved_memory": replica.reserved_bytes(),
                "draining": replica.draining(),
                "loaded": sorted(keys(replica.loaded())),
                "loading": sorted(keys(replica.loading())),
            })
        };
        let replicas: Map<String, Value> =
            server.replicas().iter().map(|(index, connected)| (index.to_string(), replica(connected))).collect();
        json!({
            "expected": server.counts().map_or(-1, |counts| i64::from(counts.expected)),
            "min": counts.min,
            "max": counts.max,
            "empty_replicas": server.empty_replicas(),
            "max_model_replicas": self.scheduler.largest_wanted(id),
            "replicas": replicas,
        })
    }
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names
}

/// Entries that are new or other than before, and null for those that are gone.
fn whole_changes(before: &Map<String, Value>, now: &Map<String, Value>) -> Map<String, Value> {
    let changed = now.iter().filter(|(key, value)| before.get(*key) != Some(value));
    let gone = before.keys().filter(|key| !now.contains_key(*key)).map(|key| (key.clone(), Value::Null));
    changed.map(|(key, value)| (key.clone(), value.clone())).chain(gone).collect()
}
