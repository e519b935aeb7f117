//! Which server replicas a model gets.
//!
//! Law: a pure function of the version and the servers. Servers are met in the order of their ids after the one the model is
//! on; upstream's order among them is random.
//!
//! Source of the rules: scheduler `pkg/scheduler` (`scheduler.go`, `filters/`, `sorters/`).

use crate::seldon::model::Version;
use crate::seldon::server::Server;
use crate::seldon::server::ServerReplica;
use crate::seldon::state::ReplicaState;
use crate::seldon::state::Unplaced;
use crate::units::ServerId;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// What a server replica needs to take an explainer.
const EXPLAINS: &str = "alibi-explain";

/// Server replicas for a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The server.
    pub server: ServerId,
    /// Ordinals, the best one first.
    pub replicas: Vec<u32>,
}

/// A failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Why.
    pub reason: Unplaced,
    /// The model is no longer bound to its server.
    pub forget_server: bool,
}

/// What one attempt to place a model gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Where it goes.
    pub outcome: Result<Chosen, Failure>,
    /// The server that should grow: the model was on it and did not get all that it wants.
    pub scale_up: Option<ServerId>,
}

/// One attempt to place a version. With `partial`, fewer replicas than wanted will do if the model names a least number.
pub fn place(version: &Version, servers: &BTreeMap<ServerId, Server>, partial: bool) -> Attempt {
    let own = version.server().and_then(|id| servers.get_key_value(&id));
    let others = servers.iter().filter(|&(&id, _)| Some(id) != version.server());
    let matching: Vec<(ServerId, &Server)> = own
        .into_iter()
        .chain(others)
        .map(|(&id, server)| (id, server))
        .filter(|&entry| matches(version, entry))
        .collect();
    if matching.is_empty() {
        let failure = Failure { reason: Unplaced::NoMatchingServer, forget_server: !version.is_live() };
        return Attempt { outcome: Err(failure), scale_up: None };
    }
    let counts = version.counts();
    let find = |needed: u32| {
        matching.iter().find_map(|&(id, server)| {
            let replicas = choose(version, id, server, needed, counts.wanted)?;
            Some(Chosen { server: id, replicas })
        })
    };
    if let Some(chosen) = find(counts.wanted) {
        return Attempt { outcome: Ok(chosen), scale_up: None };
    }
    let some = if partial && counts.min > 0 { find(counts.min) } else { None };
    let bound = || version.is_live() || version.any(ReplicaState::loading_or_loaded);
    let failure = || Failure { reason: Unplaced::NotEnoughReplicas, forget_server: !bound() };
    Attempt { outcome: some.ok_or_else(failure), scale_up: version.server() }
}

/// True if the server may take the model at all.
fn matches(version: &Version, (id, server): (ServerId, &Server)) -> bool {
    let definition = &version.request().definition;
    !server.replicas.is_empty()
        && definition.server.map_or(server.shared, |requested| requested == id)
        && server.counts.is_none_or(|counts| counts.expected != 0)
        && definition.requirements.iter().all(|requirement| server.can(requirement.trim()))
}

