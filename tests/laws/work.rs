//! Work conservation: whatever the order in which one server works, it is busy at the same times and has used the same CPU
//! whenever it is idle.

use crate::scenarios::Dice;
use crate::witness::Witness;
use autosim::record::Outcome;
use autosim::units::SimTime;
use std::fmt::Write;

/// Ends of service are whole nanoseconds: over a busy period the two disciplines may differ by that much per request.
const ROUNDING_NS: u64 = 20_000;

/// One replica that never turns anybody away, and a load that leaves it idle now and then; without a discipline.
pub fn draw(seed: u64) -> String {
    let mut dice = Dice::new(seed);
    let rps = dice.magnitude(5.0, 60.0);
    let limit = dice.between(0.4, 1.0);
    let cpu = match dice.below(4) {
        0 => "cpu = { fraction = 0.7 }".to_owned(),
        1 => format!("cpu = {{ limit = \"{}m\" }}", (limit * 1000.0).round()),
        2 => format!("cpu = {{ limit = \"{}m\", cfs = \"exact\" }}", (limit * 1000.0).round()),
        _ => "speed = 1.3".to_owned(),
    };
    // Busy for half to nine tenths of the time, even where the limit makes everything slower.
    let service_s = dice.between(0.5, 0.9) * limit / rps;
    let service = dice.pick(&["exponential = {", "gamma = { cv = 0.5,", "lognormal = { cv = 1.2,"]);
    let mut text = String::new();
    let _ = writeln!(text, "name = \"work-{seed}\"\nseed = {seed}\nduration = \"10m\"\ntick = \"1s\"");
    let _ = writeln!(
        text,
        "[[load]]\nname = \"load\"\nto = \"server\"\ntimeout = \"none\"\nrate.constant = \"{rps:.3}/s\""
    );
    let _ = writeln!(text, "[[pool]]\nname = \"server\"\n{cpu}");
    let _ = writeln!(text, "service = {{ {service} mean = \"{}us\" }} }}", (service_s * 1e6).round());
    text
}

/// Compares a run of one discipline with a run of the other.
pub fn same(one: &Witness<'_>, other: &Witness<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    let (busy, busy_too) = (busy_periods(one), busy_periods(other));
    if busy.len() != busy_too.len() {
        wrong.push(format!("{} busy periods and {}", busy.len(), busy_too.len()));
    }
    let far = |a: u64, b: u64| a.abs_diff(b) > ROUNDING_NS;
    if let Some((a, b)) = busy.iter().zip(&busy_too).find(|(a, b)| far(a.0, b.0) || far(a.1, b.1)) {
        wrong.push(format!("busy during {a:?} and {b:?}"));
    }
    for (tick, tick_too) in one.ticks.iter().zip(&other.ticks) {
        let (state, state_too) = (tick.pools[0], tick_too.pools[0]);
        let (used, used_too) = (state.cpu_core_s, state_too.cpu_core_s);
        let idle = state.in_flight == 0;
        if idle != (state_too.in_flight == 0) {
            wrong.push(format!("{:?}: one is idle, the other is not", tick.at));
        } else if idle && (used - used_too).abs() > 1e-4 * (1.0 + used) {
            wrong.push(format!("{:?}: {used} core-seconds and {used_too}", tick.at));
        }
    }
    wrong.truncate(6);
    wrong
}

/// Nanoseconds from the arrival that finds the server idle to the end that leaves it so; gaps within the rounding are none.
fn busy_periods(seen: &Witness<'_>) -> Vec<(u64, u64)> {
    let mut stays: Vec<(SimTime, SimTime)> =
        seen.ends.iter().filter(|end| end.outcome != Outcome::Rejected).map(|end| (end.arrived, end.at)).collect();
    stays.sort_unstable();
    let mut periods: Vec<(u64, u64)> = Vec::new();
    for (arrived, ended) in stays {
        let (arrived, ended) = (arrived.as_nanos(), ended.as_nanos());
        match periods.last_mut() {
            Some(last) if arrived <= last.1 + ROUNDING_NS => last.1 = last.1.max(ended),
            _ => periods.push((arrived, ended)),
        }
    }
    periods
}
