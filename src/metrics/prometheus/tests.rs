//! Prometheus against arithmetic in the head, and against the delays that theory gives its pipeline.

use super::*;
use crate::random::{Law, Streams};
use rand::RngExt;

/// Long after the beginning of the clock, so that windows never reach before it.
const START: SimTime = SimTime::from_secs(1_000_000);
const POOL: PoolId = PoolId::new(0);

fn pod(number: u32) -> Target {
    Target::Pod(ReplicaId::new(number))
}

fn spec(interval_s: u64, window_s: u64) -> PrometheusSpec {
    PrometheusSpec {
        scrape_interval: Span::from_secs(interval_s),
        scrape_timeout: Span::from_secs(interval_s.min(10)),
        rate_window: Span::from_secs(window_s),
        lookback_delta: Span::from_secs(300),
        metrics_relist_interval: Span::from_secs(600),
        metrics_max_age: Span::from_secs(600),
        adapter_query_latency: Law::constant(0.0),
        target_discovery: Law::constant(0.0),
    }
}

fn at(seconds: f64) -> SimTime {
    START + Span::from_secs_f64(seconds).expect("a time of the test")
}

/// Seconds since the start.
fn seconds(now: SimTime) -> f64 {
    now.since(START).as_secs_f64()
}

fn server(spec: PrometheusSpec) -> Prometheus {
    let relist = START + spec.metrics_relist_interval;
    Prometheus::new(spec, 7, relist)
}

/// Scrapes up to `until`, where every target shows `value` of the time since the start in this series.
fn scrape_until(prometheus: &mut Prometheus, until: SimTime, series: Series, value: impl Fn(Target, f64) -> f64) {
    while let Some(next) = prometheus.next().filter(|&next| next <= until) {
        prometheus.advance(next, &mut |target, page| {
            page.number(series, value(target, seconds(next)));
            Answer::After(Span::ZERO)
        });
    }
}

fn rate_of(prometheus: &Prometheus, of: Of, now: SimTime) -> Option<f64> {
    prometheus.query(&Query::Rate(Series::Ended.alone()), of, now).map(|seen| seen.value)
}

fn latest_of(prometheus: &Prometheus, now: SimTime) -> Option<f64> {
    prometheus.query(&Query::Latest(Series::InFlight.alone()), Of::Pool(POOL), now).map(|seen| seen.value)
}

#[test]
fn a_target_is_scraped_at_one_phase_for_ever() {
    let mut prometheus = server(spec(15, 60));
    prometheus.discover(pod(1), "chat-1", Some(POOL), START);
    let first = prometheus.next().expect("a first scrape");
    assert!(first < START + Span::from_secs(15));
    let mut times = Vec::new();
    while times.len() < 5 {
        let next = prometheus.next().expect("a next scrape");
        prometheus.advance(next, &mut |_, _| {
            times.push(next);
            Answer::Refused
        });
    }
    for (number, time) in times.iter().enumerate() {
        assert_eq!(*time, first + Span::from_secs(15) * number as u64);
    }
    // Found anew later, the same name has the same phase; another server has another.
    let mut again = server(spec(15, 60));
    again.discover(pod(1), "chat-1", Some(POOL), at(100.0));
    assert_eq!(again.next().expect("a scrape").since(first).as_nanos() % 15_000_000_000, 0);
    assert_ne!(hash("chat-1", 7), hash("chat-1", 8));
}

#[test]
fn phases_are_spread_over_the_interval() {
    let prometheus = server(spec(15, 60));
    let phases: Vec<f64> =
        (0..2_000).map(|number| seconds(prometheus.first_scrape(&format!("chat-{number}"), START)) / 15.0).collect();
    let mean = phases.iter().sum::<f64>() / 2_000.0;
    assert!((mean - 0.5).abs() < 4.0 * 0.2887 / 2_000.0_f64.sqrt(), "{mean}"); // uniform: 1/√12
    let first_tenth = phases.iter().filter(|&&phase| phase < 0.1).count();
    assert!((150..250).contains(&first_tenth), "{first_tenth}"); // 200 ± 4 × 13.4
}

