//! Around the recommendation: how much more load it carries, which delay breaks it, what one replica carries, what a
//! fixed size would cost.
//!
//! A change of the recommended setting is judged by the search's first seeds, fewer of them than a proof takes: it holds
//! if it holds in at least the share that the goal asks for. Limits are found by bisection, so they are as sharp as the
//! step at which that ends, and right where more load or a longer delay never helps.

use super::Plan;
use super::race::{Race, Run, Trial};
use super::search::{Outcome, Workshop};
use crate::diagnostics::units;
use crate::experiment::axes::Values;
use crate::experiment::values::duration_text;
use crate::record::{ConditionSpec, Figure, ObjectiveScope, Recorder};
use crate::scenario;
use crate::scenario::Loaded;
use crate::units::{Id, LoadId, PoolId, SimTime};

/// Seeds that a probe is judged by.
pub const PROBE_SEEDS: usize = 10;

/// Seeds after which a probe that plainly fails is over.
const FIRST_SEEDS: usize = 2;

/// Where the search for a limit gives up: a multiple of what is.
const MOST: f64 = 8.0;

/// Ratio of the ends of a bisection at which it ends: of loads and work, and of delays.
const SHARP: f64 = 1.01;
const SHARP_DELAY: f64 = 1.03;

/// Sizes above the one that a few seeds speak for that a proof is tried with.
const SIZES_ABOVE: u32 = 3;

/// Minutes of arrivals are counted for the peak.
const PEAK_WINDOW_S: u64 = 60;

/// Requests of a step of the ramp, about.
const RAMP_REQUESTS: f64 = 20_000.0;
/// Seeds of a step of the ramp; most of them must hold.
const RAMP_SEEDS: usize = 3;
/// Ratio of one step of the ramp to the one before.
const RAMP_STEP: f64 = 1.4;

/// Why there is no answer.
enum Halt {
    /// Somebody stopped the work.
    Stopped,
    /// A run could not be made.
    Failed(String),
}

impl From<String> for Halt {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}

/// How far something can grow before the goal is missed, as a multiple of what it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// It holds up to the first and not at the second.
    Between(f64, f64),
    /// It still holds here, and nothing larger was tried.
    Beyond(f64),
    /// It does not even hold as it is, with these few seeds.
    Nowhere,
}

/// A time or a rate that was turned.
#[derive(Clone, Debug, PartialEq)]
pub struct Fragility {
    /// `service`, `pool.chat.start.load`.
    pub name: String,
    /// What it is now, in seconds; `None`: only its multiple means something.
    pub now_s: Option<f64>,
    /// How far it can grow.
    pub limit: Limit,
}

/// A value of `[stress]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Stressed {
    /// Its path or the name of its zip.
    pub name: String,
    /// What it is now, as the effective scenario has it; empty where that has no such key.
    pub now: String,
    /// The value.
    pub label: String,
    /// Does the goal hold there?
    pub holds: bool,
}

/// What a pool could do without its scaler.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolAround {
    /// Which.
    pub pool: String,
    /// Requests per second that one replica carries at the latency objective, by an open-loop ramp.
    pub knee_rps: Option<f64>,
    /// That objective.
    pub knee_at: Option<String>,
    /// Most arrivals per second, over a minute.
    pub peak_rps: f64,
    /// Smallest fixed size that is proven to meet the goal, and what it costs in the minimized figure.
    pub fixed: Option<(u32, f64)>,
}

impl PoolAround {
    /// Replicas that the peak needs at the knee.
    pub fn for_peak(&self) -> Option<u32> {
        self.knee_rps.filter(|knee| *knee > 0.0).map(|knee| (self.peak_rps / knee).ceil() as u32)
    }
}

/// All of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Around {
    /// Seeds that each probe was judged by.
    pub seeds: usize,
    /// How much more load it carries.
    pub load: Limit,
    /// Multiples of the load that the plan names.
    pub stress_loads: Vec<(f64, bool)>,
    /// What breaks it.
    pub fragile: Vec<Fragility>,
    /// Other settings that the plan names.
    pub stress: Vec<Stressed>,
    /// Pools with a scaler.
    pub pools: Vec<PoolAround>,
}

