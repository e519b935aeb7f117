//! Recorded models without a steady state: ensembles of short runs, and fluid limits of one.

use crate::Row;
use crate::common;
use crate::measure::Figures;
use crate::models::{exponential, one_queue, poisson, scenario, time};
use autosim::record::{Outcome, PodChange, Recorder, RequestEnd, Snapshot};
use autosim::units::{SimTime, Span};
use rayon::prelude::*;
use std::f64::consts::TAU;

/// Jobs per unit of fluid: as it grows, queues of deterministic jobs become a fluid.
const GRAIN: f64 = 20.0;
/// A start that takes no time but what is written beside it.
const AT_ONCE: &str = "image = \"cached\", reconcile = \"0s\", schedule = \"0s\", kubelet_notice = \"0s\", sandbox = \"0s\", \
    runtime = \"0s\", download = \"0s\", load = \"0s\", warmup = \"0s\", readiness_probe = \"none\", endpoints = \"0s\"";

/// Is this model checked here?
pub fn knows(model: &str) -> bool {
    matches!(model, "M/M/c-transient" | "fluid-step" | "fluid-ramp" | "Mt/G/inf-sine")
}

/// The row's figures, and the relative tolerance that belongs to the effort spent.
pub fn measure(row: &Row) -> (Figures, f64) {
    match &*row.model {
        "M/M/c-transient" => transient(row),
        "Mt/G/inf-sine" => infinitely_many_servers(row),
        "fluid-step" => {
            let load = format!("rate.constant = \"{}/s\"", GRAIN * row.number("lambda_per_s"));
            fluid(row, &load, 0.0)
        }
        _ => {
            let capacity_per_s = row.number("servers_before") * row.number("mu_per_s");
            let saturation_s = (capacity_per_s - row.number("lambda0_per_s")) / row.number("slope_per_s2");
            fluid(row, &ramp(row), saturation_s)
        }
    }
}

/// The number in the system at the end of each tick.
#[derive(Default)]
struct Inside(Vec<u64>);

impl Recorder for Inside {
    fn tick(&mut self, _: SimTime, state: &Snapshot<'_>) {
        self.0.push(state.pools[0].in_flight);
    }
}

/// Sums over many seeds of `of(number in the system)`, for each tick.
fn ensemble(text: &str, replications: u64, of: &(impl Fn(usize, u64) -> [f64; 2] + Sync)) -> Vec<[f64; 2]> {
    let loaded = common::load("ensemble", text);
    let add = |mut sums: Vec<[f64; 2]>, more: Vec<[f64; 2]>| {
        sums.resize(sums.len().max(more.len()), [0.0; 2]);
        for (sum, value) in sums.iter_mut().zip(more) {
            *sum = [sum[0] + value[0], sum[1] + value[1]];
        }
        sums
    };
    (1..=replications)
        .into_par_iter()
        .map(|seed| {
            let mut inside = Inside::default();
            common::run(&loaded, seed, &mut inside);
            inside.0.into_iter().enumerate().map(|(tick, n)| of(tick, n)).collect()
        })
        .reduce(Vec::new, add)
}

