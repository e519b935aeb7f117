//! Common random numbers: no policy changes who arrives when with how much work, nor how long the nth replica
//! takes to start and how fast it is.

use crate::books::{by_number, serves_undisturbed};
use crate::witness::Witness;
use autosim::cluster::WorkloadKind;
use autosim::random::{Law, Streams};
use autosim::record::Outcome;
use autosim::scenario::{EventChange, Scenario};
use autosim::units::{Id, ReplicaId, SimTime, Span};
use autosim::workload::{ArrivalsSpec, Load, LoadSpec, UsersSpec};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

/// What two runs of one seed under different policies must share; says where they do not.
pub fn shared(one: &Witness<'_>, other: &Witness<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    let scenario = one.scenario;
    let (sent, sent_too) = (sent(one), sent(other));
    for (number, load) in scenario.loads.iter().enumerate() {
        if matches!(load.arrivals, ArrivalsSpec::Users(_)) {
            continue;
        }
        let (a, b) = (&sent[number], &sent_too[number]);
        if a.len() != b.len() {
            wrong.push(format!("{}: {} requests and {}", load.name, a.len(), b.len()));
        } else if let Some(k) = a.iter().zip(b).position(|(a, b)| a != b) {
            wrong.push(format!("{}: request {k} is {:?} and {:?}", load.name, a[k], b[k]));
        }
    }
    compare("is ready after", &starts(one), &starts(other), &mut wrong);
    compare("works at the speed", &speeds(one), &speeds(other), &mut wrong);
    wrong
}

/// Arrival and work of each load's requests, in order of birth.
fn sent(seen: &Witness<'_>) -> Vec<Vec<(SimTime, Span)>> {
    let mut sent = vec![Vec::new(); seen.scenario.loads.len()];
    for end in by_number(seen) {
        if let Some(load) = sent.get_mut(end.load.index()) {
            load.push((end.arrived, end.demand)); // those that stood in the queue at time 0 are no load's
        }
    }
    sent
}

/// A replica by its pool and its ordinal in it.
type Nth = (usize, u64);

/// What is known of a replica in both runs must be equal.
fn compare<V: PartialEq + Debug>(
    what: &str,
    one: &BTreeMap<Nth, V>,
    other: &BTreeMap<Nth, V>,
    wrong: &mut Vec<String>,
) {
    for ((pool, ordinal), value) in one {
        if let Some(value_too) = other.get(&(*pool, *ordinal))
            && value != value_too
        {
            wrong.push(format!("pool {pool}, replica {ordinal}: {what} {value:?} and {value_too:?}"));
        }
    }
}

/// All replicas that were heard of, with their ordinals.
///
/// Those of time 0 come first. The ordinal of others is known from a pod's name, except where names are given by place; and
/// there, if there is one pool, from the number in the run.
fn ordinals(seen: &Witness<'_>) -> BTreeMap<ReplicaId, Nth> {
    let mut ordinals = BTreeMap::new();
    for (number, pool) in seen.scenario.pools.iter().enumerate() {
        for ordinal in 0..u64::from(pool.replicas) {
            ordinals.insert(ReplicaId::from_index(ordinals.len()), (number, ordinal));
        }
    }
    for pod in seen.pods.iter().filter(|pod| pod.reason == "SuccessfulCreate") {
        let ordinal = match seen.scenario.pools[pod.pool].kind {
            WorkloadKind::StatefulSet if seen.scenario.pools.len() > 1 => continue,
            WorkloadKind::StatefulSet => u64::from(pod.replica.number()),
            _ => pod.number(),
        };
        ordinals.insert(pod.replica, (pod.pool, ordinal));
    }
    ordinals
}

/// From creation to ready.
fn starts(seen: &Witness<'_>) -> BTreeMap<Nth, Span> {
    let ordinals = ordinals(seen);
    let mut created = BTreeMap::new();
    let mut starts = BTreeMap::new();
    for pod in &seen.pods {
        if pod.reason == "SuccessfulCreate" {
            created.insert(pod.replica, pod.at);
        } else if let ("Ready", Some(&nth)) = (pod.reason, ordinals.get(&pod.replica)) {
            starts.insert(nth, pod.at.since(created[&pod.replica]));
        }
    }
    starts
}

/// Work per second of service, in thousandths, where nobody slows anybody down and a service is long enough to tell.
fn speeds(seen: &Witness<'_>) -> BTreeMap<Nth, u64> {
    let ordinals = ordinals(seen);
    let mut speeds = BTreeMap::new();
    let long = Span::from_millis(10);
    for end in seen.ends.iter().filter(|end| end.outcome == Outcome::Done && end.demand > long) {
        let pool = &seen.scenario.pools[end.pool.index()];
        let (Some(started), Some(replica)) = (end.started, end.replica) else { continue };
        if let (true, Some(&nth)) = (serves_undisturbed(pool), ordinals.get(&replica)) {
            let speed = end.demand.as_secs_f64() / end.at.since(started).as_secs_f64();
            speeds.entry(nth).or_insert((speed * 1e3).round() as u64);
        }
    }
    speeds
}

