//! CPU and memory on their way to an autoscaler: the kubelet's cached samples, metrics-server's two-point store, and what
//! the metrics API serves of it.
//!
//! Rules: cAdvisor `manager/container.go` (housekeeping), metrics-server `pkg/scraper/scraper.go` and
//! `pkg/storage/pod.go` (store and serve), August 2026. Times are those of a wall clock with an arbitrary zero point, so that
//! containers may have begun before a run does.

use super::spec::CpuRate;
use crate::units::{SimTime, Span};

/// A container as a kubelet reports it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ContainerPoint {
    /// When the container began.
    pub start: SimTime,
    /// When it was measured.
    pub at: SimTime,
    /// Cumulative CPU since `start`, core-seconds.
    pub cpu_core_s: f64,
    /// Memory in use, bytes.
    pub memory_bytes: u64,
}

/// What the store remembers of one container: the last two points that it may compare.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TwoPoints {
    last: Option<ContainerPoint>,
    prev: Option<ContainerPoint>,
}

/// What the metrics API serves for one container.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// When the newer point was measured.
    pub at: SimTime,
    /// Time between both points.
    pub window: Span,
    /// Mean between both points, cores.
    pub cpu_cores: f64,
    /// At the newer point, bytes.
    pub memory_bytes: u64,
}

/// Window of the kubelet's own rate as metrics-server 0.3 and 0.4 state it, whatever it was.
const KUBELET_WINDOW: Span = Span::from_secs(30);

/// A container younger than this has no rate of its own yet.
const FRESH_CONTAINER_MIN: Span = Span::from_secs(10);

impl TwoPoints {
    /// A batch was stored. `None`: this container was not in it, and is forgotten.
    pub fn store(&mut self, new: Option<ContainerPoint>, resolution: Span) {
        let Some(new) = new else {
            *self = Self::default();
            return;
        };
        let age = new.at.saturating_since(new.start);
        if new.start < new.at && age >= FRESH_CONTAINER_MIN && age < resolution {
            // A container that is younger than a scrape: its whole life is the window.
            self.prev = Some(ContainerPoint { at: new.start, cpu_core_s: 0.0, ..new });
        } else if let Some(last) = self.last.filter(|last| new.start < last.at) {
            if new.at > last.at {
                self.prev = Some(last);
            } else {
                self.prev = self.prev.filter(|prev| prev.at < new.at);
            }
        } else {
            self.prev = None;
        }
        self.last = Some(new);
    }

    /// What is served; `None` without two points, or where the counter went backwards.
    pub fn usage(&self) -> Option<Usage> {
        let (last, prev) = (self.last?, self.prev?);
        if last.at <= prev.at || last.cpu_core_s < prev.cpu_core_s || last.start > prev.at {
            return None;
        }
        let window = last.at.since(prev.at);
        Some(Usage {
            at: last.at,
            window,
            cpu_cores: (last.cpu_core_s - prev.cpu_core_s) / window.as_secs_f64(),
            memory_bytes: last.memory_bytes,
        })
    }
}

/// What metrics-server holds of one container, by the rule of its release.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stored {
    /// Two points, and the rate between them.
    Points(TwoPoints),
    /// The kubelet's rate as it came.
    Rate(Option<Usage>),
}

impl Stored {
    /// Nothing yet.
    pub fn nothing(rule: CpuRate) -> Self {
        match rule {
            CpuRate::Own => Self::Points(TwoPoints::default()),
            CpuRate::Kubelet => Self::Rate(None),
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        match self {
            Self::Points(points) => *points = TwoPoints::default(),
            Self::Rate(rate) => *rate = None,
        }
    }

    /// A batch was stored, with this point or without the container; `kubelet` is who measured it.
    pub fn store(&mut self, new: Option<ContainerPoint>, kubelet: Option<&Housekeeper>, resolution: Span) {
        match self {
            Self::Points(points) => points.store(new, resolution),
            Self::Rate(rate) => *rate = new.and_then(|point| kubelet?.usage(point.at)),
        }
    }

    /// What is served.
    pub fn usage(&self) -> Option<Usage> {
        match self {
            Self::Points(points) => points.usage(),
            Self::Rate(rate) => *rate,
        }
    }

    /// Is a pod whose containers show these points part of a batch?
    pub fn admits(&self, points: &[ContainerPoint]) -> bool {
        match self {
            Self::Points(_) => is_reported(points),
            Self::Rate(_) => !points.is_empty(),
        }
    }
}

/// A pod is left out of a batch if one of its containers shows no CPU or no memory at all.
pub fn is_reported(points: &[ContainerPoint]) -> bool {
    !points.is_empty() && points.iter().all(|point| point.cpu_core_s > 0.0 && point.memory_bytes > 0)
}

/// Timestamp and window of a pod: those of the container with the earliest timestamp, the first listed on ties.
pub fn pod_time(usages: impl Iterator<Item = Usage>) -> Option<(SimTime, Span)> {
    usages.map(|usage| (usage.at, usage.window)).reduce(|best, next| if next.0 < best.0 { next } else { best })
}

/// The kubelet's cache of one container: its last samples, and when it samples next.
#[derive(Clone, Debug)]
pub struct Housekeeper {
    samples: [Option<ContainerPoint>; 3],
    interval: Span,
    /// When it samples next.
    pub next: SimTime,
}

/// How a kubelet samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HousekeepingRule {
    /// Shortest gap.
    pub interval: Span,
    /// Gap = interval × (1 + U × jitter).
    pub jitter: f64,
    /// The interval of an idle container doubles up to this.
    pub longest: Span,
}