/// The best replicas of a server, as many as wanted; `None` if fewer than needed have room.
fn choose(version: &Version, id: ServerId, server: &Server, needed: u32, wanted: u32) -> Option<Vec<u32>> {
    let here = version.server() == Some(id);
    let state = |index| if here { version.replica(index) } else { ReplicaState::Unknown };
    let fits = |index, replica: &ServerReplica| {
        let has_room = version.required_bytes() <= replica.free_bytes() || state(index).loading_or_loaded();
        let explains = !version.request().definition.explainer || replica.can(EXPLAINS);
        has_room && explains && !replica.draining
    };
    let mut fitting: Vec<(u32, &ServerReplica)> = server
        .replicas
        .iter()
        .map(|(&index, replica)| (index, replica))
        .filter(|&(i, replica)| fits(i, replica))
        .collect();
    if (fitting.len() as u64) < u64::from(needed) {
        return None;
    }
    fitting.sort_by_key(|&(index, replica)| {
        let kept = state(index).loading_or_loaded() || state(index) == ReplicaState::LoadRequested;
        // Upstream subtracts unsigned numbers here: more reserved than available is a great deal of room.
        let room = replica.available_bytes.wrapping_sub(replica.reserved_bytes);
        (Reverse(kept), Reverse(room), index)
    });
    fitting.truncate(wanted as usize);
    Some(fitting.into_iter().map(|(index, _)| index).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seldon::model::ModelDefinition;
    use crate::seldon::model::ModelRequest;
    use crate::seldon::state::ModelStatus;
    use crate::seldon::state::ReplicaCounts;
    use crate::seldon::state::ReplicaStatus;
    use crate::units::SimTime;

    const SERVER: ServerId = ServerId::new(0);

    fn servers(free_bytes: &[u64]) -> BTreeMap<ServerId, Server> {
        let replica = |(index, &bytes)| (index as u32, ServerReplica::new(bytes, &["sklearn".to_owned()]));
        let replicas = free_bytes.iter().enumerate().map(replica).collect();
        BTreeMap::from([(SERVER, Server::new(None, true, replicas))])
    }

    fn version(wanted: u32, min: u32, states: &[(u32, ReplicaState)]) -> Version {
        let definition = ModelDefinition {
            memory_bytes: 100,
            requirements: vec![" sklearn ".to_owned()],
            ..ModelDefinition::default()
        };
        let counts = ReplicaCounts { wanted, min, max: 0 };
        let status = |&(index, state)| (index, ReplicaStatus { state, since: SimTime::ZERO });
        let server = if states.is_empty() { None } else { Some(SERVER) };
        let replicas = states.iter().map(status).collect();
        Version::new(1, ModelRequest { definition, counts }).recorded(server, replicas, ModelStatus::NEW)
    }

    fn replicas(attempt: Attempt) -> Option<Vec<u32>> {
        attempt.outcome.ok().map(|chosen| chosen.replicas)
    }

    #[test]
    fn what_is_there_is_kept_then_room_decides_then_the_ordinal() {
        let free = servers(&[150, 200, 150, 0]);
        assert_eq!(replicas(place(&version(3, 0, &[]), &free, true)), Some(vec![1, 0, 2]));
        let loaded = version(2, 0, &[(3, ReplicaState::Available)]);
        assert_eq!(replicas(place(&loaded, &free, true)), Some(vec![3, 1]), "no room is needed where it is loaded");
        let requested = version(2, 0, &[(2, ReplicaState::LoadRequested)]);
        assert_eq!(replicas(place(&requested, &free, true)), Some(vec![2, 1]));
    }

    #[test]
    fn a_server_grows_only_for_a_model_that_is_on_it() {
        let free = servers(&[100, 100]);
        let first = place(&version(3, 1, &[]), &free, true);
        assert_eq!((first.scale_up, replicas(first)), (None, Some(vec![0, 1])), "partial");
        let known = place(&version(3, 1, &[(0, ReplicaState::Loaded)]), &free, true);
        assert_eq!((known.scale_up, replicas(known)), (Some(SERVER), Some(vec![0, 1])));
        let failed = place(&version(3, 0, &[(0, ReplicaState::Loaded)]), &free, true);
        let failure = Failure { reason: Unplaced::NotEnoughReplicas, forget_server: false };
        assert_eq!(failed, Attempt { outcome: Err(failure), scale_up: Some(SERVER) });
        assert_eq!(replicas(place(&version(3, 1, &[]), &free, false)), None, "before partial placement");
    }

    #[test]
    fn a_server_must_match() {
        let mut free = servers(&[100]);
        let outcome = |free: &BTreeMap<_, _>| place(&version(1, 0, &[]), free, true).outcome;
        let failure = Failure { reason: Unplaced::NoMatchingServer, forget_server: true };
        let server = free.get_mut(&SERVER).expect("the server");
        server.shared = false;
        assert_eq!(outcome(&free), Err(failure));
        let server = free.get_mut(&SERVER).expect("the server");
        server.shared = true;
        server.counts = Some(crate::seldon::server::ServerCounts::default());
        assert_eq!(outcome(&free), Err(failure), "it is to be gone");
    }
}
