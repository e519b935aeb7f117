//! Common random numbers: no policy changes who arrives when with how much work, nor how long the nth replica takes to start.

use crate::books::by_number;
use crate::witness::Witness;
use autosim::cluster::WorkloadKind;
use autosim::random::Streams;
use autosim::scenario::{EventChange, Scenario};
use autosim::units::{Id, SimTime, Span};
use autosim::workload::{ArrivalsSpec, Load, LoadSpec, UsersSpec};
use std::collections::BTreeMap;

/// What two runs of one seed under different policies must share; says where they do not.
pub fn shared(scenario: &Scenario, one: &Witness<'_>, other: &Witness<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    let (sent, sent_too) = (sent(scenario, one), sent(scenario, other));
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
    let (starts, starts_too) = (starts(scenario, one), starts(scenario, other));
    for (replica, start) in &starts {
        if let Some(start_too) = starts_too.get(replica)
            && start != start_too
        {
            wrong.push(format!(
                "pool {}, replica {}: ready {start:?} and {start_too:?} after creation",
                replica.0, replica.1
            ));
        }
    }
    wrong
}

/// Arrival and work of each load's requests, in order of birth.
fn sent(scenario: &Scenario, seen: &Witness<'_>) -> Vec<Vec<(SimTime, Span)>> {
    let mut sent = vec![Vec::new(); scenario.loads.len()];
    for end in by_number(seen) {
        if let Some(load) = sent.get_mut(end.load.index()) {
            load.push((end.arrived, end.demand)); // those that stood in the queue at time 0 are no load's
        }
    }
    sent
}

/// From creation to ready, by pool and the replica's ordinal in it.
///
/// The ordinal is known from a pod's name, except where names are given by place; and there, if there is one pool, from
/// its number in the run.
fn starts(scenario: &Scenario, seen: &Witness<'_>) -> BTreeMap<(usize, u64), Span> {
    let mut created = BTreeMap::new();
    let mut starts = BTreeMap::new();
    for pod in &seen.pods {
        let ordinal = match scenario.pools[pod.pool].kind {
            WorkloadKind::StatefulSet if scenario.pools.len() > 1 => continue,
            WorkloadKind::StatefulSet => u64::from(pod.replica.number()),
            _ => pod.name.rsplit('-').next().and_then(|n| n.parse().ok()).expect("names end with a number"),
        };
        match pod.reason {
            "SuccessfulCreate" => drop(created.insert((pod.pool, ordinal), pod.at)),
            "Ready" => drop(starts.insert((pod.pool, ordinal), pod.at.since(created[&(pod.pool, ordinal)]))),
            _ => {}
        }
    }
    starts
}

/// The nth request of user u brings the same work in every run: as it does where all users are there from the beginning
/// and each request is served the instant it is sent.
///
/// The record does not name users, but drawn works are all different: a work that the instant server has not seen, or one
/// that comes before an earlier one of the same user, is wrong. Returns what is wrong and how many requests were looked at.
pub fn users_keep_theirs(scenario: &Scenario, seed: u64, seen: &Witness<'_>) -> (Vec<String>, usize) {
    let (mut wrong, mut looked_at) = (Vec::new(), 0);
    for (number, sent) in sent(scenario, seen).into_iter().enumerate() {
        if !come_once(scenario, number) {
            continue;
        }
        let Some(owners) = served_at_once(scenario, seed, number) else { continue };
        looked_at += sent.len();
        let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
        for (at, demand) in sent {
            let name = &scenario.loads[number].name;
            match owners.get(&demand) {
                None => wrong.push(format!("{name}: the work {demand:?} of {at:?} is no user's")),
                Some(&(user, nth)) => {
                    let count = counts.entry(user).or_default();
                    if *count != nth {
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

/// Does no user of this load leave and come again?
///
/// A user's thinking and its work are drawn from one stream in turn. Who leaves while it thinks has drawn a thought that
/// leads to no request, who leaves while its request is in flight has not: when it comes again, what is work in the one
/// run is thought in the other. Until the two have streams of their own, the law holds for those only who come once.
fn come_once(scenario: &Scenario, number: usize) -> bool {
    let ArrivalsSpec::Users(users) = &scenario.loads[number].arrivals else { return false };
    let mut targets = std::iter::once(users.start).chain(users.stages.iter().map(|stage| stage.target));
    let scales = std::iter::once(scenario.loads[number].scale).chain(new_scales(scenario, number));
    users.repeat_every.is_none() && targets.is_sorted_by(|a, b| a <= b) && scales.is_sorted()
}

/// The factors that events give a load, in order of time.
fn new_scales(scenario: &Scenario, number: usize) -> impl Iterator<Item = f64> {
    scenario.events.iter().filter_map(move |event| match event.change {
        EventChange::LoadScale(load, scale) if load.index() == number => Some(scale),
        _ => None,
    })
}

/// Whose work is which, and its how-manieth, if all users come at once and every request ends the instant it is sent.
/// `None`: two works are equal.
fn served_at_once(scenario: &Scenario, seed: u64, number: usize) -> Option<BTreeMap<Span, (u32, u64)>> {
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
    let pool = &scenario.pools[scenario.load_targets[number].index()];
    let law = spec.demand.clone().or_else(|| pool.service.clone())?;
    let mut load = Load::new(&all_at_once, end, &Streams::new(seed), None).expect("users need no file");
    let mut owners = BTreeMap::new();
    let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
    while let Some(now) = load.next_at() {
        let Ok(Some(arrival)) = load.fire(now) else { continue };
        let user = arrival.user.expect("a user sent it");
        let demand = load.demand(&law, arrival.user);
        load.ended(now, user);
        let count = counts.entry(user).or_default();
        if owners.insert(demand, (user, *count)).is_some() {
            return None;
        }
        *count += 1;
    }
    Some(owners)
}