impl Plan {
    /// Looks around a candidate. `None` where it was stopped.
    ///
    /// # Errors
    /// A trace cannot be read.
    pub fn look_around(&self, candidate: usize, workshop: Workshop<'_>) -> Result<Option<Around>, String> {
        let sets = self.sets_of(candidate);
        let Ok(loaded) = scenario::load(&self.grid.base, &sets) else {
            return Err("the recommended setting changed since it was run".to_owned());
        };
        let seeds = PROBE_SEEDS.min(self.grid.max_seeds as usize);
        let seeds = (0..seeds as u64).map(|seed| self.grid.first_seed.wrapping_add(seed)).collect();
        let probe = Probe { plan: self, workshop, sets, loaded, seeds };
        match probe.around() {
            Ok(around) => Ok(Some(around)),
            Err(Halt::Stopped) => Ok(None),
            Err(Halt::Failed(why)) => Err(why),
        }
    }
}

struct Probe<'a> {
    plan: &'a Plan,
    workshop: Workshop<'a>,
    sets: Vec<String>,
    loaded: Loaded,
    seeds: Vec<u64>,
}

impl Probe<'_> {
    fn around(&self) -> Result<Around, Halt> {
        let mut stress_loads = Vec::new();
        for &multiple in &self.plan.stress_loads {
            stress_loads.push((multiple, self.holds(&self.loads(multiple))?));
        }
        let load = limit(1.0, SHARP, &mut |multiple| self.tried(&self.loads(multiple)))?;
        Ok(Around {
            seeds: self.seeds.len(),
            load,
            stress_loads,
            fragile: self.fragile()?,
            stress: self.stress()?,
            pools: self.pools()?,
        })
    }

    /// The recommended setting with some more overrides; `None` where a scenario refuses them.
    fn with(&self, more: &[String]) -> Option<Loaded> {
        let sets: Vec<String> = self.sets.iter().chain(more).cloned().collect();
        scenario::load(&self.plan.grid.base, &sets).ok()
    }

    /// Does the goal hold with these overrides? What a scenario refuses does not.
    fn holds(&self, more: &[String]) -> Result<bool, Halt> {
        Ok(self.tried(more)?.unwrap_or(false))
    }

    /// Does the goal hold with these overrides? `None` where a scenario refuses them.
    fn tried(&self, more: &[String]) -> Result<Option<bool>, Halt> {
        let Some(loaded) = self.with(more) else { return Ok(None) };
        let mut allowed = misses_allowed(self.seeds.len(), self.plan.holds_in);
        let first = FIRST_SEEDS.min(self.seeds.len());
        for part in [&self.seeds[..first], &self.seeds[first..]] {
            let outcomes = self.run(&loaded, part)?;
            let misses = outcomes.iter().filter(|outcome| !outcome.holds()).count();
            let Some(left) = allowed.checked_sub(misses) else { return Ok(Some(false)) };
            allowed = left;
        }
        Ok(Some(true))
    }

    fn run(&self, loaded: &Loaded, seeds: &[u64]) -> Result<Vec<Outcome>, Halt> {
        self.workshop.all(loaded, seeds, &self.plan.grid.quantiles())?.ok_or(Halt::Stopped)
    }

    /// Overrides that multiply all loads.
    fn loads(&self, multiple: f64) -> Vec<String> {
        let loads = &self.loaded.scenario.loads;
        loads.iter().map(|load| format!("load.{}.scale={:?}", load.name, load.scale * multiple)).collect()
    }

    fn effective(&self, path: &str) -> Option<&str> {
        let known = self.loaded.effective.iter().find(|(known, ..)| known == path);
        known.map(|(_, value, _)| value.trim_matches('"'))
    }

    /// Is this path turned by `[stress]` already?
    fn stressed(&self, path: &str) -> bool {
        self.plan.stress.iter().flat_map(|axis| &axis.paths).any(|stressed| stressed.path == path)
    }

    fn fragile(&self) -> Result<Vec<Fragility>, Halt> {
        let mut all = self.slower_work()?;
        let is_delay = |path: &str| {
            path.ends_with(".start.load")
                || matches!(path, "metrics_server.metric_resolution" | "prometheus.scrape_interval")
        };
        for (path, value, _) in &self.loaded.effective {
            let Some(now) = units::duration(value.trim_matches('"')).ok().filter(|_| is_delay(path)) else { continue };
            if self.stressed(path) || now.as_nanos() == 0 {
                continue;
            }
            let now_s = now.as_secs_f64();
            let limit = limit(1.0, SHARP_DELAY, &mut |multiple| {
                self.tried(&[format!("{path}=\"{}\"", written_s(now_s * multiple))])
            })?;
            all.push(Fragility { name: path.clone(), now_s: Some(now_s), limit });
        }
        Ok(all)
    }

    /// Longer service: slower replicas, which is the same for every law of it.
    fn slower_work(&self) -> Result<Vec<Fragility>, Halt> {
        let mut all = Vec::new();
        for pool in &self.loaded.scenario.pools {
            let paths = ["pool", "server"].map(|kind| format!("{kind}.{}.speed", pool.name));
            let found = paths.iter().find_map(|path| Some((path, self.effective(path)?.parse::<f64>().ok()?)));
            let Some((path, speed)) = found else { continue };
            let limit = limit(1.0, SHARP, &mut |multiple| self.tried(&[format!("{path}={:?}", speed / multiple)]))?;
            let several = self.loaded.scenario.pools.len() > 1;
            let name = if several { format!("service of {}", pool.name) } else { "service".to_owned() };
            all.push(Fragility { name, now_s: pool.service.as_ref().map(|law| law.mean() / speed), limit });
        }
        Ok(all)
    }

    fn stress(&self) -> Result<Vec<Stressed>, Halt> {
        let mut all = Vec::new();
        for axis in &self.plan.stress {
            for path in &axis.paths {
                let Values::List(given) = &path.values else { continue };
                let now = self.effective(&path.path).unwrap_or_default();
                for value in given {
                    let holds = self.holds(&[format!("{}={}", path.path, value.toml)])?;
                    all.push(Stressed {
                        name: path.path.clone(),
                        now: now.to_owned(),
                        label: value.label.clone(),
                        holds,
                    });
                }
            }
        }
        Ok(all)
    }

    fn pools(&self) -> Result<Vec<PoolAround>, Halt> {
        let pools = &self.loaded.scenario.pools;
        let mut peak = Peak { counts: vec![Vec::new(); pools.len()] };
        let ran = self.workshop.one(&self.loaded, self.seeds[0], &[], &mut peak)?;
        ran.ok_or(Halt::Stopped)?;
        let mut all = Vec::new();
        for (number, pool) in pools.iter().enumerate() {
            let scaler = format!("pool.{}.scaler.", pool.name);
            let scaled = self.loaded.effective.iter().any(|(path, ..)| path.starts_with(&scaler));
            if !scaled {
                continue;
            }
            let knee = self.knee(number)?;
            let (knee_rps, knee_at) = knee.map_or((None, None), |(rps, that)| (Some(rps), Some(that)));
            let peak_rps = peak.most_rps(number);
            let mut around = PoolAround { pool: pool.name.clone(), knee_rps, knee_at, peak_rps, fixed: None };
            around.fixed = self.fixed(&pool.name, around.for_peak().unwrap_or(pool.replicas).max(1))?;
            all.push(around);
        }
        Ok(all)
    }

    /// Requests per second that one replica carries at the first latency objective that speaks of it.
    fn knee(&self, number: usize) -> Result<Option<(f64, String)>, Halt> {
        let scenario = &self.loaded.scenario;
        let pool = &scenario.pools[number];
        let latency = scenario.objectives.iter().find(|objective| {
            let of_it = match objective.scope {
                ObjectiveScope::Run => scenario.pools.len() == 1,
                ObjectiveScope::Pool(id) => id == PoolId::from_index(number),
                ObjectiveScope::Model(_) | ObjectiveScope::Flow(_) => false,
            };
            of_it && matches!((objective.figure, objective.condition), (Figure::Quantile(_), ConditionSpec::AtMost(_)))
        });
        let (Some(objective), Some(service)) = (latency, &pool.service) else { return Ok(None) };
        let that = &objective.that;
        let carries = |rps: f64| -> Result<bool, Halt> {
            let length_s = (RAMP_REQUESTS / rps).clamp(600.0, 43_200.0).round();
            let name = &pool.name;
            let more = [
                format!("load=[{{ name = \"ramp\", to = \"{name}\", rate = {{ constant = \"{rps:.6}/s\" }} }}]"),
                "event=[]".to_owned(),
                format!("objective=[{{ that = \"{that}\" }}]"),
                format!("pool.{name}.replicas=1"),
                format!("pool.{name}.scaler={{ fixed = {{}} }}"),
                "tick=\"10s\"".to_owned(),
                "warmup=\"1m\"".to_owned(),
                format!("duration=\"{length_s}s\""),
            ];
            let Some(loaded) = self.with(&more) else { return Ok(false) };
            let outcomes = self.run(&loaded, &self.seeds[..RAMP_SEEDS.min(self.seeds.len())])?;
            Ok(2 * outcomes.iter().filter(|outcome| outcome.holds()).count() > outcomes.len())
        };
        let mut rps = 0.05 / service.mean().max(1e-6);
        if !carries(rps)? {
            return Ok(None);
        }
        for _ in 0..40 {
            if !carries(rps * RAMP_STEP)? {
                let (low, _) = bisect(rps, rps * RAMP_STEP, SHARP, &mut |rps| carries(rps))?;
                return Ok(Some((low, that.clone())));
            }
            rps *= RAMP_STEP;
        }
        Ok(None)
    }

    /// The smallest fixed size that meets the goal, and its cost.
    fn fixed(&self, pool: &str, guess: u32) -> Result<Option<(u32, f64)>, Halt> {
        let sets = |replicas: u32| {
            vec![format!("pool.{pool}.scaler={{ fixed = {{}} }}"), format!("pool.{pool}.replicas={replicas}")]
        };
        let holds = |replicas: u32| self.holds(&sets(replicas));
        let (mut low, mut high) = (0, guess);
        while !holds(high)? {
            low = high;
            high = high.saturating_add((high / 4).max(1));
            if high > guess.saturating_mul(10) {
                return Ok(None);
            }
        }
        while high - low > 1 {
            // The guess is a good one: what is below it is looked for close by first.
            let middle = if high == guess && low == 0 { high - (high / 8).max(1) } else { low + (high - low) / 2 };
            if holds(middle)? {
                high = middle;
            } else {
                low = middle;
            }
        }
        for replicas in high..=high + SIZES_ABOVE {
            if let Some(cost) = self.proven(&sets(replicas))? {
                return Ok(Some((replicas, cost)));
            }
        }
        Ok(None)
    }

    /// The cost of a setting that is proven as the candidates of the search are; `None` if it is not.
    fn proven(&self, more: &[String]) -> Result<Option<f64>, Halt> {
        let Some(loaded) = self.with(more) else { return Ok(None) };
        let mut runner = |runs: &[Run]| -> Result<Option<Vec<Trial>>, Halt> {
            let seeds: Vec<u64> =
                runs.iter().map(|&(_, seed)| self.plan.grid.first_seed.wrapping_add(seed as u64)).collect();
            let outcomes = self.run(&loaded, &seeds)?;
            Ok(Some(outcomes.iter().map(|outcome| self.plan.trial(outcome)).collect()))
        };
        let race = Race::run(self.plan.rules(), 1, &mut runner)?.ok_or(Halt::Stopped)?;
        Ok(race.winner().map(|only| race.mean_cost(only, usize::MAX)))
    }
}

