//! Where Envoy sends a model's requests.
//!
//! Routes are what was last published, not what is true now: they change only with an update.
//!
//! Source of the rules: scheduler `pkg/envoy/processor/incremental.go`.

use crate::seldon::model::Model;
use crate::seldon::model::Version;
use crate::seldon::scheduler::Effect;
use crate::seldon::scheduler::Scheduler;
use crate::seldon::state::ReplicaState;
use crate::seldon::state::ReplicaStatus;
use crate::units::Id;
use crate::units::ModelId;
use crate::units::ServerId;
use crate::units::SimTime;

/// All of a model's traffic.
const WHOLE: u32 = 100;

/// The part of a model's route that leads to one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The version.
    pub version: u32,
    /// Its server.
    pub server: ServerId,
    /// Share of the model's requests in percent. The shares of a model sum to 100.
    pub weight_percent: u32,
    /// Ordinals of the server replicas that share them, ascending.
    pub replicas: Vec<u32>,
}

/// Splits `weight` during a rolling update: the latest version's share, and the last available version's. The arguments are
/// the numbers of endpoints of each.
pub fn split(weight: u32, latest: u32, last_available: u32) -> (u32, u32) {
    let all = u64::from(latest) + u64::from(last_available);
    let share = (u64::from(weight) * u64::from(last_available)).checked_div(all).unwrap_or_default();
    let share = u32::try_from(share).expect("a share is at most the whole");
    (weight - share, share)
}

/// Writes the routes that a model should have now.
fn write(model: &Model, routes: &mut Vec<Route>) {
    routes.clear();
    if !model.can_receive_traffic() {
        return;
    }
    let latest = model.latest();
    let previous = model.last_available().filter(|last| last.number() != latest.number());
    let endpoints = |version: &Version| u32::try_from(version.assignment().count()).expect("fewer than 2^32 endpoints");
    let (latest_weight, previous_weight) =
        previous.map_or((WHOLE, 0), |previous| split(WHOLE, endpoints(latest), endpoints(previous)));
    let parts = previous.map(|previous| (previous, previous_weight)).into_iter().chain([(latest, latest_weight)]);
    for (version, weight_percent) in parts {
        let replicas: Vec<u32> = version.assignment().collect();
        if let Some(server) = version.server().filter(|_| !replicas.is_empty()) {
            routes.push(Route { version: version.number(), server, weight_percent, replicas });
        }
    }
}

impl Scheduler {
    /// Routes of a model as last published: at most two versions, none if requests find nowhere to go.
    pub fn routes(&self, model: ModelId) -> &[Route] {
        self.published.get(model.index()).map_or(&[], Vec::as_slice)
    }

    /// Takes a server replica out of all published routes ahead of the next update: Envoy has found it dead.
    pub fn drop_endpoint(&mut self, server: ServerId, replica: u32) {
        for routes in &mut self.published {
            for route in routes.iter_mut().filter(|route| route.server == server) {
                route.replicas.retain(|&index| index != replica);
            }
            routes.retain(|route| !route.replicas.is_empty());
        }
    }

    /// Publishes the routes of all models; then what is loaded is available, and what has lost its route can be unloaded.
    /// These changes make routes stale again, for the next update.
    pub fn sync_routes(&mut self, now: SimTime, effects: &mut Vec<Effect>) {
        if self.restarting || !self.routes_stale {
            return;
        }
        self.routes_stale = false;
        for (index, routes) in self.published.iter_mut().enumerate() {
            if !self.models.contains_key(&ModelId::from_index(index)) {
                routes.clear();
            }
        }
        let ids: Vec<ModelId> = self.models.keys().copied().collect();
        for id in ids {
            let model = self.models.get_mut(&id).expect("a listed model is known");
            if self.published.len() <= id.index() {
                self.published.resize_with(id.index() + 1, Vec::new);
            }
            write(model, &mut self.published[id.index()]);
            self.follow_routes(now, id, effects);
        }
    }

    fn follow_routes(&mut self, now: SimTime, id: ModelId, effects: &mut Vec<Effect>) {
        let model = self.models.get_mut(&id).expect("a listed model is known");
        let place = model.versions.len() - 1;
        let latest = model.latest_mut();
        let mut moved = false;
        if latest.server.is_some_and(|server| self.servers.contains_key(&server)) {
            for status in latest.replicas.values_mut() {
                let next = match status.state {
                    ReplicaState::Loaded | ReplicaState::LoadedUnavailable => ReplicaState::Available,
                    ReplicaState::UnloadEnvoyRequested => ReplicaState::UnloadRequested,
                    _ => continue,
                };
                *status = ReplicaStatus { state: next, since: now };
                moved = true;
            }
        }
        if moved {
            model.judge(place);
        }
        if model.unload_superseded(now) || moved {
            self.changed(id, effects);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seldon::bench::Bench;
    use crate::seldon::bench::MODEL;
    use crate::seldon::bench::SERVER;
    use crate::seldon::bench::counts;

    #[test]
    fn shares_follow_endpoints_and_the_latest_gets_the_rest() {
        assert_eq!(split(100, 1, 3), (25, 75));
        assert_eq!(split(100, 2, 1), (67, 33));
        assert_eq!(split(100, 0, 2), (0, 100));
        assert_eq!(split(100, 2, 0), (100, 0));
        assert_eq!(split(100, 0, 0), (100, 0));
    }

    #[test]
    fn a_rolling_update_shares_traffic_until_the_new_version_is_available() {
        let mut bench = Bench::new(2, 2);
        bench.apply("old", 0, counts(2, 0)).expect("placed");
        bench.settle();
        bench.apply("new", 0, counts(2, 0)).expect("placed");
        bench.tell();
        assert!(bench.loaded(0));
        bench.route();
        assert_eq!(bench.routes(), [(1, 66, vec![0, 1]), (2, 34, vec![0])]);
        bench.settle();
        assert_eq!(bench.routes(), [(2, 100, vec![0, 1])]);
        let old = bench.scheduler.model(MODEL).and_then(|model| model.version(1)).expect("it stays on record");
        assert!(old.replicas().values().all(|status| status.state == ReplicaState::Unloaded));
    }

    #[test]
    fn a_dead_endpoint_can_be_taken_out_ahead_of_the_update() {
        let mut bench = Bench::new(2, 2);
        bench.apply("a", 0, counts(2, 0)).expect("placed");
        bench.settle();
        bench.scheduler.drop_endpoint(SERVER, 0);
        assert_eq!(bench.routes(), [(1, 100, vec![1])]);
        bench.scheduler.drop_endpoint(SERVER, 1);
        assert_eq!(bench.routes(), []);
    }
}
