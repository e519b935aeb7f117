//! What holds exactly within one run, without statistics; and the equality of slowdowns, which needs some.

use crate::common;
use crate::measure::Measure;
use crate::models::{one_queue, one_station, poisson, scenario};
use autosim::record::{Outcome, PoolSnapshot, Recorder, RequestEnd, Snapshot};
use autosim::serving::{Admission, Cfs, CpuSpec, DisciplineSpec, Link, Place, QueueSpec, Request, Requests};
use autosim::serving::{Station, StationSpec};
use autosim::units::{LoadId, PoolId, ReplicaId, SimTime, Span};

/// All ends, and the number in the system integrated over time in whole numbers.
#[derive(Default)]
struct Book {
    ends: Vec<RequestEnd>,
    inside: u64,
    changed: SimTime,
    area_request_nanos: u128,
    last: PoolSnapshot,
}

impl Book {
    fn settle(&mut self, now: SimTime) {
        self.area_request_nanos += u128::from(self.inside) * u128::from(now.since(self.changed).as_nanos());
        self.changed = now;
    }

    /// Those whose service began, in order of birth.
    fn served(&self) -> Vec<RequestEnd> {
        let mut served: Vec<_> = self.ends.iter().copied().filter(|end| end.started.is_some()).collect();
        served.sort_by_key(|end| end.request);
        served
    }
}

impl Recorder for Book {
    fn arrived(&mut self, now: SimTime, _: LoadId, _: PoolId) {
        self.settle(now);
        self.inside += 1;
    }

    fn ended(&mut self, end: &RequestEnd) {
        self.settle(end.at);
        self.inside -= 1;
        self.ends.push(*end);
    }

    fn tick(&mut self, now: SimTime, state: &Snapshot<'_>) {
        self.settle(now);
        assert_eq!(state.pools[0].in_flight, self.inside, "in the system at {now:?}");
        self.last = state.pools[0];
    }
}

const LONG_TAIL: &str = "service.lognormal = { mean = \"100ms\", cv = 1.5 }";

fn book(seed: u64, load: &str, pool: &str) -> Book {
    let text = scenario(Span::from_secs(2_000), Span::from_secs(10), load, pool);
    let mut book = Book::default();
    common::run(&common::load("exact", &text), seed, &mut book);
    assert!(book.ends.len() > 10_000, "{text}");
    book
}

#[test]
fn littles_law_is_an_identity() {
    let pool = format!("{}\n{LONG_TAIL}\ncpu = {{ idle = \"0\" }}", one_queue(4.0));
    // The run ends with requests in the system, and empty.
    for load in [poisson(36.0), format!("{}\nuntil = \"1500s\"", poisson(36.0))] {
        let book = book(1, &load, &pool);
        let sojourns: u128 = book.ends.iter().map(|end| u128::from(end.at.since(end.arrived).as_nanos())).sum();
        assert_eq!(book.area_request_nanos, sojourns);
        assert_eq!(book.ends.iter().any(|end| end.outcome == Outcome::Unfinished), !load.contains("until"));
        // The same law of the servers alone: what they have worked is what they were busy, and burnt.
        let end = SimTime::from_secs(2_000);
        let served = book.served();
        let worked = served.iter().map(|it| {
            let started = it.started.expect("service began");
            (started + it.demand).min(end).since(started).as_secs_f64()
        });
        let worked_s: f64 = worked.sum();
        let busy_s = book.last.replica_s - book.last.idle_s;
        assert!((busy_s - worked_s).abs() < 1e-9 * worked_s, "busy for {busy_s} s, worked {worked_s} s");
        let burnt_core_s = book.last.cpu_core_s;
        assert!((burnt_core_s - worked_s).abs() < 1e-9 * worked_s, "{burnt_core_s} core-seconds, worked {worked_s} s");
    }
}

/// Lindley's recursion: who comes next waits for what is left of the work when he comes.
#[test]
fn one_server_waits_by_lindley() {
    for pool in [one_queue(1.0), one_station(1.0)] {
        let served = book(2, &poisson(9.0), &format!("{pool}\n{LONG_TAIL}")).served();
        let mut wait = 0_u64;
        for pair in served.windows(2) {
            let gap = pair[1].arrived.since(pair[0].arrived).as_nanos();
            wait = (wait + pair[0].demand.as_nanos()).saturating_sub(gap);
            assert_eq!(pair[1].started, Some(pair[1].arrived + Span::from_nanos(wait)), "request {}", pair[1].request);
        }
    }
}

/// Kiefer and Wolfowitz: who comes next takes the server that is free first.
#[test]
fn several_servers_wait_by_kiefer_and_wolfowitz() {
    for pool in [one_queue(5.0), one_station(5.0)] {
        let served = book(3, &poisson(45.0), &format!("{pool}\n{LONG_TAIL}")).served();
        let mut free = [SimTime::ZERO; 5];
        for end in served {
            let first = free.iter_mut().min().expect("five servers");
            let started = end.arrived.max(*first);
            *first = started + end.demand;
            assert_eq!(end.started, Some(started), "request {}", end.request);
            assert_eq!(end.at, (*first).min(SimTime::from_secs(2_000)), "request {}", end.request);
        }
    }
}

