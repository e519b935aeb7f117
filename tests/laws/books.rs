//! Laws of one run, judged from its record.

use crate::scenarios::Drawn;
use crate::witness::{PodEvent, Tick, Witness};
use autosim::cluster::WorkloadKind;
use autosim::random::Law;
use autosim::record::{Outcome, PoolSnapshot, RequestEnd};
use autosim::scenario::{EventChange, Fault, PoolSpec, Scenario};
use autosim::serving::{BalancerSpec, Cfs, DisciplineSpec};
use autosim::units::{Id, ReplicaId, SimTime, Span};
use std::collections::{BTreeMap, BTreeSet};

/// What is wrong with a run, in words; empty if nothing is.
pub fn judge(drawn: &Drawn, seen: &Witness<'_>) -> Vec<String> {
    let scenario = seen.scenario;
    let mut wrong = Verdict::default();
    clock(seen, &mut wrong);
    requests_end_once(seen, &mut wrong);
    for end in &seen.ends {
        one_end(scenario, drawn, end, &mut wrong);
    }
    conservation(scenario, seen, &mut wrong);
    first_come_first_served(scenario, seen, &mut wrong);
    nobody_waits_for_nothing(scenario, seen, &mut wrong);
    lives_of_pods(seen, &mut wrong);
    names_of_pods(scenario, seen, &mut wrong);
    for pool in 0..scenario.pools.len() {
        books(scenario, pool, seen, &mut wrong);
    }
    wrong.found
}

/// Collects what is wrong; a handful of examples is enough.
#[derive(Default)]
struct Verdict {
    found: Vec<String>,
}

impl Verdict {
    fn unless(&mut self, holds: bool, words: impl FnOnce() -> String) {
        if !holds && self.found.len() < 6 {
            self.found.push(words());
        }
    }
}

fn clock(seen: &Witness<'_>, wrong: &mut Verdict) {
    wrong.unless(seen.went_back.is_none(), || format!("the clock went back: {:?}", seen.went_back));
}

fn requests_end_once(seen: &Witness<'_>, wrong: &mut Verdict) {
    let mut ended = vec![false; seen.births.len()];
    for end in &seen.ends {
        let Some(birth) = (end.request as usize).checked_sub(1).and_then(|index| seen.births.get(index)) else {
            wrong.unless(false, || format!("nobody was born for {end:?}"));
            continue;
        };
        let same = birth.at == end.arrived && birth.load == end.load && birth.pool == end.pool;
        wrong.unless(same, || format!("born as another: {end:?}"));
        let twice = std::mem::replace(&mut ended[end.request as usize - 1], true);
        wrong.unless(!twice, || format!("ends twice: {end:?}"));
    }
    let missing = ended.iter().position(|ended| !ended);
    wrong.unless(missing.is_none(), || format!("request {:?} never ends", missing.map(|index| index + 1)));
}

/// Times, outcomes and timeouts of one request.
fn one_end(scenario: &Scenario, drawn: &Drawn, end: &RequestEnd, wrong: &mut Verdict) {
    let pool = &scenario.pools[end.pool.index()];
    let started = end.started.unwrap_or(end.at);
    wrong.unless(end.arrived <= started && started <= end.at, || format!("not in order of time: {end:?}"));
    if !(end.arrived <= started && started <= end.at) {
        return;
    }
    let (lived, waited, hold) = (end.at.since(end.arrived), started.since(end.arrived), pool.queue.hold);
    let client = scenario.loads.get(end.load.index()).and_then(|load| load.timeout);
    wrong.unless(client.is_none_or(|client| lived <= client), || {
        format!("its client gave up after {client:?}: {end:?}")
    });
    if let (Some(limit), Some(_)) = (pool.queue.timeout, end.started) {
        wrong.unless(waited <= hold + limit, || format!("served after more than {hold:?} + {limit:?}: {end:?}"));
    }
    let fits = match end.outcome {
        Outcome::Done => end.started.is_some() && end.replica.is_some(),
        Outcome::Rejected => end.started.is_none() && lived <= hold,
        Outcome::TimedOut => {
            let in_queue = pool.queue.timeout.is_some_and(|limit| limit <= lived && lived <= hold + limit);
            client == Some(lived) || (end.started.is_none() && in_queue)
        }
        Outcome::Lost => end.replica.is_some(),
        Outcome::Unfinished => end.at == SimTime::ZERO + scenario.duration,
    };
    wrong.unless(fits, || format!("this end is none of its kind: {end:?}"));
    if end.outcome == Outcome::Done {
        service(pool, drawn.speed_max[end.pool.index()], end, wrong);
    }
}

