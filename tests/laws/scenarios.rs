//! Random scenarios as a user would write them: one seed, one text.
//!
//! A quarter of them stand "on the grid": all times are multiples of 100 ms and nothing is drawn, so that arrivals, ends,
//! timeouts, scrapes and ticks fall on the same instants, where only the order of events decides.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use std::fmt::Write;

/// A scenario and what a law needs to know of it beyond what the checked form says.
pub struct Drawn {
    pub text: String,
    /// Highest speed that a replica of each pool can draw.
    pub speed_max: Vec<f64>,
    /// Overrides that make another policy of it: sizes, balancers and scalers.
    pub other_policy: Vec<String>,
}

/// What a scenario has to hold, for laws that need something special.
#[derive(Clone, Copy, Default)]
pub struct Wish {
    /// All loads are closed loops.
    pub users: bool,
    /// Nothing changes what a request's work is.
    pub steady_work: bool,
}

/// The source of everything that is drawn here.
pub struct Dice {
    rng: Xoshiro256PlusPlus,
    on_grid: bool,
    duration_s: f64,
}

impl Dice {
    pub fn new(seed: u64) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let on_grid = rng.random::<f64>() < 0.25;
        // Short runs are as likely as long ones on a logarithmic scale: 2 to 20 minutes.
        let duration_s = (120.0 * 10_f64.powf(rng.random::<f64>())).round();
        Self { rng, on_grid, duration_s }
    }

    pub fn chance(&mut self, share: f64) -> bool {
        self.rng.random::<f64>() < share
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.rng.random_range(0..n)
    }

    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.rng.random::<f64>()
    }

    /// Equally likely on a logarithmic scale.
    pub fn magnitude(&mut self, low: f64, high: f64) -> f64 {
        low * (high / low).powf(self.rng.random::<f64>())
    }

    pub fn pick<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.below(of.len() as u64) as usize]
    }

    /// A duration as text; on the grid a multiple of 100 ms.
    fn time(&self, seconds: f64) -> String {
        if self.on_grid {
            return format!("{}ms", ((seconds * 10.0).round() as u64).max(1) * 100);
        }
        format!("{}us", (seconds * 1e6).round() as u64)
    }

    /// An instant within the run.
    fn instant(&mut self) -> String {
        let at = self.between(0.0, 1.0) * self.duration_s;
        if self.chance(0.3) { format!("{}s", at.round()) } else { self.time(at) }
    }

    /// A law of durations with this mean.
    pub fn law(&mut self, mean_s: f64) -> String {
        let mean = self.time(mean_s);
        if self.on_grid {
            return format!("\"{mean}\"");
        }
        match self.below(12) {
            0 => format!("\"{mean}\""),
            1 => format!("{{ exponential = {{ mean = \"{mean}\" }} }}"),
            2 | 3 => format!("{{ lognormal = {{ mean = \"{mean}\", cv = {:.2} }} }}", self.between(0.1, 2.0)),
            4 => format!("{{ lognormal = {{ median = \"{mean}\", p99 = \"{}\" }} }}", self.time(mean_s * 4.0)),
            5 => format!("{{ gamma = {{ mean = \"{mean}\", cv = {:.2} }} }}", self.between(0.2, 1.5)),
            6 => format!("{{ weibull = {{ mean = \"{mean}\", shape = {:.2} }} }}", self.between(0.7, 3.0)),
            7 => format!(
                "{{ uniform = {{ min = \"{}\", max = \"{}\" }} }}",
                self.time(mean_s * 0.2),
                self.time(mean_s * 1.8)
            ),
            8 => format!("{{ erlang = {{ mean = \"{mean}\", k = {} }} }}", 2 + self.below(4)),
            9 => format!("{{ hyperexponential = {{ mean = \"{mean}\", cv = {:.2} }} }}", self.between(1.1, 2.5)),
            10 => format!("{{ pareto = {{ mean = \"{mean}\", alpha = {:.2} }} }}", self.between(2.2, 4.0)),
            _ => {
                let (low, high) = (self.time(mean_s * 0.5), self.time(mean_s * 3.0));
                format!("{{ two_point = {{ p = 0.8, value1 = \"{low}\", value2 = \"{high}\" }} }}")
            }
        }
    }
}