impl Housekeeper {
    /// Nothing sampled yet; the first sample is at `next`.
    pub const fn new(rule: &HousekeepingRule, next: SimTime) -> Self {
        Self { samples: [None; 3], interval: rule.interval, next }
    }

    /// Takes the sample that is due. `uniform` is a draw from 0 to 1 for the next gap.
    pub fn sample(&mut self, point: ContainerPoint, rule: &HousekeepingRule, uniform: f64) {
        let idle = self.samples[0].is_some_and(|last| last.cpu_core_s >= point.cpu_core_s);
        self.interval = if idle { (self.interval * 2).min(rule.longest).max(rule.interval) } else { rule.interval };
        self.samples.rotate_right(1);
        self.samples[0] = Some(point);
        let gap = self.interval.as_secs_f64() * (1.0 + uniform * rule.jitter);
        self.next = point.at + Span::from_drawn_secs(gap);
    }

    /// The latest sample that was taken by `at`.
    pub fn cached(&self, at: SimTime) -> Option<ContainerPoint> {
        self.taken_by(at).next()
    }

    /// The kubelet's own rate by `at`, between its last two samples; the window is what metrics-server said it was. (Summary
    /// API `usageNanoCores`; metrics-server 0.3 and 0.4, `pkg/storage/storage.go`.)
    pub fn usage(&self, at: SimTime) -> Option<Usage> {
        let mut taken = self.taken_by(at);
        let points = TwoPoints { last: taken.next(), prev: taken.next() };
        points.usage().map(|usage| Usage { window: KUBELET_WINDOW, ..usage })
    }