#[test]
fn a_perfect_counter_has_its_rate_whatever_its_phase() {
    for number in 0..20 {
        let mut prometheus = server(spec(15, 60));
        prometheus.discover(pod(number), &format!("chat-{number}"), Some(POOL), START);
        for now in [75.0, 91.3, 123.456_789, 10_000.0] {
            scrape_until(&mut prometheus, at(now), Series::Ended, |_, s| 1_000.0 + 100.0 * s);
            let seen = rate_of(&prometheus, Of::Pool(POOL), at(now)).expect("four samples");
            assert!((seen - 100.0).abs() < 1e-9, "{number}, {now}: {seen}");
        }
    }
}

#[test]
fn a_counter_just_born_is_not_extrapolated_to_before_its_birth() {
    let mut prometheus = server(spec(15, 60));
    prometheus.discover(pod(1), "chat-1", Some(POOL), START);
    let birth = seconds(prometheus.next().expect("a first scrape")) - 2.0;
    // 100 a second since it was born 20 s ago: all its 2,000 over the window of 60 s.
    scrape_until(&mut prometheus, at(birth + 20.0), Series::Ended, |_, s| 100.0 * (s - birth));
    let seen = rate_of(&prometheus, Of::Pool(POOL), at(birth + 20.0)).expect("two samples");
    assert!((seen - 2_000.0 / 60.0).abs() < 1e-9, "{seen}");
    assert_eq!(rate_of(&prometheus, Of::Pool(POOL), at(birth + 16.0)), None, "one sample is no rate");
}

#[test]
fn a_window_shorter_than_two_scrapes_flickers() {
    let mut prometheus = server(spec(30, 45));
    prometheus.discover(pod(1), "chat-1", Some(POOL), START);
    let first = seconds(prometheus.first_scrape("chat-1", at(540.0)));
    scrape_until(&mut prometheus, at(first + 14.0), Series::Ended, |_, s| 10.0 * s);
    // The window of 45 s holds two scrapes for the 15 s that follow one, and a single one for the next 15 s.
    assert!(rate_of(&prometheus, Of::Pool(POOL), at(first + 14.0)).is_some());
    assert_eq!(rate_of(&prometheus, Of::Pool(POOL), at(first + 16.0)), None);
}

#[test]
fn a_gauge_is_what_it_was_at_the_last_scrape_until_that_is_stale() {
    let mut settings = spec(15, 60);
    settings.lookback_delta = Span::from_secs(10);
    let mut prometheus = server(settings);
    prometheus.discover(pod(1), "chat-1", Some(POOL), START);
    let first = seconds(prometheus.next().expect("a first scrape"));
    assert_eq!(latest_of(&prometheus, at(first)), None);
    scrape_until(&mut prometheus, at(first + 15.0), Series::InFlight, |_, s| (s - first).round() + 3.0);
    assert_eq!(latest_of(&prometheus, at(first + 24.9)), Some(18.0));
    assert_eq!(latest_of(&prometheus, at(first + 25.0)), None, "older than the look-back");
    prometheus.advance(at(first + 30.0), &mut |_, _| Answer::Refused);
    assert_eq!(latest_of(&prometheus, at(first + 30.0)), None, "stale as soon as a scrape fails");
    prometheus.advance(at(first + 45.0), &mut |_, page| {
        page.number(Series::InFlight, 5.0);
        Answer::After(Span::from_secs(2))
    });
    assert_eq!(latest_of(&prometheus, at(first + 46.9)), None, "the answer is on its way");
    let seen = prometheus.query(&Query::Latest(Series::InFlight.alone()), Of::Everything, at(first + 47.0));
    assert_eq!(seen, Some(Seen { value: 5.0, at: at(first + 45.0) }));
    prometheus.advance(at(first + 60.0), &mut |_, page| {
        page.number(Series::InFlight, 6.0);
        Answer::After(Span::from_secs(11))
    });
    assert_eq!(latest_of(&prometheus, at(first + 60.0)), None, "slower than the timeout is no answer");
}