/// The scenario of this seed.
pub fn draw(seed: u64, wish: Wish) -> Drawn {
    let mut dice = Dice::new(seed);
    let mut drawn = Drawn { text: String::new(), speed_max: Vec::new(), other_policy: Vec::new() };
    head(&mut dice, seed, &mut drawn.text);
    let pools = 1 + dice.below(3) as usize;
    // The whole run sends 5 to 200 requests a second.
    let total_rps = dice.magnitude(5.0, 200.0);
    for pool in 0..pools {
        let rps = total_rps / pools as f64;
        let loads = 1 + usize::from(dice.chance(0.3));
        let kept = dice.chance(0.25);
        for load in 0..loads {
            draw_load(&mut dice, pool, load, rps / loads as f64, wish, &mut drawn.text);
            if kept {
                draw_connections(&mut dice, &mut drawn.text);
            }
        }
        draw_pool(&mut dice, pool, rps, kept, &mut drawn);
    }
    for _ in 0..dice.below(6) {
        draw_event(&mut dice, pools, wish, &mut drawn.text);
    }
    drawn
}

fn head(dice: &mut Dice, seed: u64, text: &mut String) {
    let _ = writeln!(text, "name = \"law-{seed}\"\nseed = {seed}\nduration = \"{}s\"", dice.duration_s);
    let _ = writeln!(text, "tick = \"{}\"", dice.pick(&["1s", "5s", "5s", "7s", "15s", "60s"]));
    let _ = writeln!(text, "starts_at = \"{:02}:30\"", dice.below(24));
    if dice.chance(0.3) {
        let rule = dice.pick(&["sampling = \"cached\"", "sampling = \"on_demand\"", "cpu_rate = \"kubelet\""]);
        let _ = writeln!(text, "metrics_server = {{ {rule}, metric_resolution = \"30s\", phase = \"0s\" }}");
    }
}

fn draw_load(dice: &mut Dice, pool: usize, load: usize, rps: f64, wish: Wish, text: &mut String) {
    let _ = writeln!(text, "\n[[load]]\nname = \"load-{pool}-{load}\"\nto = \"pool-{pool}\"");
    let kind = match () {
        () if wish.users => 9,
        () if dice.on_grid => 4 + 5 * dice.below(2), // even arrivals or users: nothing is drawn
        () => dice.below(10),
    };
    match kind {
        0..4 => {}
        4 | 5 => {
            let offset = dice.pick(&["0", "1", "0.37"]);
            let _ = writeln!(text, "arrivals.deterministic = {{ offset = {offset} }}");
        }
        6 | 7 => {
            let cv = dice.between(0.3, 1.8);
            let law = match dice.below(4) {
                0 => format!("gamma = {{ cv = {cv:.2} }}"),
                1 => format!("lognormal = {{ cv = {cv:.2} }}"),
                2 => format!("hyperexponential = {{ cv = {:.2} }}", cv + 1.0),
                _ => format!("erlang = {{ k = {} }}", 1 + dice.below(4)),
            };
            let _ = writeln!(text, "arrivals.renewal = {{ {law} }}");
        }
        8 => draw_trace(dice, text),
        _ => draw_users(dice, rps, text),
    }
    if kind < 8 {
        let _ = writeln!(text, "rate = {{ {} }}", shape(dice, rps, 0));
    }
    let begins = dice.chance(0.2).then(|| dice.between(0.0, 0.5) * dice.duration_s);
    if let Some(from) = begins {
        let _ = writeln!(text, "from = \"{}\"", dice.time(from));
    }
    if dice.chance(0.2) {
        let until = dice.between(0.6, 1.2) * dice.duration_s;
        let _ = writeln!(text, "until = \"{}\"", dice.time(until));
    }
    if dice.chance(0.3) {
        let mean = dice.magnitude(0.02, 0.5);
        let _ = writeln!(text, "demand = {}", dice.law(mean));
    }
    let timeout = match dice.below(4) {
        0 => "none".to_owned(),
        1 => "30s".to_owned(),
        _ => {
            let timeout = dice.magnitude(0.1, 8.0);
            dice.time(timeout)
        }
    };
    let _ = writeln!(text, "timeout = \"{timeout}\"\ncancel_on_timeout = {}", dice.chance(0.5));
}