/// Nobody is served faster than alone at the highest speed; and where nobody can slow anybody down, exactly so.
fn service(pool: &PoolSpec, speed_max: f64, end: &RequestEnd, wrong: &mut Verdict) {
    let took = end.at.since(end.started.unwrap_or(end.at));
    let least = end.demand.as_nanos() as f64 / speed_max;
    // One nanosecond is lost to whole nanoseconds, another to the floats of processor sharing.
    wrong.unless(took.as_nanos() as f64 + 2.0 >= least, || format!("too fast, {took:?}: {end:?}"));
    if serves_undisturbed(pool) && pool.speed == Law::Constant(1.0) {
        wrong.unless(took == end.demand, || format!("alone on its worker, and yet {took:?}: {end:?}"));
    }
}

/// Does each worker serve its request at full speed, whatever the others do?
pub fn serves_undisturbed(pool: &PoolSpec) -> bool {
    let workers = pool.workers.map_or(f64::INFINITY, f64::from);
    let slack = pool.cpu.limit_millis.is_none_or(|limit| workers * pool.cpu.fraction <= limit as f64 / 1_000.0);
    pool.discipline == DisciplineSpec::Fifo && slack
}

/// At every tick each pool holds exactly those who were born and have not ended; zombies may come on top.
fn conservation(scenario: &Scenario, seen: &Witness<'_>, wrong: &mut Verdict) {
    let pools = scenario.pools.len();
    let (mut live, mut gave_up) = (vec![0_i64; pools], vec![0_u64; pools]);
    let (mut births, mut ends) = (seen.births.iter(), seen.ends.iter());
    let (mut born, mut over) = (0, 0);
    for tick in &seen.ticks {
        for birth in births.by_ref().take(tick.births - born) {
            live[birth.pool.index()] += 1;
        }
        for end in ends.by_ref().take(tick.ends - over) {
            live[end.pool.index()] -= 1;
            gave_up[end.pool.index()] += u64::from(end.outcome == Outcome::TimedOut);
        }
        (born, over) = (tick.births, tick.ends);
        for (pool, state) in tick.pools.iter().enumerate() {
            in_system(scenario, pool, (live[pool], gave_up[pool]), (tick, state), wrong);
        }
    }
    let last = seen.ticks.last();
    wrong.unless(last.is_some_and(|tick| tick.at == SimTime::ZERO + scenario.duration), || {
        "the last tick is not the end".into()
    });
    wrong.unless(births.next().is_none(), || "somebody was born after the last tick".into());
    let all_unfinished = ends.all(|end| end.outcome == Outcome::Unfinished);
    wrong.unless(all_unfinished, || "after the last tick somebody ended who was not unfinished".into());
}

fn in_system(scenario: &Scenario, pool: usize, counts: (i64, u64), at: (&Tick, &PoolSnapshot), wrong: &mut Verdict) {
    let ((live, gave_up), (tick, state)) = (counts, at);
    let spec = &scenario.pools[pool];
    let zombies = has_zombies(scenario, pool);
    let in_flight = state.in_flight as i64;
    let fits = in_flight == live || (zombies && in_flight > live && in_flight <= live + gave_up as i64);
    wrong.unless(fits, || format!("{:?}, pool {pool}: {in_flight} in flight, {live} born and not ended", tick.at));
    wrong.unless(state.queue <= state.in_flight, || format!("{:?}, pool {pool}: more wait than there are", tick.at));
    wrong.unless(state.queue <= state.queue_max, || {
        format!("{:?}, pool {pool}: the longest queue was shorter", tick.at)
    });
    if let (Some(capacity), true) = (spec.queue.capacity, spec.queue.hold.is_zero()) {
        let queues =
            if spec.balancer == BalancerSpec::CentralQueue { 1 } else { state.ready + state.starting + state.draining };
        let room = capacity * u64::from(queues);
        wrong.unless(state.queue <= room, || {
            format!("{:?}, pool {pool}: {} wait where {room} may", tick.at, state.queue)
        });
    }
}