/// The nth request of user u brings the same work in every run: as it does where all users are there from the beginning
/// and each request is served the instant it is sent.
///
/// The record does not name users, but nearly all drawn works are different: a work that the instant server has not seen, or
/// one that comes before an earlier one of the same user, is wrong. Returns what is wrong and how many requests were looked at.
pub fn users_keep_theirs(seed: u64, seen: &Witness<'_>) -> (Vec<String>, usize) {
    let scenario = seen.scenario;
    let (mut wrong, mut looked_at) = (Vec::new(), 0);
    for (number, sent) in sent(seen).into_iter().enumerate() {
        let Some(works) = served_at_once(scenario, seed, number) else { continue };
        looked_at += sent.len();
        if works.shared.len() * 10 > works.owners.len() {
            wrong.push(format!("{}: users share their works", scenario.loads[number].name));
        }
        let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
        for (at, demand) in sent {
            let name = &scenario.loads[number].name;
            match works.owners.get(&demand) {
                None => wrong.push(format!("{name}: the work {demand:?} of {at:?} is no user's")),
                Some(Owner::Several) => {}
                Some(&Owner::One(user, nth)) => {
                    let count = counts.entry(user).or_default();
                    // Works between that are others' as well have passed unseen.
                    let follows = *count <= nth && (*count..nth).all(|between| works.shared.contains(&(user, between)));
                    if !follows {
                        wrong.push(format!("{name}: user {user} sends work {nth} as request {count} at {at:?}"));
                    }
                    *count = nth + 1;
                }
            }
            if wrong.len() > 3 {
                return (wrong, looked_at);
            }
        }
    }
    (wrong, looked_at)
}

/// The factors that events give a load, in order of time.
fn new_scales(scenario: &Scenario, number: usize) -> impl Iterator<Item = f64> {
    scenario.events.iter().filter_map(move |event| match event.change {
        EventChange::LoadScale(load, scale) if load.index() == number => Some(scale),
        _ => None,
    })
}

/// Works and whose they are.
#[derive(Default)]
struct Works {
    owners: BTreeMap<Span, Owner>,
    /// Works, by user and number, that more than one request brings.
    shared: BTreeSet<(u32, u64)>,
}

/// Whose a work is.
#[derive(Clone, Copy)]
enum Owner {
    /// This user's, in this of its requests, from 0.
    One(u32, u64),
    /// More than one request's: by chance, since works are whole nanoseconds.
    Several,
}

/// Whose work is which, if all users come at once and every request ends the instant it is sent. `None`: the law has but a
/// few values, so that works tell nothing.
fn served_at_once(scenario: &Scenario, seed: u64, number: usize) -> Option<Works> {
    let spec = &scenario.loads[number];
    let ArrivalsSpec::Users(users) = &spec.arrivals else { return None };
    let most = users.stages.iter().map(|stage| stage.target).fold(users.start, u32::max);
    let scale = new_scales(scenario, number).fold(spec.scale, f64::max);
    let all = (f64::from(most) * scale).ceil() as u32;
    let users = UsersSpec { start: all, stages: Vec::new(), repeat_every: None, ..users.clone() };
    let all_at_once =
        LoadSpec { arrivals: ArrivalsSpec::Users(users), scale: 1.0, from: Span::ZERO, until: None, ..spec.clone() };
    // Somebody who leaves in a long thought and comes again is ahead of one who thinks it to its end.
    let end = SimTime::ZERO + scenario.duration * 3;
    let service = scenario.service_of(scenario.load_targets[number]);
    let law = spec.demand.as_ref().or(service).cloned()?;
    if matches!(law, Law::Constant(_) | Law::TwoPoint(_) | Law::Empirical(_)) {
        return None;
    }
    let mut load = Load::new(&all_at_once, end, &Streams::new(seed), None).expect("users need no file");
    let mut works = Works::default();
    let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
    while let Some(now) = load.next_at() {
        let Ok(Some(arrival)) = load.fire(now) else { continue };
        let user = arrival.user.expect("a user sent it");
        let demand = load.demand(&law, arrival.user);
        load.ended(now, user);
        let count = counts.entry(user).or_default();
        if let Some(other) = works.owners.insert(demand, Owner::One(user, *count)) {
            works.owners.insert(demand, Owner::Several);
            works.shared.insert((user, *count));
            if let Owner::One(user, nth) = other {
                works.shared.insert((user, nth));
            }
        }
        *count += 1;
    }
    Some(works)
}
