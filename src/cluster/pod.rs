//! The life of a pod: a timetable of milestones from "wanted" to "gets traffic", drawn whole when the pod is wanted, and
//! its end.
//!
//! Every phase is drawn from a stream of its own, by the pod's ordinal: changing one law moves no other phase, and no policy
//! changes the start of the nth replica.

use super::readiness::ready_at;
use super::spec::{Endpoints, ImageState, StartSpec, StopSpec};
use crate::random::{Law, Stream, Streams};
use crate::units::{SimTime, Span};
use rand::RngExt;

/// What a pod reaches on its way, in the order in which milestones of one instant are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Milestone {
    /// The pod object exists.
    Created,
    /// It has a node.
    Scheduled,
    /// The kubelet has seen it; the probe's ticks begin.
    Noticed,
    /// Network, volumes, cgroup.
    SandboxUp,
    /// The image is there.
    Pulled,
    /// The container runs.
    Running,
    /// The runtime is up.
    RuntimeUp,
    /// The artifact is there.
    Downloaded,
    /// The model is in memory.
    Loaded,
    /// The application answers.
    AppUp,
    /// The probe has let it through.
    Ready,
    /// Requests reach it.
    Routed,
}

impl Milestone {
    const ALL: [Self; 12] = [
        Self::Created,
        Self::Scheduled,
        Self::Noticed,
        Self::SandboxUp,
        Self::Pulled,
        Self::Running,
        Self::RuntimeUp,
        Self::Downloaded,
        Self::Loaded,
        Self::AppUp,
        Self::Ready,
        Self::Routed,
    ];
}

/// When a pod reaches what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timetable {
    /// In order of time, then of milestone.
    entries: [(SimTime, Milestone); 12],
}

impl Timetable {
    /// Draws the timetable of the pod `ordinal` of a pool that is wanted from `now` on.
    pub fn draw(spec: &StartSpec, pool: &str, ordinal: u64, streams: &Streams, now: SimTime) -> Self {
        let draw = |law: &Law, phase: &str| {
            Span::from_drawn_secs(law.sample(&mut streams.keyed(&format!("pool/{pool}/start/{phase}"), ordinal)))
        };
        let pull = match spec.image {
            ImageState::Cached => Span::ZERO,
            ImageState::Pulled => draw(&spec.pull, "pull"),
        };
        let created = now + draw(&spec.reconcile, "reconcile");
        let scheduled = created + draw(&spec.schedule, "schedule");
        let noticed = scheduled + draw(&spec.kubelet_notice, "kubelet_notice");
        let sandbox = noticed + draw(&spec.sandbox, "sandbox");
        let pulled = sandbox + pull;
        let running = pulled + draw(&spec.container, "container");
        let runtime = running + draw(&spec.runtime, "runtime");
        let downloaded = runtime + draw(&spec.download, "download");
        let loaded = downloaded + draw(&spec.load, "load");
        let app = loaded + draw(&spec.warmup, "warmup");
        let ready = match &spec.readiness_probe {
            Some(probe) => ready_at(probe, noticed, running, app),
            None => running,
        };
        let mut stream = streams.keyed(&format!("pool/{pool}/start/endpoints"), ordinal);
        let routed = ready + lag(&spec.endpoints, &mut stream);
        let times =
            [created, scheduled, noticed, sandbox, pulled, running, runtime, downloaded, loaded, app, ready, routed];
        let mut entries = [(SimTime::ZERO, Milestone::Created); 12];
        for (entry, (at, milestone)) in entries.iter_mut().zip(times.into_iter().zip(Milestone::ALL)) {
            *entry = (at, milestone);
        }
        entries.sort_by_key(|&entry| entry);
        Self { entries }
    }

    /// When a milestone is reached.
    pub fn at(&self, milestone: Milestone) -> SimTime {
        self.entries.iter().find(|(_, other)| *other == milestone).expect("a timetable has every milestone").0
    }
}

/// Delay from a change of readiness to a change of routes.
fn lag(endpoints: &Endpoints, stream: &mut Stream) -> Span {
    match endpoints {
        Endpoints::Given(law) => Span::from_drawn_secs(law.sample(stream)),
        Endpoints::PropagationAndSync(law) => {
            let propagation = law.sample(stream);
            Span::from_drawn_secs(propagation + stream.random::<f64>())
        }
    }
}

/// How a pod ends once it is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The process is told to stop.
    pub sigterm: SimTime,
    /// It is killed.
    pub sigkill: SimTime,
    /// It leaves the routes.
    pub unrouted: SimTime,
}

impl Ending {
    /// Draws the end of the pod `ordinal` that is deleted `now`.
    pub fn draw(start: &StartSpec, stop: &StopSpec, pool: &str, ordinal: u64, streams: &Streams, now: SimTime) -> Self {
        let notice = start.kubelet_notice.sample(&mut streams.keyed(&format!("pool/{pool}/stop/notice"), ordinal));
        let mut stream = streams.keyed(&format!("pool/{pool}/stop/endpoints"), ordinal);
        let sigkill = now + stop.grace_period;
        let sigterm = (now + Span::from_drawn_secs(notice) + stop.pre_stop).min(sigkill);
        Self { sigterm, sigkill, unrouted: now + lag(&stop.endpoint_lag, &mut stream) }
    }
}

/// A pod on its way.
#[derive(Clone, Debug)]
pub struct PodLife {
    timetable: Timetable,
    next: usize,
    /// Since it was deleted.
    pub deleted: Option<SimTime>,
}

impl PodLife {
    /// A pod that is wanted.
    pub const fn new(timetable: Timetable) -> Self {
        Self { timetable, next: 0, deleted: None }
    }