/// Services begin in the order of birth: at each replica, and with a central queue in the whole pool.
///
/// It holds for every discipline, with timeouts as well: who gives up leaves a gap, and nobody overtakes.
fn first_come_first_served(scenario: &Scenario, seen: &Witness<'_>, wrong: &mut Verdict) {
    let mut last_start: BTreeMap<(usize, Option<u32>), (SimTime, u64)> = BTreeMap::new();
    for end in by_number(seen) {
        let (Some(started), Some(replica)) = (end.started, end.replica) else { continue };
        let central = scenario.pools[end.pool.index()].balancer == BalancerSpec::CentralQueue;
        let queue = (end.pool.index(), (!central).then_some(replica.number()));
        let before = last_start.insert(queue, (started, end.request));
        wrong.unless(before.is_none_or(|(before, _)| before <= started), || format!("{before:?} overtaken by {end:?}"));
    }
}

/// While somebody waits, all workers that could serve him are busy: those of his replica, or with a central queue those of
/// a pool whose replicas are the same all the time.
///
/// Only where that can be told from the record: without zombies, whose ends are not told, and without requests that were
/// held until a pod came.
fn nobody_waits_for_nothing(scenario: &Scenario, seen: &Witness<'_>, wrong: &mut Verdict) {
    /// At an instant so many more wait, and so many more are served.
    type Change = (SimTime, i64, i64);
    let tells: Vec<bool> = (0..scenario.pools.len())
        .map(|pool| {
            let spec = &scenario.pools[pool];
            let same_pods = !seen.pods.iter().any(|pod| pod.pool == pool);
            let central = spec.balancer == BalancerSpec::CentralQueue;
            spec.queue.hold.is_zero() && !has_zombies(scenario, pool) && (same_pods || !central)
        })
        .collect();
    let mut queues: BTreeMap<(usize, Option<u32>), Vec<Change>> = BTreeMap::new();
    for end in seen.ends.iter().filter(|end| tells[end.pool.index()] && end.outcome != Outcome::Rejected) {
        let central = scenario.pools[end.pool.index()].balancer == BalancerSpec::CentralQueue;
        let place = if central { None } else { end.replica.map(ReplicaId::number) };
        let changes = queues.entry((end.pool.index(), place)).or_default();
        changes.push((end.arrived, 1, 0));
        match end.started {
            Some(started) => changes.extend([(started, -1, 1), (end.at, 0, -1)]),
            None => changes.push((end.at, -1, 0)),
        }
    }
    for ((pool, replica), mut changes) in queues {
        let spec = &scenario.pools[pool];
        let Some(workers) = spec.workers else { continue };
        let all = i64::from(workers) * if replica.is_some() { 1 } else { i64::from(spec.replicas) };
        changes.sort_unstable();
        let (mut waiting, mut busy) = (0, 0);
        for instant in changes.chunk_by(|one, next| one.0 == next.0) {
            waiting += instant.iter().map(|change| change.1).sum::<i64>();
            busy += instant.iter().map(|change| change.2).sum::<i64>();
            let at = instant[0].0;
            wrong.unless(waiting == 0 || busy == all, || {
                format!("{at:?}, pool {pool}, {replica:?}: {waiting} wait while {busy} of {all} workers work")
            });
            wrong.unless(busy <= all, || format!("{at:?}, pool {pool}, {replica:?}: {busy} of {all} workers work"));
        }
    }
}

/// May requests of this pool go on being served when their clients have given up?
fn has_zombies(scenario: &Scenario, pool: usize) -> bool {
    let mut senders = scenario
        .loads
        .iter()
        .zip(&scenario.load_targets)
        .filter(|(_, to)| to.pool().is_some_and(|to| to.index() == pool));
    senders.any(|(load, _)| load.timeout.is_some() && !load.cancel_on_timeout)
}

/// All ends in order of birth.
pub fn by_number<'w>(seen: &'w Witness<'_>) -> Vec<&'w RequestEnd> {
    let mut ends: Vec<&RequestEnd> = seen.ends.iter().collect();
    ends.sort_unstable_by_key(|end| end.request);
    ends
}