    fn taken_by(&self, at: SimTime) -> impl Iterator<Item = ContainerPoint> {
        self.samples.iter().flatten().filter(move |sample| sample.at <= at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(start: u64, at: u64, cpu_core_s: f64) -> Option<ContainerPoint> {
        let (start, at) = (SimTime::from_secs(start), SimTime::from_secs(at));
        Some(ContainerPoint { start, at, cpu_core_s, memory_bytes: 1 })
    }

    #[test]
    fn two_distinct_samples_make_a_rate() {
        let mut points = TwoPoints::default();
        points.store(point(100, 200, 10.0), Span::from_secs(15));
        assert_eq!(points.usage(), None);
        points.store(point(100, 220, 16.0), Span::from_secs(15));
        let usage = points.usage().expect("two points");
        assert_eq!((usage.cpu_cores, usage.window), (0.3, Span::from_secs(20)));
        points.store(point(100, 220, 16.0), Span::from_secs(15)); // the same cached sample again: nothing changes
        assert_eq!(points.usage(), Some(usage));
    }

    #[test]
    fn a_fresh_container_is_measured_over_its_whole_life() {
        let mut points = TwoPoints::default();
        points.store(point(100, 112, 6.0), Span::from_secs(15));
        let usage = points.usage().expect("12 s old, scraped every 15 s");
        assert_eq!((usage.cpu_cores, usage.window), (0.5, Span::from_secs(12)));
        let mut young = TwoPoints::default();
        young.store(point(100, 109, 6.0), Span::from_secs(15));
        assert_eq!(young.usage(), None); // younger than 10 s
        let mut quick = TwoPoints::default();
        quick.store(point(100, 112, 6.0), Span::from_secs(10));
        assert_eq!(quick.usage(), None); // not younger than a scrape
    }

    #[test]
    fn a_failed_scrape_or_a_restart_hides_the_container_for_two_scrapes() {
        let resolution = Span::from_secs(15);
        let mut points = TwoPoints::default();
        points.store(point(0, 200, 10.0), resolution);
        points.store(point(0, 215, 20.0), resolution);
        points.store(None, resolution);
        assert_eq!(points.usage(), None);
        points.store(point(0, 245, 40.0), resolution);
        assert_eq!(points.usage(), None);
        points.store(point(0, 260, 50.0), resolution);
        assert!(points.usage().is_some());
        points.store(point(258, 275, 1.0), resolution); // restarted at 258
        assert!(points.usage().is_none());
    }

    #[test]
    fn the_kubelets_own_rate_lies_between_its_last_two_samples() {
        let rule = HousekeepingRule { interval: Span::from_secs(10), jitter: 1.0, longest: Span::from_secs(15) };
        let mut keeper = Housekeeper::new(&rule, SimTime::from_secs(100));
        for (at, cpu_core_s) in [(100, 1.0), (112, 4.0), (128, 12.0)] {
            keeper.sample(point(90, at, cpu_core_s).expect("a point"), &rule, 0.3);
        }
        let usage = keeper.usage(SimTime::from_secs(130)).expect("two samples");
        assert_eq!((usage.at, usage.cpu_cores), (SimTime::from_secs(128), 8.0 / 16.0));
        assert_eq!(usage.window, Span::from_secs(30)); // what is stated, not what it was
        assert_eq!(keeper.usage(SimTime::from_secs(127)).map(|usage| usage.cpu_cores), Some(3.0 / 12.0));
        assert_eq!(keeper.usage(SimTime::from_secs(111)), None); // one sample is no rate
        keeper.sample(point(131, 135, 0.2).expect("a point"), &rule, 0.3);
        assert_eq!(keeper.usage(SimTime::from_secs(140)), None); // restarted in between
    }

    #[test]
    fn a_rate_is_stored_as_it_came_and_forgotten_with_its_container() {
        let rule = HousekeepingRule { interval: Span::from_secs(10), jitter: 0.0, longest: Span::from_secs(15) };
        let resolution = Span::from_secs(60);
        let mut keeper = Housekeeper::new(&rule, SimTime::ZERO);
        let mut stored = Stored::nothing(CpuRate::Kubelet);
        let idle = |at| point(0, at, 0.0);
        for at in [10, 20] {
            keeper.sample(idle(at).expect("a point"), &rule, 0.0);
        }
        stored.store(idle(20), Some(&keeper), resolution);
        // One batch is enough, and no use at all is a number too; the two points of later releases know neither.
        assert_eq!(stored.usage().map(|usage| usage.cpu_cores), Some(0.0));
        assert!(stored.admits(&[idle(20).expect("a point")]));
        let mut points = Stored::nothing(CpuRate::Own);
        points.store(point(0, 20, 1.0), Some(&keeper), resolution);
        points.store(None, Some(&keeper), resolution);
        points.store(point(0, 80, 2.0), Some(&keeper), resolution);
        assert_eq!(points.usage(), None);
        assert!(!points.admits(&[idle(20).expect("a point")]));
        stored.store(None, Some(&keeper), resolution);
        assert_eq!(stored.usage(), None);
        stored.store(idle(20), Some(&keeper), resolution);
        assert!(stored.usage().is_some());
        stored.clear();
        assert_eq!(stored.usage(), None);
    }

    #[test]
    fn an_idle_container_is_sampled_less_often() {
        let rule = HousekeepingRule { interval: Span::from_secs(10), jitter: 0.0, longest: Span::from_secs(15) };
        let mut keeper = Housekeeper::new(&rule, SimTime::ZERO);
        keeper.sample(point(0, 0, 1.0).expect("a point"), &rule, 0.5);
        assert_eq!(keeper.next, SimTime::from_secs(10));
        keeper.sample(point(0, 10, 1.0).expect("a point"), &rule, 0.5);
        assert_eq!(keeper.next, SimTime::from_secs(25));
        keeper.sample(point(0, 25, 2.0).expect("a point"), &rule, 0.5);
        assert_eq!(keeper.next, SimTime::from_secs(35));
        assert_eq!(keeper.cached(SimTime::from_secs(24)).map(|sample| sample.at), Some(SimTime::from_secs(10)));
    }
}