    /// A pod that has been serving since long before the run; every milestone was reached at `since`.
    pub fn established(since: SimTime) -> Self {
        let mut entries = [(since, Milestone::Created); 12];
        for (entry, milestone) in entries.iter_mut().zip(Milestone::ALL) {
            entry.1 = milestone;
        }
        Self { timetable: Timetable { entries }, next: entries.len(), deleted: None }
    }

    /// When the next milestone is due.
    pub fn next_at(&self) -> Option<SimTime> {
        self.timetable.entries.get(self.next).map(|&(at, _)| at)
    }

    /// Reaches the next milestone.
    pub fn advance(&mut self) -> Option<Milestone> {
        let (_, milestone) = *self.timetable.entries.get(self.next)?;
        self.next += 1;
        Some(milestone)
    }

    /// Has it reached this?
    pub fn has(&self, milestone: Milestone) -> bool {
        self.timetable.entries[..self.next].iter().any(|&(_, reached)| reached == milestone)
    }

    /// When it reached this, if it has.
    pub fn since(&self, milestone: Milestone) -> Option<SimTime> {
        self.timetable.entries[..self.next].iter().find(|&&(_, reached)| reached == milestone).map(|&(at, _)| at)
    }

    /// Ready and not deleted.
    pub fn is_ready(&self) -> bool {
        self.deleted.is_none() && self.has(Milestone::Ready)
    }
}

/// What the ReplicaSet compares when it chooses whom to delete; the smallest goes first.
///
/// Rule: `pkg/controller/controller_utils.go` (`ActivePodsWithRanks`): not assigned to a node first; pending before
/// running; not ready before ready; more recently ready first, compared in powers of two of the age; newer first. Nodes,
/// deletion cost and restarts are not modelled. Near-ties are broken by `luck`, as upstream does by a random id.
pub fn victim_key(life: &PodLife, now: SimTime, luck: u64) -> (bool, bool, bool, u32, u64) {
    let age = |since: Option<SimTime>| {
        let seconds = since.map_or(0, |since| now.saturating_since(since).as_nanos() / 1_000_000_000);
        64 - seconds.leading_zeros()
    };
    (
        life.has(Milestone::Scheduled),
        life.has(Milestone::Running),
        life.has(Milestone::Ready),
        age(life.since(Milestone::Ready).or_else(|| life.since(Milestone::Created))),
        luck,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::ReadinessProbe;

    fn constant(secs: f64) -> Law {
        Law::constant(secs)
    }

    fn spec(probe: Option<ReadinessProbe>) -> StartSpec {
        StartSpec {
            reconcile: constant(1.0),
            schedule: constant(1.0),
            kubelet_notice: constant(1.0),
            sandbox: constant(1.0),
            pull: constant(100.0),
            container: constant(1.0),
            runtime: constant(2.0),
            download: constant(0.0),
            load: constant(3.0),
            warmup: constant(0.0),
            endpoints: Endpoints::Given(constant(1.0)),
            image: ImageState::Cached,
            readiness_probe: probe,
        }
    }

    #[test]
    fn phases_follow_one_another_and_a_cached_image_is_not_pulled() {
        let table = Timetable::draw(&spec(None), "p", 0, &Streams::new(1), SimTime::from_secs(100));
        assert_eq!(table.at(Milestone::Created), SimTime::from_secs(101));
        assert_eq!(table.at(Milestone::Running), SimTime::from_secs(105));
        assert_eq!(table.at(Milestone::AppUp), SimTime::from_secs(110));
        // Without a probe traffic comes while the model is still loading.
        assert_eq!(table.at(Milestone::Ready), SimTime::from_secs(105));
        assert_eq!(table.at(Milestone::Routed), SimTime::from_secs(106));
    }

    #[test]
    fn the_probe_ticks_from_the_kubelets_notice_on() {
        let probe = ReadinessProbe {
            initial_delay: Span::ZERO,
            period: Span::from_secs(10),
            timeout: Span::from_secs(1),
            success_threshold: 1,
            failure_threshold: 3,
        };
        let table = Timetable::draw(&spec(Some(probe)), "p", 0, &Streams::new(1), SimTime::ZERO);
        assert_eq!(table.at(Milestone::Noticed), SimTime::from_secs(3));
        assert_eq!(table.at(Milestone::Ready), SimTime::from_secs(13)); // up at 10, ticks at 3, 13, 23
    }

    #[test]
    fn a_changed_law_moves_no_other_phase() {
        let law = |mean| Law::lognormal_mean_cv(mean, 0.5).expect("a law");
        let mut one = spec(None);
        one.sandbox = law(2.0);
        one.runtime = law(4.0);
        let mut two = one.clone();
        two.sandbox = Law::gamma_mean_cv(2.0, 0.3).expect("a law"); // consumes another number of draws
        let length = |spec: &StartSpec| {
            let table = Timetable::draw(spec, "p", 5, &Streams::new(9), SimTime::ZERO);
            table.at(Milestone::RuntimeUp).since(table.at(Milestone::Running))
        };
        assert_eq!(length(&one), length(&two));
    }

    #[test]
    fn pending_pods_go_first_and_the_youngest_of_the_ready_next() {
        let now = SimTime::from_secs(10_000);
        let pending = PodLife::new(Timetable::draw(&spec(None), "p", 0, &Streams::new(1), now));
        let old = PodLife::established(SimTime::from_secs(10));
        let young = PodLife::established(SimTime::from_secs(9_900));
        let mut order = [
            ("old", victim_key(&old, now, 1)),
            ("young", victim_key(&young, now, 2)),
            ("pending", victim_key(&pending, now, 3)),
        ];
        order.sort_by_key(|&(_, key)| key);
        assert_eq!(order.map(|(name, _)| name), ["pending", "young", "old"]);
    }
}