/// Each pod goes through its phases once and in order, and nothing is heard of it after it was deleted.
fn lives_of_pods(seen: &Witness<'_>, wrong: &mut Verdict) {
    const ORDER: [&str; 7] = ["SuccessfulCreate", "Scheduled", "Pulling", "Pulled", "Started", "Ready", "Killing"];
    let mut reached: BTreeMap<u32, usize> = BTreeMap::new();
    for pod in &seen.pods {
        let Some(phase) = ORDER.iter().position(|&reason| reason == pod.reason) else {
            wrong.unless(false, || format!("no such phase: {} of {}", pod.reason, pod.name));
            continue;
        };
        let before = reached.insert(pod.replica.number(), phase);
        let fits = match before {
            Some(before) => before < phase,
            None => phase == 0 || phase == ORDER.len() - 1, // pods of time 0 are first heard of when they die
        };
        wrong.unless(fits, || format!("{:?}: {} after {before:?} of {}", pod.at, pod.reason, pod.name));
    }
}

/// No two pods that are there at once have one name; and those of a StatefulSet are called by the lowest free number and
/// leave from the highest on, unless they are killed.
fn names_of_pods(scenario: &Scenario, seen: &Witness<'_>, wrong: &mut Verdict) {
    let killed_at = |at: SimTime| scenario.events.iter().any(|event| SimTime::ZERO + event.at == at);
    for (pool, spec) in scenario.pools.iter().enumerate() {
        let mut there: BTreeSet<u64> = (0..u64::from(spec.replicas)).collect();
        for pod in seen.pods.iter().filter(|pod| pod.pool == pool) {
            let number = pod.number();
            let in_order = spec.kind == WorkloadKind::StatefulSet;
            let place = || format!("{:?}: {} of {}, and there are {there:?}", pod.at, pod.reason, pod.name);
            if pod.reason == "SuccessfulCreate" {
                let lowest = (0..).find(|number| !there.contains(number));
                wrong.unless(!there.contains(&number) && (!in_order || lowest == Some(number)), place);
                there.insert(number);
            } else if pod.reason == "Killing" {
                let fits = !in_order || killed_at(pod.at) || there.last() == Some(&number);
                wrong.unless(fits && there.contains(&number), place);
                there.remove(&number);
            }
        }
    }
}

/// How many pods of a pool there are, by the pods' own events.
#[derive(Clone, Copy)]
struct Counts {
    alive: u64,
    running: u64,
    ready: u64,
    killed: u64,
}

/// Replica-nanoseconds of each.
#[derive(Clone, Copy, Default)]
struct Integrals {
    alive: u64,
    running: u64,
    ready: u64,
}

/// Follows a pool's pods from event to event.
struct Census {
    at: SimTime,
    counts: Counts,
    integrals: Integrals,
    /// Of each replica: has it been created, started, become ready?
    phases: BTreeMap<u32, (bool, bool)>,
    alive_min: u64,
    alive_max: u64,
}

impl Census {
    fn new(replicas: u32) -> Self {
        let replicas = u64::from(replicas);
        let counts = Counts { alive: replicas, running: replicas, ready: replicas, killed: 0 };
        Self {
            at: SimTime::ZERO,
            counts,
            integrals: Integrals::default(),
            phases: BTreeMap::new(),
            alive_min: replicas,
            alive_max: replicas,
        }
    }

    fn go_to(&mut self, at: SimTime) {
        let elapsed = at.since(self.at).as_nanos();
        self.integrals.alive += elapsed * self.counts.alive;
        self.integrals.running += elapsed * self.counts.running;
        self.integrals.ready += elapsed * self.counts.ready;
        self.at = at;
    }

    fn follow(&mut self, pod: &PodEvent) {
        self.go_to(pod.at);
        let replica = pod.replica.number();
        match pod.reason {
            "SuccessfulCreate" => {
                self.phases.insert(replica, (false, false));
                self.counts.alive += 1;
            }
            "Started" => {
                self.phases.entry(replica).or_default().0 = true;
                self.counts.running += 1;
            }
            "Ready" => {
                self.phases.entry(replica).or_default().1 = true;
                self.counts.ready += 1;
            }
            "Killing" => {
                let (running, ready) = *self.phases.get(&replica).unwrap_or(&(true, true));
                self.counts.alive -= 1;
                self.counts.running -= u64::from(running);
                self.counts.ready -= u64::from(ready);
                self.counts.killed += 1;
            }
            _ => {}
        }
        self.alive_min = self.alive_min.min(self.counts.alive);
        self.alive_max = self.alive_max.max(self.counts.alive);
    }
}