#[test]
fn a_vanished_target_fades_from_rates_and_is_gone_from_gauges_at_once() {
    let mut prometheus = server(spec(15, 120));
    for number in [1, 2] {
        prometheus.discover(pod(number), &format!("chat-{number}"), Some(POOL), START);
    }
    while let Some(next) = prometheus.next().filter(|&next| next <= at(300.0)) {
        prometheus.advance(next, &mut |_, page| {
            page.number(Series::Ended, 50.0 * seconds(next));
            page.number(Series::InFlight, 4.0);
            Answer::After(Span::ZERO)
        });
    }
    assert_eq!(latest_of(&prometheus, at(300.0)), Some(8.0));
    prometheus.vanish(pod(2), at(300.0));
    assert_eq!(latest_of(&prometheus, at(300.0)), Some(4.0));
    let gone = |prometheus: &Prometheus, now| rate_of(prometheus, Of::Target(pod(2)), at(now));
    let right_after = gone(&prometheus, 300.0).expect("its samples are in the window");
    assert!((right_after - 50.0).abs() < 1e-9, "{right_after}");
    // A minute later half of the window is without it; the extrapolation adds half a scrape at most.
    let halfway = gone(&prometheus, 360.0).expect("four samples");
    assert!((50.0 * 45.0 / 120.0..50.0 * 75.0 / 120.0).contains(&halfway), "{halfway}");
    scrape_until(&mut prometheus, at(420.0), Series::Ended, |_, s| 50.0 * s);
    assert_eq!(gone(&prometheus, 420.0), None);
    assert_eq!(prometheus.targets.len(), 1, "it is forgotten");
    assert!((rate_of(&prometheus, Of::Pool(POOL), at(420.0)).expect("the other one") - 50.0).abs() < 1e-9);
}

#[test]
fn a_new_name_is_found_after_the_next_relist_and_lost_with_its_series() {
    let rate = Query::Rate(Series::Ended.alone());
    let mut prometheus = server(spec(15, 60));
    prometheus.discover(pod(1), "chat-1", Some(POOL), at(10.0));
    scrape_until(&mut prometheus, at(599.0), Series::Ended, |_, s| s);
    assert_eq!(prometheus.admit(&rate), Err(Refusal::NotFound));
    assert!(prometheus.query(&rate, Of::Pool(POOL), at(599.0)).is_some(), "the data are there all the same");
    scrape_until(&mut prometheus, at(600.0), Series::Ended, |_, s| s);
    assert_eq!(prometheus.admit(&rate), Ok(()));
    assert_eq!(prometheus.admit(&Query::Quantile(0.5)), Err(Refusal::NotFound));
    scrape_until(&mut prometheus, at(700.0), Series::Ended, |_, s| s);
    prometheus.vanish(pod(1), at(700.0));
    scrape_until(&mut prometheus, at(1_200.0), Series::Ended, |_, s| s);
    assert_eq!((prometheus.admit(&rate), prometheus.query(&rate, Of::Pool(POOL), at(1_200.0))), (Ok(()), None));
    scrape_until(&mut prometheus, at(1_800.0), Series::Ended, |_, s| s);
    assert_eq!(prometheus.admit(&rate), Err(Refusal::NotFound));
}

