//! The recorded models as scenarios.

use crate::Row;
use crate::common;
use crate::measure::{Figures, Measure};
use crate::moving;
use autosim::units::{SimTime, Span};
use serde_json::Value;

/// Ticks of a stationary run; the first one, 2 % of the run, is left out.
const TICKS: u64 = 50;
/// Warm-up of a thousand queues that start empty: nine relaxation times 1/(mu (1 - sqrt rho)^2) of one of them alone.
const MANY_QUEUES_WARM_UP_S: f64 = 350.0;
/// Closed models near saturation scatter so much that a row's 1 % is hardly more than one standard error of the mean wait of
/// its customers; so many times as many make it four.
const CLOSED_TIMES: u64 = 8;
/// Share of the work that arrives as jobs of each size asked for.
const PROBE_SHARE: f64 = 0.1;
/// Figures of a row that follow from its parameters alone: there is nothing to simulate.
const OF_PARAMETERS: [&str; 1] = ["saturation_users"];

/// Is this model checked here?
pub fn knows(model: &str) -> bool {
    setup_of(model).is_some() || moving::knows(model)
}

/// Simulates a row's model and compares: the number of figures, or those that differ.
pub fn check(row: &Row) -> Result<usize, String> {
    let (figures, tolerance) = match setup_of(&row.model) {
        Some(setup) => stationary(row, &setup(row)),
        None => moving::measure(row),
    };
    compare(row, &figures, tolerance)
}

fn compare(row: &Row, figures: &Figures, tolerance: f64) -> Result<usize, String> {
    let mut compared = 0;
    let mut wrong = Vec::new();
    for (name, wanted) in row.expect.iter().filter(|(name, _)| !OF_PARAMETERS.contains(&name.as_str())) {
        let wanted = wanted.as_f64().unwrap_or_else(|| panic!("{}: `{name}` is no number", row.name));
        let Some(&got) = figures.get(name) else {
            wrong.push(format!("{}: {name} is not measured", row.name));
            continue;
        };
        compared += 1;
        let allowed = tolerance * width(name, wanted) * scale(row, name, wanted, tolerance);
        if (got - wanted).abs() > allowed || got.is_nan() {
            wrong.push(format!("{}: {name} wanted {wanted} got {got} tolerance {allowed:.3e}", row.name));
        }
    }
    if wrong.is_empty() { Ok(compared) } else { Err(wrong.join("\n")) }
}

/// Rare events and far quantiles scatter twice as much.
fn width(name: &str, wanted: f64) -> f64 {
    let rare = name.starts_with("p_") && wanted < 0.02;
    if rare || name.starts_with("p99") { 2.0 } else { 1.0 }
}

/// What the relative tolerance is relative to.
fn scale(row: &Row, name: &str, wanted: f64, tolerance: f64) -> f64 {
    match name {
        // A law without variation has none at all, up to rounding.
        "interarrival_scv" if wanted == 0.0 => 1e-9,
        "p50_wait" if median_is_at_the_atom(row, tolerance) => {
            row.expects("mean_wait").expect("a mean beside quantiles")
        }
        _ => wanted.abs(),
    }
}

/// Half of the customers wait, half do not, as far as the tolerance tells: the median is zero or next to it, so its error is
/// measured by the mean wait and not by itself.
fn median_is_at_the_atom(row: &Row, tolerance: f64) -> bool {
    row.expects("p_wait").is_some_and(|p_wait| (p_wait - 0.5).abs() <= tolerance * p_wait)
}

/// A model with a steady state.
struct Setup {
    /// Keys of the load, which is called `load` and sends to `servers`.
    load: String,
    /// Keys of the pool.
    pool: String,
    /// Arrivals per second.
    rate_per_s: f64,
    /// So many times the customers that the row advises.
    times: u64,
    /// Warm-up, if 2 % of the run may be too short.
    warm_up_s: f64,
    /// Jobs of these sizes are sent beside the load.
    probes: Vec<Probe>,
    /// Replicas that queue on their own, of which the row wants figures each.
    queues: Option<f64>,
}

/// Jobs of one size.
struct Probe {
    /// The figure they measure.
    figure: String,
    size_s: f64,
    rate_per_s: f64,
}

impl Setup {
    fn new(load: String, pool: String, rate_per_s: f64) -> Self {
        Self { load, pool, rate_per_s, times: 1, warm_up_s: 0.0, probes: Vec::new(), queues: None }
    }
}

