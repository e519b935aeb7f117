//! Clients that keep their connections: which replicas their requests reach.

#[path = "common/mod.rs"]
mod common;

use autosim::record::{Outcome, Recorder, RequestEnd};
use autosim::units::{SimTime, Span};

/// Of every request that reached a replica: birth, work, end, replica.
#[derive(Default, PartialEq, Debug)]
struct Seen {
    ends: Vec<(SimTime, Span, SimTime, u32)>,
    rejected: u32,
}

impl Recorder for Seen {
    fn ended(&mut self, end: &RequestEnd) {
        match end.replica {
            Some(replica) => self.ends.push((end.arrived, end.demand, end.at, replica.number())),
            None => self.rejected += u32::from(end.outcome == Outcome::Rejected),
        }
    }
}

impl Seen {
    fn of(text: &str, seed: u64) -> Self {
        let mut seen = Self::default();
        common::run(&common::load("connections", text), seed, &mut seen);
        seen.ends.sort();
        seen
    }

    /// How many requests of those born within these seconds each of the first `n` replicas got.
    fn by_replica(&self, (from, until): (u64, u64), n: usize) -> Vec<usize> {
        let born = |at: SimTime| at >= SimTime::from_secs(from) && at < SimTime::from_secs(until);
        let of = |number| self.ends.iter().filter(|end| born(end.0) && end.3 as usize == number).count();
        (0..n).map(of).collect()
    }
}

/// Two replicas become six after 5 min; 20 requests a second.
fn growing(more: &str) -> String {
    format!(
        "duration = \"15m\"\n[[load]]\nname = \"web\"\nto = \"api\"\nrate.constant = \"20/s\"\n{more}\n\
         [[pool]]\nname = \"api\"\nreplicas = 2\nworkers = 10\nservice.exponential = {{ mean = \"50ms\" }}\n\
         scaler.schedule = {{ steps = [{{ at = \"5m\", replicas = 6 }}] }}\n"
    )
}

#[test]
fn new_replicas_get_nothing_while_connections_last() {
    let seen = Seen::of(&growing("keep_alive = true\nconnections = 12"), 1);
    let late = seen.by_replica((600, 900), 6);
    assert_eq!(late[2..], [0; 4], "{late:?}");
    // Twelve connections take turns, and each of both replicas keeps its own: of 6,000 requests as many as before, ± 5 standard
    // deviations of a difference, which are at most √12,000 each.
    let early = seen.by_replica((0, 300), 2);
    assert!(early.iter().zip(&late).all(|(&early, &late)| late > 0 && early.abs_diff(late) < 550));

    let renewed = Seen::of(&growing("keep_alive = true\nconnections = 12\nconnection_age = \"30s\""), 1);
    // Twelve connections are opened ten times each, for 50 requests: a replica gets 20 of these, ± 4.
    let late = renewed.by_replica((600, 900), 6);
    assert!(late.iter().all(|&requests| requests > 300), "{late:?}");

    // Where each request opens its own, every replica gets a sixth: 1,000 ± 5 standard deviations of 29.
    let each = Seen::of(&growing(""), 1);
    assert!(each.by_replica((600, 900), 6).iter().all(|requests| requests.abs_diff(1_000) < 145));
}

#[test]
fn how_clients_connect_changes_no_arrival_and_no_work() {
    let born = |seen: &Seen| seen.ends.iter().map(|&(at, work, ..)| (at, work)).collect::<Vec<_>>();
    let per_request = Seen::of(&growing(""), 4);
    let kept = Seen::of(&growing("keep_alive = true\nconnections = 3"), 4);
    assert_eq!(born(&per_request), born(&kept));
    assert_ne!(per_request, kept);
}

#[test]
fn a_user_stays_with_one_replica_until_it_leaves() {
    // One user, who begins anew every 60 s; eight replicas.
    let text = "duration = \"2h\"\n[[load]]\nname = \"one\"\nto = \"api\"\nkeep_alive = true\n\
        arrivals.users = { think.uniform = { min = \"1s\", max = \"3s\" }, start = 1, repeat_every = \"60s\" }\n\
        [[pool]]\nname = \"api\"\nreplicas = 8\nservice = \"20ms\"\n";
    let seen = Seen::of(text, 2);
    let stay = |at: SimTime| at.as_nanos() / 60_000_000_000;
    let pairs = || seen.ends.windows(2).map(|pair| (stay(pair[0].0) == stay(pair[1].0), pair[0].3 == pair[1].3));
    assert!(pairs().filter(|&(same_stay, _)| same_stay).all(|(_, same_replica)| same_replica));
    // A new connection finds the old replica by chance: 119 changes of stay, 1 in 8 of them, ± 5 standard deviations.
    let by_chance = pairs().filter(|&(same_stay, same_replica)| !same_stay && same_replica).count();
    assert!(by_chance <= 33, "{by_chance}");
}

#[test]
fn a_connection_to_a_dead_pod_is_opened_anew() {
    let text = "duration = \"10m\"\n[[load]]\nname = \"web\"\nto = \"api\"\nrate.constant = \"20/s\"\n\
        keep_alive = true\nconnections = 12\n\
        [[pool]]\nname = \"api\"\nreplicas = 3\nworkers = 10\nservice = \"20ms\"\n\
        [[event]]\nat = \"5m\"\nfault.pods_killed = { pool = \"api\", count = 1 }\n";
    let seen = Seen::of(text, 3);
    assert!(seen.by_replica((0, 300), 3).iter().all(|&requests| requests > 0));
    let late = seen.by_replica((310, 600), 3);
    assert_eq!(late.iter().filter(|&&requests| requests == 0).count(), 1, "{late:?}");
    // Until the routes know of its death, a connection may be opened to the dead pod, and is refused: for 3 s at the most.
    assert!(seen.rejected < 60, "{}", seen.rejected);
}