#[test]
fn an_outage_refuses_and_what_comes_back_is_empty() {
    let rate = Query::Rate(Series::Ended.alone());
    let mut prometheus = server(spec(15, 60));
    prometheus.established(pod(1), "chat-1", Some(POOL), START, |page| page.number(Series::Ended, 0.0));
    assert_eq!(prometheus.admit(&rate), Ok(()));
    assert_eq!(prometheus.query(&rate, Of::Pool(POOL), START).map(|seen| seen.value), Some(0.0));
    scrape_until(&mut prometheus, at(100.0), Series::Ended, |_, s| s);
    prometheus.go_down();
    assert_eq!(prometheus.admit(&rate), Err(Refusal::Down));
    let mut scraped = 0;
    while let Some(next) = prometheus.next().filter(|&next| next <= at(200.0)) {
        prometheus.advance(next, &mut |_, _| {
            scraped += 1;
            Answer::After(Span::ZERO)
        });
    }
    assert_eq!(scraped, 0);
    prometheus.come_back();
    assert_eq!(prometheus.admit(&rate), Ok(()), "the adapter has kept its list");
    assert_eq!(prometheus.query(&rate, Of::Pool(POOL), at(200.0)), None);
    let first = seconds(prometheus.first_scrape("chat-1", at(200.0)));
    scrape_until(&mut prometheus, at(first + 15.0), Series::Ended, |_, s| s);
    assert_eq!(rate_of(&prometheus, Of::Pool(POOL), at(first + 14.9)), None);
    assert!(rate_of(&prometheus, Of::Pool(POOL), at(first + 15.0)).is_some());
}

#[test]
fn memory_does_not_grow_with_time() {
    let mut prometheus = server(spec(15, 120));
    prometheus.discover(pod(1), "chat-1", Some(POOL), START);
    let counts = LatencyCounts::default();
    while let Some(next) = prometheus.next().filter(|&next| next <= at(86_400.0)) {
        prometheus.advance(next, &mut |_, page| {
            page.number(Series::Ended, seconds(next));
            page.number(Series::Queue, 1.0);
            // A model that is there for an hour, then unloaded.
            if seconds(next) < 3_600.0 {
                page.number(Series::Infers(ModelId::new(0)), 1.0);
            }
            page.latencies(&counts);
            Answer::After(Span::ZERO)
        });
    }
    let watched = &prometheus.targets[&pod(1)];
    assert_eq!(watched.numbers[&Series::Ended].len(), 8);
    assert_eq!(watched.numbers[&Series::Queue].len(), 2);
    assert!(!watched.numbers.contains_key(&Series::Infers(ModelId::new(0))));
    assert_eq!(watched.latencies.len(), 8);
    assert_eq!(prometheus.agenda.len(), 2);
}

#[test]
fn inferences_are_summed_by_model_and_by_server() {
    let model = |number| Series::Infers(ModelId::new(number));
    let other = PoolId::new(1);
    let mut prometheus = server(spec(15, 60));
    for (number, pool) in [(1, POOL), (2, POOL), (3, other)] {
        prometheus.discover(pod(number), &format!("server-{number}"), Some(pool), START);
    }
    while let Some(next) = prometheus.next().filter(|&next| next <= at(200.0)) {
        prometheus.advance(next, &mut |target, page| {
            let s = 10.0 + seconds(next);
            page.number(model(0), 5.0 * s); // on all three replicas
            if target != pod(3) {
                page.number(model(1), 20.0 * s);
            }
            Answer::After(Span::ZERO)
        });
    }
    let rate = |series, of| prometheus.query(&Query::Rate(series), of, at(200.0)).expect("samples").value;
    assert!((rate(model(0).alone(), Of::Everything) - 15.0).abs() < 1e-9);
    assert!((rate(model(1).alone(), Of::Everything) - 40.0).abs() < 1e-9);
    assert!((rate(Series::infers_of_all(), Of::Pool(POOL)) - 50.0).abs() < 1e-9);
    assert!((rate(Series::infers_of_all(), Of::Pool(other)) - 5.0).abs() < 1e-9);
    assert_eq!(prometheus.query(&Query::Rate(model(9).alone()), Of::Everything, at(200.0)), None);
}