fn setup_of(model: &str) -> Option<fn(&Row) -> Setup> {
    Some(match model {
        "M/M/1" => |row| open(row, one_queue(1.0), &exponential(row)),
        "M/M/c" => |row| open(row, one_queue(row.number("servers")), &exponential(row)),
        "M/M/c/K" => |row| {
            let servers = row.number("servers");
            let room = row.number("capacity") - servers;
            open(row, format!("{}\nqueue.capacity = {room}", one_station(servers)), &exponential(row))
        },
        "M/G/c/c" => |row| {
            open(row, format!("{}\nqueue.capacity = 0", one_queue(row.number("servers"))), &law(&row.params["service"]))
        },
        "M/D/1" => |row| open(row, one_station(1.0), &constant(row)),
        "M/D/c" => |row| open(row, one_queue(row.number("servers")), &constant(row)),
        "M/G/1" => |row| open(row, one_queue(1.0), &law(&row.params["service"])),
        "G/M/1" => renewal,
        "M/G/c-PS" => sharing,
        "M/M/c//N" => closed,
        "supermarket-limit" => supermarket,
        "JSQ-2" => |row| {
            let servers = row.number("servers");
            open(row, format!("replicas = {servers}\nbalancer.least_request_full = {{}}"), &exponential(row))
        },
        "M/M/c+D" => |row| {
            let patience = time(row.number("queue_timeout_s"));
            let pool = format!("{}\nqueue.timeout = {patience}", one_station(row.number("servers")));
            open(row, pool, &exponential(row))
        },
        _ => return None,
    })
}

/// Replicas of one worker that pull from one queue.
pub fn one_queue(servers: f64) -> String {
    format!("replicas = {servers}\nbalancer.central_queue = {{}}")
}

/// One replica with so many workers: to theory the same.
pub fn one_station(servers: f64) -> String {
    format!("replicas = 1\nworkers = {servers}")
}

/// Poisson arrivals.
fn open(row: &Row, pool: String, service: &str) -> Setup {
    let rate_per_s = row.number("lambda_per_s");
    Setup::new(poisson(rate_per_s), format!("{pool}\nservice = {service}"), rate_per_s)
}

fn renewal(row: &Row) -> Setup {
    let gaps = &row.params["interarrival"];
    let mean = mean_of(gaps);
    let arrivals = match gaps["kind"].as_str() {
        Some("det") => "arrivals.deterministic = {}".to_owned(),
        _ => format!("arrivals.renewal = {}", gap_law(gaps, mean)),
    };
    let load = format!("{arrivals}\nrate.constant = \"{}/s\"", 1.0 / mean);
    Setup::new(load, format!("{}\nservice = {}", one_station(1.0), exponential(row)), 1.0 / mean)
}

/// With one core, the mean sojourn of a size is the size / (1 - rho) whatever the law of the others is, so jobs of the sizes
/// asked for may stand for a part of the work.
fn sharing(row: &Row) -> Setup {
    let service = &row.params["service"];
    let mean = mean_of(service);
    let cores = row.number("cores");
    let all_per_s = row.number("lambda_per_s");
    let sizes = row.expect.keys().filter_map(|name| {
        let times = name.strip_prefix("mean_sojourn_given_size_")?.strip_suffix("x_mean")?;
        Some((name.clone(), times.parse::<f64>().expect("a number of means")))
    });
    let probes: Vec<Probe> = sizes
        .map(|(figure, times)| Probe { figure, size_s: times * mean, rate_per_s: PROBE_SHARE * all_per_s / times })
        .collect();
    let rate_per_s = all_per_s * (1.0 - PROBE_SHARE * probes.len() as f64);
    let pool = format!("discipline.processor_sharing = {{ cores = {cores} }}\nservice = {}", law(service));
    Setup { probes, ..Setup::new(poisson(rate_per_s), pool, rate_per_s) }
}

fn closed(row: &Row) -> Setup {
    let think = time(row.number("think_mean_s"));
    let load = format!(
        "arrivals.users = {{ think = {{ exponential = {{ mean = {think} }} }}, start = {} }}",
        row.number("users")
    );
    let rate_per_s = row.expects("throughput").expect("a closed model has a throughput");
    let pool = format!("{}\nservice = {}", one_queue(row.number("servers")), exponential(row));
    Setup { times: CLOSED_TIMES, ..Setup::new(load, pool, rate_per_s) }
}

fn supermarket(row: &Row) -> Setup {
    let servers = row.number("servers_to_simulate");
    let rate_per_s = row.number("rho") * row.number("mu_per_s") * servers;
    let balancer = match row.number("choices") {
        1.0 => "balancer.random = {}".to_owned(),
        choices => format!("balancer.least_request = {{ choices = {choices} }}"),
    };
    let pool = format!("replicas = {servers}\n{balancer}\nservice = {}", exponential(row));
    let setup = Setup::new(poisson(rate_per_s), pool, rate_per_s);
    Setup { warm_up_s: MANY_QUEUES_WARM_UP_S, queues: Some(servers), ..setup }
}