/// Clients of the load just drawn keep their connections.
fn draw_connections(dice: &mut Dice, text: &mut String) {
    let of_users = text.rfind("[[load]]").is_some_and(|load| text[load..].contains("arrivals.users"));
    let _ = writeln!(text, "keep_alive = true");
    if !of_users {
        let _ = writeln!(text, "connections = {}", 1 + dice.below(20));
    }
    if dice.chance(0.5) {
        let age = dice.magnitude(1.0, 60.0);
        let _ = writeln!(text, "connection_age = \"{}\"", dice.time(age));
    }
}

fn draw_trace(dice: &mut Dice, text: &mut String) {
    let speed = dice.between(1.0, 10.0);
    let volume = dice.between(0.3, 3.0);
    let again = dice.chance(0.5);
    let jitter = dice.pick(&["0s", "500ms", "3s"]);
    let _ = writeln!(
        text,
        "arrivals.trace = {{ file = \"traces/two-bursts.csv\", time_scale = {speed:.2}, volume_scale = {volume:.2}, \
         loop = {again}, jitter = \"{jitter}\" }}"
    );
}

fn draw_users(dice: &mut Dice, rps: f64, text: &mut String) {
    let think_s = dice.magnitude(0.3, 10.0);
    let users = (rps * think_s).ceil().clamp(1.0, 400.0) as u64;
    let think = dice.law(think_s);
    let first = dice.pick(&["think", "request"]);
    let mut extra = String::new();
    if dice.chance(0.5) {
        let (rise, fall) = (dice.between(0.1, 0.4) * dice.duration_s, dice.between(0.05, 0.4) * dice.duration_s);
        let stages = format!(
            "{{ duration = \"{}\", target = {} }}, {{ duration = \"{}\", target = {} }}",
            dice.time(rise),
            users * 2,
            dice.time(fall),
            if dice.chance(0.5) { users / 2 } else { users * 3 }
        );
        let _ = write!(extra, ", stages = [{stages}]");
        if dice.chance(0.3) {
            let every = (rise + fall) * 1.25;
            let _ = write!(extra, ", repeat_every = \"{}\"", dice.time(every));
        }
    }
    let _ = writeln!(text, "arrivals.users = {{ think = {think}, start = {users}, first = \"{first}\"{extra} }}");
}