#[test]
fn quantiles_are_of_what_ended_within_the_window() {
    let mut prometheus = server(spec(15, 60));
    prometheus.discover(pod(1), "chat-1", Some(POOL), START);
    let mut counts = LatencyCounts::default();
    while let Some(next) = prometheus.next().filter(|&next| next <= at(400.0)) {
        // 125 ms until 200 s, 2 s from then on.
        counts.record(if seconds(next) < 200.0 { Span::from_millis(120) } else { Span::from_millis(1_950) });
        prometheus.advance(next, &mut |_, page| {
            page.latencies(&counts);
            Answer::After(Span::ZERO)
        });
    }
    let p50 = |now| prometheus.query(&Query::Quantile(0.5), Of::Pool(POOL), at(now)).expect("samples").value;
    assert!((p50(400.0) / 1.95 - 1.0).abs() < 0.09, "{}", p50(400.0));
    // Nothing ends any more: the quantile of nothing is not a number.
    while let Some(next) = prometheus.next().filter(|&next| next <= at(500.0)) {
        prometheus.advance(next, &mut |_, page| {
            page.latencies(&counts);
            Answer::After(Span::ZERO)
        });
    }
    let seen = prometheus.query(&Query::Quantile(0.5), Of::Pool(POOL), at(500.0)).expect("samples");
    assert!(seen.value.is_nan());
}

/// Mean delays from a step of the load to the first pass above tolerance, and to the first that sees 98 % of the new level.
fn delays(scrape_s: u64, window_s: u64, pods: u32, ratio: f64, trials: u32) -> (f64, f64) {
    const STEP_AT: f64 = 1_000.0;
    const SYNC_S: f64 = 15.0;
    let mut stream = Streams::new(1).named("test");
    let (mut detected, mut full) = (0.0, 0.0);
    for _ in 0..trials {
        let mut prometheus = Prometheus::new(spec(scrape_s, window_s), stream.random(), at(1e5));
        for number in 0..pods {
            let found = at(STEP_AT - 700.0);
            prometheus.discover(pod(number), &format!("chat-{number}"), Some(POOL), found);
        }
        let counter = |_: Target, s: f64| 1e6 + s + (ratio - 1.0) * (s - STEP_AT).max(0.0);
        let mut pass = STEP_AT + SYNC_S * stream.random::<f64>();
        let mut seen_at = None;
        loop {
            scrape_until(&mut prometheus, at(pass), Series::Ended, counter);
            let seen = rate_of(&prometheus, Of::Pool(POOL), at(pass)).expect("established") / f64::from(pods);
            if seen > 1.1 {
                seen_at.get_or_insert(pass);
            }
            if seen >= 0.98 * ratio {
                break;
            }
            pass += SYNC_S;
        }
        detected += seen_at.expect("it is above tolerance before it is full") - STEP_AT;
        full += pass - STEP_AT;
    }
    (detected / f64::from(trials), full / f64::from(trials))
}

/// Figures of an independent Monte Carlo run of the same rules, given to 0.1 s. One standard error of a mean of ours is
/// about 0.15 s (a spread of 4 to 6 s over 1,000 trials); 0.6 s is four, and its error besides.
#[test]
fn a_step_is_seen_as_late_as_theory_says() {
    for (scrape_s, window_s, ratio, detect, full) in
        [(15, 60, 1.2, 37.5, 55.0), (15, 60, 2.0, 19.3, 59.8), (30, 60, 2.0, 22.1, 57.5), (15, 30, 2.0, 14.7, 32.4)]
    {
        let (seen, filled) = delays(scrape_s, window_s, 4, ratio, 1_000);
        let name = format!("scrape {scrape_s}, window {window_s}, step {ratio}");
        assert!((seen - detect).abs() < 0.6, "{name}: detected after {seen}, not {detect}");
        assert!((filled - full).abs() < 0.6, "{name}: full after {filled}, not {full}");
    }
}