fn stationary(row: &Row, setup: &Setup) -> (Figures, f64) {
    let (customers, widening) = row.effort("customers");
    let probed: f64 = setup.probes.iter().map(|probe| probe.rate_per_s).sum();
    let run_s = setup.warm_up_s + (setup.times * customers) as f64 / (setup.rate_per_s + probed);
    let tick = Span::from_secs_f64(run_s / TICKS as f64).expect("a finite run");
    let from = (SimTime::ZERO + tick).max(SimTime::ZERO + Span::from_secs_f64(setup.warm_up_s).expect("finite"));
    let mut text = scenario(tick * TICKS, tick, &setup.load, &setup.pool);
    for (number, probe) in setup.probes.iter().enumerate() {
        let demand = time(probe.size_s);
        let rate = poisson(probe.rate_per_s);
        text += &format!(
            "\n[[load]]\nname = \"probe-{number}\"\nto = \"servers\"\ntimeout = \"none\"\n{rate}\ndemand = {demand}\n"
        );
    }
    let mut measure = Measure::new(from);
    common::run(&common::load(&row.name, &text), 1, &mut measure);
    let mut figures = measure.figures();
    let mut put = |name: &str, value: f64| figures.insert(name.to_owned(), value);
    put("sigma", measure.figures()["p_wait"]);
    let (sojourn_s, slowdown) = measure.of_load(0);
    put("mean_sojourn", sojourn_s);
    put("mean_slowdown", slowdown);
    for (number, probe) in setup.probes.iter().enumerate() {
        put(&probe.figure, measure.of_load(number + 1).0);
    }
    if let Some(queues) = setup.queues {
        put("mean_in_system_per_server", measure.figures()["mean_in_system"] / queues);
        for (k, share) in measure.at_least(queues).into_iter().enumerate() {
            put(&format!("p_server_ge_{}", k + 1), share);
        }
    }
    (figures, row.tolerance(widening))
}

/// A scenario with one load and one pool. Clients wait for ever.
pub fn scenario(duration: Span, tick: Span, load: &str, pool: &str) -> String {
    format!(
        "name = \"theory\"\nduration = \"{}ns\"\ntick = \"{}ns\"\n
[[load]]\nname = \"load\"\nto = \"servers\"\ntimeout = \"none\"\n{load}\n
[[pool]]\nname = \"servers\"\n{pool}\n",
        duration.as_nanos(),
        tick.as_nanos(),
    )
}

/// Keys of a Poisson load.
pub fn poisson(per_s: f64) -> String {
    format!("rate.constant = \"{per_s}/s\"")
}

/// A duration as a scenario writes it.
pub fn time(secs: f64) -> String {
    format!("\"{secs:.9}s\"")
}

/// Exponential service at the row's rate.
pub fn exponential(row: &Row) -> String {
    format!("{{ exponential = {{ mean = {} }} }}", time(1.0 / row.number("mu_per_s")))
}

fn constant(row: &Row) -> String {
    time(row.number("service_s"))
}

fn mean_of(law: &Value) -> f64 {
    let get = |key: &str| law[key].as_f64().unwrap_or_else(|| panic!("no number `{key}` in {law}"));
    match law["kind"].as_str() {
        Some("uniform") => (get("lo") + get("hi")) / 2.0,
        Some("h2") => get("p") * get("mean1") + (1.0 - get("p")) * get("mean2"),
        Some("bimodal") => get("p") * get("value1") + (1.0 - get("p")) * get("value2"),
        _ => get("mean"),
    }
}

/// A row's law of service as a scenario writes it.
pub fn law(law: &Value) -> String {
    written(law, &|key| time(number_of(law, key)), true)
}

/// A row's law of gaps as a scenario writes it: in units of the mean.
fn gap_law(law: &Value, mean: f64) -> String {
    written(law, &|key| format!("{}", number_of(law, key) / mean), false)
}

fn number_of(law: &Value, key: &str) -> f64 {
    law[key].as_f64().unwrap_or_else(|| panic!("no number `{key}` in {law}"))
}

fn written(law: &Value, measure: &dyn Fn(&str) -> String, with_mean: bool) -> String {
    let bare = |key: &str| format!("{}", number_of(law, key));
    let mean = || if with_mean { format!("mean = {}, ", measure("mean")) } else { String::new() };
    match law["kind"].as_str() {
        Some("det") => measure("mean"),
        Some("exp") if with_mean => format!("{{ exponential = {{ mean = {} }} }}", measure("mean")),
        Some("exp") => "{ exponential = {} }".to_owned(),
        Some("erlang") => format!("{{ erlang = {{ {}k = {} }} }}", mean(), bare("k")),
        Some("weibull") => format!("{{ weibull = {{ {}shape = {} }} }}", mean(), bare("shape")),
        Some(kind @ ("gamma" | "lognormal")) => format!("{{ {kind} = {{ {}cv = {} }} }}", mean(), bare("cv")),
        Some("uniform") => format!("{{ uniform = {{ min = {}, max = {} }} }}", measure("lo"), measure("hi")),
        Some("h2") => format!(
            "{{ hyperexponential = {{ p = {}, mean1 = {}, mean2 = {} }} }}",
            bare("p"),
            measure("mean1"),
            measure("mean2")
        ),
        Some("bimodal") => format!(
            "{{ two_point = {{ p = {}, value1 = {}, value2 = {} }} }}",
            bare("p"),
            measure("value1"),
            measure("value2")
        ),
        kind => panic!("unknown law {kind:?}"),
    }
}