/// A shape of the rate as `kind = ...`, about `rps` high.
fn shape(dice: &mut Dice, rps: f64, depth: u32) -> String {
    let run = dice.duration_s;
    // On the grid a whole number of arrivals comes every second, or one every few.
    let rps = if dice.on_grid { 2_f64.powf(rps.log2().round()) } else { rps };
    let (low, high) = if dice.on_grid {
        (format!("\"{}/s\"", rps * 0.5), format!("\"{}/s\"", rps * 2.0))
    } else {
        (format!("\"{:.3}/s\"", rps * 0.4), format!("\"{:.3}/s\"", rps * 1.8))
    };
    let mean = format!("\"{rps:.3}/s\"");
    let (at, lasts) = (dice.between(0.1, 0.5) * run, dice.between(0.05, 0.4) * run);
    let (at, lasts) = (dice.time(at), dice.time(lasts));
    match dice.below(if depth == 0 { 11 } else { 8 }) {
        0 => format!("constant = {mean}"),
        1 => format!("step = {{ before = {low}, after = {high}, at = \"{at}\" }}"),
        2 => format!("ramp = {{ from = {high}, to = {low}, at = \"{at}\", over = \"{lasts}\" }}"),
        3 => format!("spike = {{ base = {low}, peak = {high}, at = \"{at}\", lasts = \"{lasts}\" }}"),
        4 => format!(
            "flash_crowd = {{ base = {low}, peak = {high}, at = \"{at}\", hold = \"{lasts}\", rise = \"20s\", decay = \"1m\" }}"
        ),
        5 => {
            let (amplitude, period) = (dice.below(101), dice.between(0.1, 1.0) * run);
            format!(
                "sine = {{ mean = {mean}, amplitude = \"{amplitude}%\", period = \"{}\", phase = \"{at}\" }}",
                dice.time(period)
            )
        }
        6 => format!("diurnal = {{ mean = {mean} }}"),
        7 | 8 => format!(
            "stages = [{{ duration = \"{at}\", target = {high} }}, {{ duration = \"0s\", target = \"0/s\" }}, \
             {{ duration = \"{lasts}\", target = \"0/s\" }}, {{ duration = \"0s\", target = {mean} }}]"
        ),
        9 => format!("sum = [{{ {} }}, {{ {} }}]", shape(dice, rps * 0.5, 1), shape(dice, rps * 0.5, 1)),
        _ => {
            let factor = "spike = { base = 0.5, peak = 2, at = \"30s\", lasts = \"45s\" }";
            format!("product = [{{ {} }}, {{ {factor} }}]", shape(dice, rps, 1))
        }
    }
}

fn draw_pool(dice: &mut Dice, pool: usize, rps: f64, kept: bool, drawn: &mut Drawn) {
    let replicas = if dice.chance(0.1) { 0 } else { 1 + dice.below(8) };
    let sharing = dice.chance(0.35);
    let workers = if dice.chance(0.5) { 1 } else { 1 + dice.below(6) };
    let utilization = dice.between(0.3, 1.3);
    let mean_s = (utilization * (replicas.max(2) * workers) as f64 / rps).clamp(0.001, 5.0);
    let text = &mut drawn.text;
    let _ = writeln!(text, "\n[[pool]]\nname = \"pool-{pool}\"\nreplicas = {replicas}");
    let kind = dice.pick(&["Deployment", "Deployment", "StatefulSet", "ReplicaSet"]);
    let _ = writeln!(text, "kind = \"{kind}\"\nservice = {}\nprice = \"$0.36/h\"", dice.law(mean_s));
    let cores = if dice.chance(0.5) { workers as f64 } else { dice.between(0.5, 4.0) };
    if sharing {
        let _ = writeln!(text, "discipline.processor_sharing = {{ cores = {cores:.2} }}");
    }
    match dice.below(4) {
        0 if sharing => {}
        1 if sharing => drop(writeln!(text, "workers = \"unlimited\"")),
        _ => drop(writeln!(text, "workers = {workers}")),
    }
    let (speed, speed_max) = match dice.below(6) {
        0 => ("2", 2.0),
        1 if !dice.on_grid => ("{ uniform = { min = 0.5, max = 1.5 } }", 1.5),
        2 => ("{ two_point = { p = 0.7, value1 = 1.25, value2 = 0.5 } }", 1.25),
        _ => ("1", 1.0),
    };
    let _ = writeln!(text, "speed = {speed}");
    drawn.speed_max.push(speed_max);
    draw_cpu(dice, workers, text);
    draw_queue(dice, mean_s, text);
    let _ = writeln!(text, "balancer = {}", balancer(dice, kept));
    draw_start(dice, text);
    draw_stop(dice, text);
    if dice.chance(0.3) {
        let _ = writeln!(text, "containers = [{{ name = \"proxy\", cpu = {{ request = \"100m\", idle = \"25m\" }} }}]");
    }
    if dice.chance(0.3) {
        let _ = writeln!(text, "metrics.delay = {{ window = \"20s\", delay = \"10s\" }}");
    }
    let scaler = if dice.chance(0.7) { scaler(dice) } else { "{ fixed = {} }".to_owned() };
    let _ = writeln!(text, "scaler = {scaler}");
    drawn.other_policy.push(format!("pool.pool-{pool}.replicas={}", 1 + dice.below(10)));
    drawn.other_policy.push(format!("pool.pool-{pool}.balancer={}", balancer(dice, kept)));
    drawn.other_policy.push(format!("pool.pool-{pool}.scaler={}", schedule(dice)));
}