/// Seeds of so many that may fail where this share must hold.
fn misses_allowed(seeds: usize, holds_in: f64) -> usize {
    seeds - ((seeds as f64 * holds_in - 1e-9).ceil() as usize).min(seeds)
}

/// A time of three digits as a scenario writes it.
pub fn written_s(seconds: f64) -> String {
    let nanos = seconds * 1e9;
    let coarse = 10_f64.powi((nanos.max(1.0).log10().floor() as i32 - 2).max(0));
    duration_text(((nanos / coarse).round() * coarse) as i128)
}

/// Grows a multiple from `begin` on until the goal is missed, then narrows the limit down. What cannot be tried breaks
/// nothing: there the growth ends.
fn limit<E>(begin: f64, sharp: f64, tried: &mut dyn FnMut(f64) -> Result<Option<bool>, E>) -> Result<Limit, E> {
    if tried(begin)? != Some(true) {
        return Ok(Limit::Nowhere);
    }
    let mut low = begin;
    // The usual limit is close by, and a small step up costs fewer events than a large one.
    let mut step = 1.25;
    while low < MOST {
        let high = (low * step).min(MOST);
        match tried(high)? {
            None => break,
            Some(true) => low = high,
            Some(false) => {
                let mut within = |multiple| Ok(tried(multiple)?.unwrap_or(false));
                let (low, high) = bisect(low, high, sharp, &mut within)?;
                return Ok(Limit::Between(low, high));
            }
        }
        step = 2.0;
    }
    Ok(Limit::Beyond(low))
}