/// Instants that the row names, in milliseconds.
fn instants_ms(row: &Row) -> Vec<(String, u64)> {
    let instant = |name: &String| {
        let secs: f64 = name.strip_prefix("mean_in_system_at_")?.strip_suffix('s')?.parse().ok()?;
        Some((name.clone(), (secs * 1_000.0).round() as u64))
    };
    row.expect.keys().filter_map(instant).collect()
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// Servers come in steps; those that wait stay in one queue.
fn transient(row: &Row) -> (Figures, f64) {
    let (replications, widening) = row.effort("replications");
    let steps: Vec<(f64, f64)> = row.params["capacity_steps"]
        .as_array()
        .expect("steps")
        .iter()
        .map(|step| (step["from_s"].as_f64().expect("a time"), step["servers"].as_f64().expect("a number")))
        .collect();
    let instants = instants_ms(row);
    let tick_ms = instants.iter().fold(0, |tick, (_, at)| greatest_common_divisor(tick, *at));
    let last_ms = instants.iter().map(|(_, at)| *at).max().expect("instants");
    let pool = format!(
        "{}\nservice = {}\nqueue.initial = {}\nstart = {{ {AT_ONCE}, container = \"0s\" }}",
        one_queue(steps[0].1),
        exponential(row),
        row.number("initial_in_system"),
    );
    let load = poisson(row.number("lambda_per_s"));
    let mut text = scenario(Span::from_millis(last_ms), Span::from_millis(tick_ms), &load, &pool);
    for (from_s, servers) in &steps[1..] {
        text += &format!("\n[[event]]\nat = {}\nset = {{ \"pool.servers.replicas\" = {servers} }}\n", time(*from_s));
    }
    let end_s = |tick: usize| (tick as u64 + 1) as f64 * tick_ms as f64 / 1_000.0;
    let servers_before =
        |at_s: f64| steps.iter().take_while(|(from_s, _)| *from_s < at_s).last().expect("a first step").1;
    let sums = ensemble(&text, replications, &|tick, n| [n as f64, f64::from(n as f64 >= servers_before(end_s(tick)))]);
    let mut figures = Figures::new();
    for (name, at_ms) in instants {
        let sum = sums[(at_ms / tick_ms) as usize - 1];
        figures.insert(name.replace("mean_in_system", "p_wait"), sum[1] / replications as f64);
        figures.insert(name, sum[0] / replications as f64);
    }
    (figures, row.tolerance(widening))
}

/// A sine of load on a server that nobody waits for. Time 0 of the row comes after as many waves as forget the start.
fn infinitely_many_servers(row: &Row) -> (Figures, f64) {
    let (replications, widening) = row.effort("replications");
    let (mean_per_s, period_s) = (row.number("mean_rate_per_s"), row.number("period_s"));
    let amplitude = row.number("relative_amplitude");
    let instants = instants_ms(row);
    let tick_ms = instants.iter().fold(0, |tick, (_, at)| greatest_common_divisor(tick, *at)).min(10_000);
    let before_s = (10.0 / row.number("mu_per_s") / period_s).ceil() * period_s;
    let before = (before_s * 1_000.0).round() as u64 / tick_ms;
    let last_ms = instants.iter().map(|(_, at)| *at).max().expect("instants").max((period_s * 1_000.0) as u64);
    let load = format!(
        "rate.sine = {{ mean = \"{mean_per_s}/s\", amplitude = \"{}%\", period = {} }}",
        amplitude * 100.0,
        time(period_s)
    );
    let pool = format!("workers = \"unlimited\"\nservice = {}", exponential(row));
    let text = scenario(Span::from_millis(before * tick_ms + last_ms), Span::from_millis(tick_ms), &load, &pool);
    let sums = ensemble(&text, replications, &|_, n| [n as f64, 0.0]);
    let mean_at = |at_ms: u64| sums[(before + at_ms / tick_ms) as usize - 1][0] / replications as f64;
    let mut figures: Figures = instants.into_iter().map(|(name, at_ms)| (name, mean_at(at_ms))).collect();
    // The first harmonic of the mean over one wave, against that of the load.
    let ticks = (period_s * 1_000.0) as u64 / tick_ms;
    let (mut sine, mut cosine, mut level) = (0.0, 0.0, 0.0);
    for tick in 1..=ticks {
        let angle = TAU * tick as f64 / ticks as f64;
        let mean = mean_at(tick * tick_ms);
        sine += mean * angle.sin();
        cosine += mean * angle.cos();
        level += mean;
    }
    let relative = 2.0 * sine.hypot(cosine) / level;
    figures.insert("amplitude_ratio".to_owned(), relative / amplitude);
    figures.insert("lag_seconds".to_owned(), (-cosine).atan2(sine) / TAU * period_s);
    (figures, row.tolerance(widening))
}

fn ramp(row: &Row) -> String {
    let (from, slope) = (GRAIN * row.number("lambda0_per_s"), GRAIN * row.number("slope_per_s2"));
    let over_s = run_of(row);
    format!("rate.ramp = {{ from = \"{from}/s\", to = \"{}/s\", over = {} }}", from + slope * over_s, time(over_s))
}

/// Long enough to see the queue end.
fn run_of(row: &Row) -> f64 {
    (row.expects("time_queue_empty").expect("an end") * 1.1).ceil()
}

/// Deterministic jobs in place of a fluid. Servers ordered at `ordered_s` arrive after the delay.
fn fluid(row: &Row, load: &str, ordered_s: f64) -> (Figures, f64) {
    const TICK: Span = Span::from_millis(10);
    let pool = format!(
        "{}\nservice = \"{:.0}ns\"\nstart = {{ {AT_ONCE}, container = {} }}",
        one_queue(row.number("servers_before")),
        1e9 / row.number("mu_per_s") / GRAIN,
        time(row.number("ready_delay_s")),
    );
    let run = Span::from_secs_f64(run_of(row)).expect("finite");
    let text = scenario(run, TICK, &format!("arrivals.deterministic = {{}}\n{load}"), &pool)
        + &format!(
            "\n[[event]]\nat = {}\nset = {{ \"pool.servers.replicas\" = {} }}\n",
            time(ordered_s),
            row.number("servers_after")
        );
    let mut backlog = Backlog::default();
    common::run(&common::load(&row.name, &text), 1, &mut backlog);
    // Nothing is random, and jobs are fine-grained: a tenth of the tolerance is enough for their size.
    (backlog.figures(), row.tolerance(0.1))
}

/// Those who wait.
#[derive(Default)]
struct Backlog {
    first_delayed: Option<SimTime>,
    delayed: u64,
    wait_s: f64,
    longest: (Span, SimTime),
    last_start_of_delayed: SimTime,
    peak: (u64, SimTime),
    ready: Option<SimTime>,
    queue_when_ready: u64,
}

impl Backlog {
    fn figures(&self) -> Figures {
        let ready_s = self.ready.expect("the servers arrive").as_secs_f64();
        let empty_s = self.last_start_of_delayed.as_secs_f64();
        let figures = [
            ("peak_queue", self.peak.0 as f64 / GRAIN),
            ("time_of_peak", self.peak.1.as_secs_f64()),
            ("time_ready", ready_s),
            ("queue_when_ready", self.queue_when_ready as f64 / GRAIN),
            ("time_queue_empty", empty_s),
            ("drain_time_after_ready", empty_s - ready_s),
            ("time_of_saturation", self.first_delayed.expect("somebody waits").as_secs_f64()),
            ("max_wait", self.longest.0.as_secs_f64()),
            ("time_of_max_wait_arrival", self.longest.1.as_secs_f64()),
            ("area_queue_seconds", self.wait_s / GRAIN),
            ("delayed_arrivals", self.delayed as f64 / GRAIN),
            ("mean_wait_of_delayed", self.wait_s / self.delayed as f64),
        ];
        figures.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl Recorder for Backlog {
    fn ended(&mut self, end: &RequestEnd) {
        let Some(started) = end.started.filter(|_| end.outcome == Outcome::Done) else { return };
        let wait = started.since(end.arrived);
        if wait.is_zero() {
            return;
        }
        self.first_delayed.get_or_insert(end.arrived);
        self.delayed += 1;
        self.wait_s += wait.as_secs_f64();
        self.last_start_of_delayed = self.last_start_of_delayed.max(started);
        if wait > self.longest.0 {
            self.longest = (wait, end.arrived);
        }
    }

    fn pod(&mut self, now: SimTime, change: &PodChange<'_>) {
        if change.reason == "Ready" {
            self.ready.get_or_insert(now);
        }
    }

    fn tick(&mut self, now: SimTime, state: &Snapshot<'_>) {
        let queue = state.pools[0].queue;
        if queue > self.peak.0 {
            self.peak = (queue, now);
        }
        if self.ready.is_none_or(|ready| ready == now) {
            self.queue_when_ready = queue;
        }
    }
}
