//! The whole program against a bare loop that is written for nothing but the same queue.
//!
//! `cargo bench` runs, for each of two scenarios, the bare loop and `sim run ... --no-plots` in turn, five times, each as a
//! process of its own, and prints the ratio of the medians of their CPU seconds. Times differ between machines and moments;
//! the ratio is what can be quoted. `cargo bench -- mm16 3` runs one scenario three times.
//!
//! A third pair is measured in the same way: 200 models on 40 server replicas (`seldon200`) against the same requests on one
//! plain pool of 40 replicas (`pool40`).

#![allow(clippy::print_stdout)] // the ratio is for people to read

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, Exp1};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::process::{Command, Stdio};

const REQUESTS: u64 = 10_000_000;
const SECOND: f64 = 1e9;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match words.first().map(String::as_str) {
        Some("--bare") => bare(&words[1]),
        Some(name @ ("mm16" | "pool1000" | "seldon200")) => {
            compare(name, words.get(1).and_then(|n| n.parse().ok()).unwrap_or(5));
        }
        _ => ["mm16", "pool1000", "seldon200"].into_iter().for_each(|name| compare(name, 5)),
    }
}

/// CPU seconds of a whole run of a scenario.
fn simulated(name: &str) -> f64 {
    let scenario = format!("{}/scenarios/bench/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let out = std::env::temp_dir().join(format!("autosim-bench-{name}"));
    let mut sim = Command::new(env!("CARGO_BIN_EXE_sim"));
    cpu_seconds(sim.args(["run", &scenario, "--no-plots", "-q", "--out"]).arg(&out))
}

fn compare(name: &str, rounds: usize) {
    let me = std::env::current_exe().expect("this program has a path");
    let (mut bare, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        bare.push(match name {
            "seldon200" => simulated("pool40"),
            _ => cpu_seconds(Command::new(&me).args(["--bare", name])),
        });
        whole.push(simulated(name));
    }
    let (bare, whole) = (median(&mut bare), median(&mut whole));
    let floor = if name == "seldon200" { "the same requests on a plain pool" } else { "its bare loop" };
    println!("{name}: {:.2} times {floor} ({whole:.2} s against {bare:.2} s of CPU, median of {rounds})", whole / bare);
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// CPU seconds, user and system, of a child: what the kernel adds to this process's account of its children.
fn cpu_seconds(command: &mut Command) -> f64 {
    let before = children_ticks();
    let status = command.stdout(Stdio::null()).status().expect("the command starts");
    assert!(status.success(), "{command:?}: {status}");
    (children_ticks() - before) as f64 / 100.0
}

/// `cutime + cstime` of /proc/self/stat, in hundredths of a second.
fn children_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux keeps accounts in /proc");
    let after_name = &stat[stat.rfind(')').expect("the name is in parentheses") + 1..];
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    [13, 14].into_iter().map(|field: usize| fields[field].parse::<u64>().expect("a number of ticks")).sum()
}

fn bare(name: &str) {
    let (mean, latency) = match name {
        "mm16" => bare_central_queue(),
        _ => bare_two_choices(),
    };
    println!("{name}: mean {:.3} ms, p99 {:.3} ms", mean / 1e6, latency.value_at_quantile(0.99) as f64 / 1e3);
}

type Latency = hdrhistogram::Histogram<u64>;

fn latency() -> Latency {
    Latency::new_with_bounds(1, 3_600_000_000, 2).expect("the bounds are in order")
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Arrival,
    Departure(u32),
}

/// An exponential time, in nanoseconds.
fn draw(stream: &mut Xoshiro256PlusPlus, mean: f64) -> u64 {
    let unit: f64 = Exp1.sample(stream);
    (unit * mean) as u64
}

/// 16 servers, one queue: arrivals 1,280/s, service of mean 10 ms.
fn bare_central_queue() -> (f64, Latency) {
    let mut arrivals = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut services = Xoshiro256PlusPlus::seed_from_u64(2);
    let (gap, service) = (SECOND / 1280.0, SECOND * 0.010);
    let mut pending = BinaryHeap::from([Reverse((draw(&mut arrivals, gap), Next::Arrival))]);
    let mut waiting = VecDeque::new();
    let mut serving = [0_u64; 16];
    let mut idle: Vec<u32> = (0..16).collect();
    let (mut born, mut sum, mut latency) = (0_u64, 0.0, latency());
    while let Some(Reverse((now, next))) = pending.pop() {
        match next {
            Next::Arrival => {
                born += 1;
                if born < REQUESTS {
                    pending.push(Reverse((now + draw(&mut arrivals, gap), Next::Arrival)));
                }
                match idle.pop() {
                    Some(server) => {
                        serving[server as usize] = now;
                        pending.push(Reverse((now + draw(&mut services, service), Next::Departure(server))));
                    }
                    None => waiting.push_back(now),
                }
            }
            Next::Departure(server) => {
                let spent = now - serving[server as usize];
                sum += spent as f64;
                latency.saturating_record(spent / 1000);
                match waiting.pop_front() {
                    Some(arrived) => {
                        serving[server as usize] = arrived;
                        pending.push(Reverse((now + draw(&mut services, service), Next::Departure(server))));
                    }
                    None => idle.push(server),
                }
            }
        }
    }
    (sum / born as f64, latency)
}

/// 1,000 servers with a queue each, the shorter of two random ones, at 80 % load: arrivals 8,000/s, service of mean 100 ms.
fn bare_two_choices() -> (f64, Latency) {
    let mut arrivals = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut services = Xoshiro256PlusPlus::seed_from_u64(2);
    let mut routes = Xoshiro256PlusPlus::seed_from_u64(3);
    let (gap, service) = (SECOND / 8000.0, SECOND * 0.100);
    let mut pending = BinaryHeap::from([Reverse((draw(&mut arrivals, gap), Next::Arrival))]);
    let mut queues: Vec<VecDeque<u64>> = vec![VecDeque::new(); 1000];
    let (mut born, mut sum, mut latency) = (0_u64, 0.0, latency());
    while let Some(Reverse((now, next))) = pending.pop() {
        match next {
            Next::Arrival => {
                born += 1;
                if born < REQUESTS {
                    pending.push(Reverse((now + draw(&mut arrivals, gap), Next::Arrival)));
                }
                let bits = routes.next_u64();
                let (one, two) =
                    ((((bits >> 32) * 1000) >> 32) as usize, (((bits & 0xFFFF_FFFF) * 1000) >> 32) as usize);
                let server = if queues[two].len() < queues[one].len() { two } else { one };
                queues[server].push_back(now);
                if queues[server].len() == 1 {
                    pending.push(Reverse((now + draw(&mut services, service), Next::Departure(server as u32))));
                }
            }
            Next::Departure(server) => {
                let arrived = queues[server as usize].pop_front().expect("somebody was served");
                let spent = now - arrived;
                sum += spent as f64;
                latency.saturating_record(spent / 1000);
                if !queues[server as usize].is_empty() {
                    pending.push(Reverse((now + draw(&mut services, service), Next::Departure(server))));
                }
            }
        }
    }
    (sum / born as f64, latency)
}