/// Under processor sharing the mean slowdown is 1/(1 - rho) for small and large jobs alike, of whatever law.
#[test]
fn sharing_slows_all_sizes_alike() {
    const RHO: f64 = 0.7;
    let kinds =
        ["\"20ms\"", "{ exponential = { mean = \"100ms\" } }", "{ lognormal = { mean = \"300ms\", cv = 1.5 } }"];
    let loads: String = kinds
        .iter()
        .zip([0.02, 0.1, 0.3])
        .enumerate()
        .map(|(number, (law, mean_s))| {
            let rate = poisson(RHO / 3.0 / mean_s);
            format!(
                "\n[[load]]\nname = \"kind-{number}\"\nto = \"servers\"\ntimeout = \"none\"\ndemand = {law}\n{rate}\n"
            )
        })
        .collect();
    let nobody = "rate.constant = \"0.000001/s\"";
    let pool = "discipline.processor_sharing = { cores = 1 }\nservice = \"1ms\"";
    let text = scenario(Span::from_secs(100_000), Span::from_secs(2_000), nobody, pool) + &loads;
    let mut measure = Measure::new(SimTime::from_secs(2_000));
    common::run(&common::load("slowdown", &text), 1, &mut measure);
    for number in 1..=kinds.len() {
        let (_, slowdown) = measure.of_load(number);
        let off = slowdown * (1.0 - RHO) - 1.0;
        assert!(off.abs() < 0.03, "{} are {off:+.4} off", kinds[number - 1]); // four standard errors
    }
}

/// One thread under an exact quota of `limit` works for `limit` x 100 ms of each 100 ms.
#[test]
fn a_station_under_a_quota_stops_and_goes() {
    // limit in millicores, work and response in ms: 439 = 8 x 50 + 39; 155.1 = 15 x 10 + 5.1; 68.6 < 75; 375 = 4 x 75 + 75
    for (limit_millis, work, response) in
        [(500, 439.0, 839.0), (100, 155.1, 1_505.1), (750, 68.6, 68.6), (750, 375.0, 475.0)]
    {
        let mut requests = Requests::default();
        let mut station = Station::new(SimTime::ZERO, under_quota(limit_millis));
        let slot = requests.insert(request(Span::from_drawn_secs(work / 1_000.0)));
        assert_eq!(station.offer(SimTime::ZERO, slot, &mut requests), Admission::Started);
        let (ends, _) = station.arm().expect("an end of service");
        assert!(
            (ends.as_secs_f64() * 1_000.0 - response).abs() < 1e-5,
            "{work} ms under {limit_millis}m end at {ends:?}"
        );
        assert_eq!(station.finish(ends), Some(slot));
        let burnt_ms = station.cpu_core_s(ends) * 1_000.0;
        assert!((burnt_ms - work).abs() < 1e-5, "{burnt_ms} core-ms of {work}");
    }
}

fn under_quota(limit_millis: u64) -> StationSpec {
    StationSpec {
        workers: Some(1),
        discipline: DisciplineSpec::Fifo,
        queue: QueueSpec { capacity: None, timeout: None, hold: Span::ZERO, initial: 0 },
        cpu: CpuSpec {
            request_millis: None,
            limit_millis: Some(limit_millis),
            fraction: 1.0,
            idle_millis: 0,
            startup_millis: 0,
            cfs: Cfs::Exact,
        },
        speed: 1.0,
        quota_phase: Span::ZERO,
    }
}

fn request(demand: Span) -> Request {
    Request {
        number: 1,
        arrived: SimTime::ZERO,
        started: SimTime::NEVER,
        waits_since: SimTime::ZERO,
        demand,
        end_mark: 0,
        load: LoadId::new(0),
        pool: PoolId::new(0),
        replica: ReplicaId::new(0),
        call: None,
        user: u32::MAX,
        place: Place::Nowhere,
        client_waits: false,
        ended: false,
        in_queue: Link::NONE,
        in_class: Link::NONE,
        in_wait: Link::NONE,
    }
}

/// A user who thinks briefly overtakes the one who was to come next. The overtaken event is dropped when it comes up, or
/// their number would grow with every request.
#[test]
fn a_closed_loop_has_a_few_events_per_request() {
    let load = "arrivals.users = { think = { exponential = { mean = \"1s\" } }, start = 20 }";
    let pool = format!("{}\nservice.exponential = {{ mean = \"83ms\" }}", one_queue(1.0));
    let text = scenario(Span::from_secs(1_000), Span::from_secs(1_000), load, &pool);
    let stats = common::run(&common::load("closed", &text), 1, &mut ());
    assert!(stats.requests > 10_000);
    // An arrival, an end of service, and at most one overtaken arrival each; 22 for the users and the tick.
    assert!(stats.events <= 3 * stats.requests + 22, "{} events of {} requests", stats.events, stats.requests);
}