fn draw_cpu(dice: &mut Dice, workers: u64, text: &mut String) {
    let fraction = dice.pick(&["1", "1", "0.4", "1.5", "0"]);
    let startup = dice.pick(&["1", "100m", "3"]);
    let mut cpu = format!("fraction = {fraction}, startup = \"{startup}\"");
    if dice.chance(0.6) {
        // A limit that sometimes binds, and sometimes cannot.
        let limit = (dice.between(0.3, 1.6) * workers as f64 * 1000.0).round() as u64;
        let exact = dice.chance(0.4);
        let _ = write!(cpu, ", request = \"{}m\", limit = \"{limit}m\"", limit / 2);
        let _ = write!(cpu, ", cfs = \"{}\"", if exact { "exact" } else { "fluid" });
    }
    let _ = writeln!(text, "cpu = {{ {cpu} }}");
}

fn draw_queue(dice: &mut Dice, mean_s: f64, text: &mut String) {
    let mut parts = Vec::new();
    match dice.below(4) {
        0 => parts.push("capacity = 0".to_owned()),
        1 => parts.push(format!("capacity = {}", 1 + dice.below(60))),
        _ => {}
    }
    if dice.chance(0.4) {
        let timeout = dice.between(0.5, 20.0) * mean_s;
        parts.push(format!("timeout = \"{}\"", dice.time(timeout.max(0.001))));
    }
    if dice.chance(0.4) {
        let hold = dice.magnitude(0.1, 40.0);
        parts.push(format!("hold = \"{}\"", dice.time(hold)));
    }
    if dice.chance(0.2) {
        parts.push(format!("initial = {}", dice.below(30)));
    }
    let _ = writeln!(text, "queue = {{ {} }}", parts.join(", "));
}

/// `kept`: one that chooses for connections, too.
fn balancer(dice: &mut Dice, kept: bool) -> String {
    match dice.below(if kept { 4 } else { 6 }) {
        0 => "{ random = {} }".to_owned(),
        1 => "{ round_robin = {} }".to_owned(),
        2 => format!("{{ least_request = {{ choices = {} }} }}", 2 + dice.below(3)),
        3 => "{ least_request_full = {} }".to_owned(),
        _ => "{ central_queue = {} }".to_owned(),
    }
}

/// Short starts, long ones, and on the grid such as take no time at all.
fn draw_start(dice: &mut Dice, text: &mut String) {
    let mut parts = vec![format!("image = \"{}\"", dice.pick(&["cached", "pulled"]))];
    match dice.below(4) {
        0 => {
            let phases =
                ["reconcile", "schedule", "kubelet_notice", "sandbox", "container", "runtime", "warmup", "endpoints"];
            parts.extend(phases.map(|phase| format!("{phase} = \"0s\"")));
            parts.push(format!("load = \"{}\"", dice.pick(&["0s", "1s"])));
        }
        1 => parts.push(format!("load = {}, download = {}", dice.law(25.0), dice.law(15.0))),
        2 => parts.push(format!("runtime = {}, reconcile = {}", dice.law(2.0), dice.law(3.0))),
        _ => {}
    }
    match dice.below(3) {
        0 => parts.push("readiness_probe = \"none\"".to_owned()),
        1 => {
            let (delay, period, successes) = (dice.below(8), 1 + dice.below(9), 1 + dice.below(3));
            parts.push(format!(
                "readiness_probe = {{ initial_delay = \"{delay}s\", period = \"{period}s\", success_threshold = {successes} }}"
            ));
        }
        _ => {}
    }
    let _ = writeln!(text, "start = {{ {} }}", parts.join(", "));
}