/// Narrows a stretch whose lower end holds and whose upper end does not, until its ends differ by this ratio.
fn bisect<E>(
    mut low: f64,
    mut high: f64,
    sharp: f64,
    holds: &mut dyn FnMut(f64) -> Result<bool, E>,
) -> Result<(f64, f64), E> {
    while high / low > sharp {
        let middle = (low * high).sqrt();
        if holds(middle)? {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok((low, high))
}

/// Counts arrivals per pool and minute.
struct Peak {
    counts: Vec<Vec<u64>>,
}

impl Peak {
    fn most_rps(&self, pool: usize) -> f64 {
        self.counts[pool].iter().max().map_or(0.0, |&most| most as f64 / PEAK_WINDOW_S as f64)
    }
}

impl Recorder for Peak {
    fn arrived(&mut self, now: SimTime, _load: LoadId, pool: PoolId) {
        let window = (now.as_secs_f64() / PEAK_WINDOW_S as f64) as usize;
        let counts = &mut self.counts[pool.index()];
        if counts.len() <= window {
            counts.resize(window + 1, 0);
        }
        counts[window] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn found(up_to: f64) -> Limit {
        let mut holds = |multiple: f64| Ok::<_, Infallible>(Some(multiple <= up_to));
        limit(1.0, SHARP, &mut holds).unwrap_or_else(|never| match never {})
    }

    #[test]
    fn limits_are_found_where_they_are() {
        for up_to in [1.0, 1.07, 1.25, 3.3, 7.9] {
            let Limit::Between(low, high) = found(up_to) else { panic!("{up_to}: {:?}", found(up_to)) };
            assert!(low <= up_to && up_to < high && high / low <= SHARP, "{up_to}: {low} to {high}");
        }
        assert_eq!((found(100.0), found(0.9)), (Limit::Beyond(MOST), Limit::Nowhere));
        // What a scenario refuses is no miss.
        let mut refused = |multiple: f64| Ok::<_, Infallible>((multiple < 2.0).then_some(true));
        assert_eq!(limit(1.0, SHARP, &mut refused), Ok(Limit::Beyond(1.25)));
    }

    #[test]
    fn as_many_may_fail_as_the_goal_leaves() {
        assert_eq!([10, 9, 20, 1].map(|seeds| misses_allowed(seeds, 0.9)), [1, 0, 2, 0]);
        assert_eq!(misses_allowed(10, 0.5), 5);
    }

    #[test]
    fn times_have_three_digits() {
        assert_eq!([0.0863, 61.84, 0.5, 123.4].map(written_s), ["86.3ms", "1m1.8s", "500ms", "2m3s"]);
    }

    #[test]
    fn the_peak_is_the_fullest_minute() {
        let mut peak = Peak { counts: vec![Vec::new(); 2] };
        for second in [1, 61, 62, 119, 120] {
            peak.arrived(SimTime::from_secs(second), LoadId::from_index(0), PoolId::from_index(1));
        }
        assert_eq!((peak.most_rps(1), peak.most_rps(0)), (3.0 / 60.0, 0.0));
    }
}