/// What a pool's rows say against what its pods' events say.
fn books(scenario: &Scenario, pool: usize, seen: &Witness<'_>, wrong: &mut Verdict) {
    let spec = &scenario.pools[pool];
    let killed =
        scenario.events.iter().any(|event| matches!(event.change, EventChange::Fault(Fault::PodsKilled { .. })));
    let mut census = Census::new(spec.replicas);
    let (mut pods_told, mut asked_told) = (0, 0);
    let (mut desired, mut desired_max) = (spec.replicas, spec.replicas);
    let mut before = PoolSnapshot::default();
    let mut quiet_since = SimTime::ZERO;
    for tick in &seen.ticks {
        let start = census.integrals;
        (census.alive_min, census.alive_max) = (census.counts.alive, census.counts.alive);
        for pod in seen.pods[pods_told..tick.pods].iter().filter(|pod| pod.pool == pool) {
            census.follow(pod);
            if pod.reason == "Killing" {
                quiet_since = pod.at;
            }
        }
        census.go_to(tick.at);
        for asked in seen.asked[asked_told..tick.asked].iter().filter(|asked| asked.pool == pool) {
            desired = asked.replicas;
            desired_max = desired_max.max(desired);
            quiet_since = quiet_since.max(asked.at);
        }
        (pods_told, asked_told) = (tick.pods, tick.asked);
        let state = &tick.pools[pool];
        let place = format!("{:?}, pool {pool}", tick.at);
        sizes((spec, killed), &census, (desired, desired_max), state, &place, wrong);
        settled(spec, &census, desired, tick.at.since(quiet_since), &place, wrong);
        let recently = tick.at.saturating_sub(spec.stop.grace_period);
        let dying = seen.pods[..tick.pods].iter().rev().take_while(|pod| pod.at > recently);
        let dying = dying.filter(|pod| pod.pool == pool && pod.reason == "Killing").count();
        wrong.unless(state.draining as usize <= dying, || format!("{place}: {} drain, {dying} may", state.draining));
        growth(spec, (&start, &census), (&before, state), &place, wrong);
        before = *state;
    }
}

/// Numbers of replicas; `killed`: faults may kill some.
fn sizes(
    (spec, killed): (&PoolSpec, bool),
    census: &Census,
    (desired, desired_max): (u32, u32),
    state: &PoolSnapshot,
    place: &str,
    wrong: &mut Verdict,
) {
    let Counts { alive, ready, .. } = census.counts;
    wrong.unless(state.desired == desired, || format!("{place}: {} desired, {desired} asked for", state.desired));
    wrong
        .unless(u64::from(state.ready) == ready, || format!("{place}: {} ready, {ready} by their events", state.ready));
    let starting = alive - ready;
    wrong.unless(u64::from(state.starting) == starting, || {
        format!("{place}: {} starting, {starting} by their events", state.starting)
    });
    // A StatefulSet takes its time on the way down; all others let go at once.
    let most = if spec.kind == WorkloadKind::StatefulSet { desired_max } else { desired };
    wrong.unless(alive <= u64::from(most), || format!("{place}: {alive} replicas, {most} asked for"));
    if spec.kind == WorkloadKind::StatefulSet {
        wrong.unless(state.draining <= 1, || format!("{place}: {} drain at once", state.draining));
        // A pod that was killed is made anew at once, even while one of a higher number is starting.
        wrong.unless(killed || state.starting <= 1, || format!("{place}: {} start at once", state.starting));
    }
    let extremes = (u64::from(state.replicas_min), u64::from(state.replicas_max));
    let counted = (census.alive_min, census.alive_max);
    wrong.unless(extremes == counted, || {
        format!("{place}: {extremes:?} at least and at most, {counted:?} by their events")
    });
}

/// Once the controllers have had their time, there are as many as were asked for.
fn settled(spec: &PoolSpec, census: &Census, desired: u32, quiet: Span, place: &str, wrong: &mut Verdict) {
    let Law::Constant(reconcile_s) = spec.start.reconcile else { return };
    if spec.kind != WorkloadKind::StatefulSet && quiet.as_secs_f64() > reconcile_s {
        let alive = census.counts.alive;
        wrong.unless(alive == u64::from(desired), || {
            format!("{place}: {alive} replicas, {desired} wanted for {quiet:?}")
        });
    }
}