fn draw_stop(dice: &mut Dice, text: &mut String) {
    let mut parts = vec![
        format!("grace_period = \"{}\"", dice.pick(&["0s", "1s", "5s", "30s", "30s"])),
        format!("drain = {}", dice.chance(0.6)),
    ];
    if dice.chance(0.4) {
        parts.push(format!("pre_stop = \"{}\"", dice.pick(&["500ms", "3s", "10s"])));
    }
    if dice.chance(0.4) {
        parts.push(format!("endpoint_lag = {}", if dice.on_grid { "\"0s\"".to_owned() } else { dice.law(1.0) }));
    }
    let _ = writeln!(text, "stop = {{ {} }}", parts.join(", "));
}

fn scaler(dice: &mut Dice) -> String {
    if dice.chance(0.3) {
        let (least, most) = (1 + dice.below(3), 3 + dice.below(10));
        let cpu = 20 + dice.below(70);
        return format!("{{ hpa = {{ min_replicas = {least}, max_replicas = {most}, cpu = \"{cpu}%\" }} }}");
    }
    schedule(dice)
}

/// Up and down, to 0 as well.
fn schedule(dice: &mut Dice) -> String {
    let count = 1 + dice.below(6);
    let repeats = dice.chance(0.3);
    let span = if repeats { dice.duration_s * 0.4 } else { dice.duration_s };
    let mut steps = Vec::new();
    for step in 0..count {
        let at = (step as f64 + dice.between(0.05, 0.9)) * span / count as f64;
        let replicas = if dice.chance(0.15) { 0 } else { dice.below(12) };
        steps.push(format!("{{ at = \"{}\", replicas = {replicas} }}", dice.time(at)));
    }
    let again = if repeats { format!(", repeat_every = \"{}\"", dice.time(span)) } else { String::new() };
    format!("{{ schedule = {{ steps = [{}]{again} }} }}", steps.join(", "))
}

fn draw_event(dice: &mut Dice, pools: usize, wish: Wish, text: &mut String) {
    let pool = dice.below(pools as u64);
    let lasts = dice.between(5.0, 120.0);
    let what = match dice.below(8) {
        0 | 1 => format!("fault.pods_killed = {{ pool = \"pool-{pool}\", count = {} }}", 1 + dice.below(3)),
        2 => format!(
            "fault.scrape_fails = {{ pool = \"pool-{pool}\", share = \"{}%\", lasts = \"{lasts:.1}s\" }}",
            dice.below(101)
        ),
        3 => format!(
            "fault.kubelet_slow = {{ pool = \"pool-{pool}\", lasts = \"{lasts:.1}s\", latency = \"{}s\" }}",
            1 + dice.below(14)
        ),
        4 => format!("fault.metrics_server_down = {{ lasts = \"{lasts:.1}s\" }}"),
        5 => format!("set = {{ \"pool.pool-{pool}.replicas\" = {} }}", dice.below(12)),
        6 if !wish.steady_work => {
            let mean = dice.magnitude(0.01, 0.3);
            format!("set = {{ \"pool.pool-{pool}.service\" = {} }}", dice.law(mean))
        }
        _ => format!("set = {{ \"load.load-{pool}-0.scale\" = {:.2} }}", dice.between(0.0, 2.5)),
    };
    let _ = writeln!(text, "\n[[event]]\nat = \"{}\"\n{what}", dice.instant());
}