/// Cumulative books never fall, and grow as the pods' events allow.
fn growth(
    spec: &PoolSpec,
    census: (&Integrals, &Census),
    states: (&PoolSnapshot, &PoolSnapshot),
    place: &str,
    wrong: &mut Verdict,
) {
    let (start, end) = census;
    let (before, state) = states;
    let seconds = |from: u64, to: u64| (to - from) as f64 * 1e-9;
    let alive_s = seconds(start.alive, end.integrals.alive);
    let running_s = seconds(start.running, end.integrals.running);
    let ready_s = seconds(start.ready, end.integrals.ready);
    let cpu = state.cpu_core_s - before.cpu_core_s;
    let requested = state.cpu_requested_core_s - before.cpu_requested_core_s;
    let replica = state.replica_s - before.replica_s;
    let paid = state.paid_s - before.paid_s;
    let idle = state.idle_s - before.idle_s;
    let cost = state.cost_usd - before.cost_usd;
    // Sums of floats over a run of many ticks.
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-6 * (1.0 + a.abs());
    for (name, grown) in
        [("cpu", cpu), ("requested", requested), ("replica", replica), ("paid", paid), ("idle", idle), ("cost", cost)]
    {
        wrong.unless(grown >= -1e-9, || format!("{place}: {name} falls by {grown}"));
    }
    wrong.unless(near(replica, alive_s), || format!("{place}: {replica} replica-seconds, {alive_s} by events"));
    wrong.unless(paid >= replica - 1e-6, || format!("{place}: {paid} replica-seconds paid, {replica} there"));
    wrong.unless(near(cost, paid * spec.price_usd_per_hour / 3_600.0), || format!("{place}: {cost} USD for {paid} s"));
    wrong.unless(idle <= ready_s + 1e-6, || format!("{place}: {idle} s idle, {ready_s} s ready"));
    let reference = reference_cores(spec);
    wrong.unless(near(requested, reference * running_s), || {
        format!("{place}: {requested} core-seconds requested in {running_s} s")
    });
    let idle_cores = spec.cpu.idle_millis as f64 / 1_000.0;
    let sidecars: f64 = spec.containers.iter().map(|sidecar| sidecar.cpu_idle_millis as f64 / 1_000.0).sum();
    if spec.cpu.cfs == Cfs::Fluid {
        let (least, most) = ((idle_cores + sidecars) * running_s, (most_cores(spec) + sidecars) * running_s);
        let fits = cpu >= least - 1e-6 * (1.0 + least) && cpu <= most + 1e-6 * (1.0 + most);
        wrong.unless(fits, || {
            format!("{place}: {cpu} core-seconds used, at least {least}, at most {most} in {running_s} s")
        });
    } else {
        // A quota may be used up at the end of one period and again at the beginning of the next: over the whole run each
        // container may be ahead of its limit by two periods' worth.
        let limit = spec.cpu.limit_millis.unwrap_or(0) as f64 / 1_000.0;
        let containers = (u64::from(spec.replicas) + end.phases.len() as u64) as f64;
        let all_s = end.integrals.running as f64 * 1e-9;
        let most = (limit + sidecars) * all_s + containers * limit * 0.2;
        wrong.unless(state.cpu_core_s <= most * (1.0 + 1e-6), || {
            format!("{place}: {} core-seconds, at most {most}", state.cpu_core_s)
        });
    }
}

/// What the utilization of a replica is measured by.
fn reference_cores(spec: &PoolSpec) -> f64 {
    let Some(main) = spec.cpu.request_millis.or(spec.cpu.limit_millis) else { return 0.0 };
    let others: Option<u64> = spec.containers.iter().map(|c| c.cpu_request_millis.or(c.cpu_limit_millis)).sum();
    others.map_or(0.0, |others| (main + others) as f64 / 1_000.0)
}

/// The most that the main container of a running replica can use, without regard to an exact quota.
fn most_cores(spec: &PoolSpec) -> f64 {
    let workers = spec.workers.map_or(f64::INFINITY, f64::from);
    let at_once = match spec.discipline {
        DisciplineSpec::Fifo => workers,
        DisciplineSpec::ProcessorSharing { cores } => workers.min(cores),
    };
    let busy = if spec.cpu.fraction > 0.0 { at_once * spec.cpu.fraction } else { 0.0 };
    let base = spec.cpu.idle_millis.max(spec.cpu.startup_millis) as f64 / 1_000.0;
    let limit = spec.cpu.limit_millis.map_or(f64::INFINITY, |limit| limit as f64 / 1_000.0);
    (base + busy).min(limit)
}
