//! Whether an objective about requests, usage or queues held: in each window, and over the whole run.
//!
//! A request belongs to the window in which it arrived. `p95 <= X` holds if at least 95 % of the offered requests ended
//! done within X, so two counters per window decide it exactly, whatever the histogram rounds. Those rejected, timed out
//! or lost are infinitely late; an unfinished one counts with its age at the end of the run. A window without offered
//! requests does not count; one with some and none done is missed; one that begins before the end of the warm-up does not
//! count; a shorter last one does. A request that arrives at the very end belongs to the last window.
//!
//! Every client's request is judged once over the whole run: a call that a pipeline makes is judged with its model and
//! server only, and the pipeline's own request with the run.

use super::counts::Streak;
use super::latency::{BILLION, billionths};
use super::objective::{ConditionSpec, Figure, Objective, ObjectiveScope, Population};
use super::recorder::{FlowEnd, Outcome, RequestEnd};
use crate::units::{SimTime, Span};

/// What a window must keep.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    pub offered: u64,
    pub done: u64,
    /// Rejected, timed out or lost.
    pub failed: u64,
    /// On the good side of a quantile's value: those that it may count on.
    within: u64,
    /// Latency of done requests, summed.
    done_ns: u64,
    pub queue_max: u64,
    cpu_core_s: f64,
    cpu_requested_core_s: f64,
}

impl Window {
    fn add(&mut self, end: Ended, within: bool) {
        self.offered += 1;
        self.within += u64::from(within);
        match end.outcome {
            Outcome::Done => {
                self.done += 1;
                self.done_ns = self.done_ns.saturating_add(end.age().as_nanos());
            }
            Outcome::Rejected | Outcome::TimedOut | Outcome::Lost => self.failed += 1,
            Outcome::Unfinished => {}
        }
    }

    fn add_state(&mut self, state: &TickState, share: f64) {
        self.queue_max = self.queue_max.max(state.queue_max);
        self.cpu_core_s += share * state.cpu_core_s;
        self.cpu_requested_core_s += share * state.cpu_requested_core_s;
    }

    pub fn errors(&self) -> Option<f64> {
        let ended = self.done + self.failed;
        (ended > 0).then(|| self.failed as f64 / ended as f64)
    }

    pub fn mean_s(&self) -> Option<f64> {
        (self.done > 0).then(|| self.done_ns as f64 / self.done as f64 / BILLION as f64)
    }

    pub fn utilization(&self) -> Option<f64> {
        (self.cpu_requested_core_s > 0.0).then(|| self.cpu_core_s / self.cpu_requested_core_s)
    }
}

/// What a window must know of a request or a pipeline's request.
#[derive(Clone, Copy, Debug)]
struct Ended {
    arrived: SimTime,
    at: SimTime,
    outcome: Outcome,
}

impl Ended {
    fn age(self) -> Span {
        self.at.saturating_since(self.arrived)
    }
}

/// What happened in a tick to whatever an objective speaks of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TickState {
    pub from: SimTime,
    pub to: SimTime,
    pub queue_max: u64,
    pub cpu_core_s: f64,
    pub cpu_requested_core_s: f64,
}

/// How the windows of an objective came out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct WindowTally {
    pub counted: u64,
    pub held: u64,
    pub first_missed: Option<SimTime>,
    pub last_missed_end: Option<SimTime>,
    pub longest_missed: Span,
}

/// Judges one objective.
#[derive(Clone, Debug)]
pub(super) struct Judge {
    pub objective: Objective,
    /// A quantile's value; `None`: below everything.
    limit: Option<Span>,
    duration: Span,
    warmup: SimTime,
    window: Span,
    windows: Vec<Window>,
    pub whole: Window,
    /// Failed requests of the whole run by outcome.
    pub outcomes: [u64; Outcome::ALL.len()],
}

impl Judge {
    /// A judge, if the figure is one that has windows, and one that means something here.
    pub fn new(objective: &Objective, duration: Span, warmup: Span) -> Option<Self> {
        if !objective.scope.has(objective.figure) {
            return None;
        }
        let with_windows = match objective.figure {
            Figure::Quantile(_) | Figure::Mean | Figure::Utilization | Figure::Queue => {
                objective.share_of_time.is_some()
            }
            // Also without `for`, to say when they were.
            Figure::Errors => true,
            _ => return None,
        };
        let value = match objective.condition {
            ConditionSpec::AtMost(value) | ConditionSpec::AtLeast(value) => value,
        };
        let limit = if value < 0.0 { None } else { Some(Span::from_secs_f64(value).unwrap_or(Span::MAX)) };
        let window = if objective.window.is_zero() { duration } else { objective.window };
        let count = if with_windows { window_count(duration, window) } else { 0 };
        Some(Self {
            objective: objective.clone(),
            limit,
            duration,
            warmup: SimTime::ZERO + warmup,
            window,
            windows: vec![Window::default(); count],
            whole: Window::default(),
            outcomes: [0; Outcome::ALL.len()],
        })
    }

    /// A request ended.
    #[inline]
    pub fn ended(&mut self, end: &RequestEnd) {
        let mine = match self.objective.scope {
            ObjectiveScope::Run => !end.inner,
            ObjectiveScope::Pool(pool) => pool == end.pool,
            ObjectiveScope::Model(model) => end.model == Some(model),
            ObjectiveScope::Flow(_) => false,
        };
        if mine {
            self.add(Ended { arrived: end.arrived, at: end.at, outcome: end.outcome });
        }
    }

    /// A pipeline's request ended.
    pub fn flow_ended(&mut self, end: &FlowEnd) {
        let mine = match self.objective.scope {
            ObjectiveScope::Run => true,
            ObjectiveScope::Flow(flow) => flow == end.flow,
            ObjectiveScope::Pool(_) | ObjectiveScope::Model(_) => false,
        };
        if mine {
            self.add(Ended { arrived: end.arrived, at: end.at, outcome: end.outcome });
        }
    }

    #[inline]
    fn add(&mut self, end: Ended) {
        let within = self.within(end);
        if end.arrived >= self.warmup {
            self.whole.add(end, within);
            self.outcomes[end.outcome as usize] += 1;
        }
        if !self.windows.is_empty() {
            let index = self.index_at(end.arrived);
            self.windows[index].add(end, within);
        }
    }

    /// Is it among those that keep the quantile below its value?
    fn within(&self, end: Ended) -> bool {
        let counts = match end.outcome {
            Outcome::Done => true,
            Outcome::Unfinished => self.objective.of == Population::Offered,
            Outcome::Rejected | Outcome::TimedOut | Outcome::Lost => false,
        };
        let age = end.age();
        counts
            && self.limit.is_some_and(|limit| match self.objective.condition {
                ConditionSpec::AtMost(_) => age <= limit,
                ConditionSpec::AtLeast(_) => age < limit,
            })
    }

    /// A tick is over. Windows that share it get their part by length: usage is even within a tick as far as anybody knows.
    pub fn tick(&mut self, state: &TickState) {
        if state.from >= self.warmup {
            self.whole.add_state(state, 1.0);
        }
        if self.windows.is_empty() || state.to <= state.from {
            return;
        }
        let length = state.to.since(state.from).as_nanos() as f64;
        let last = self.index_at(state.to.saturating_sub(Span::from_nanos(1)));
        for index in self.index_at(state.from)..=last {
            let (begin, end) = self.bounds(index);
            let shared = end.min(state.to).saturating_since(begin.max(state.from));
            self.windows[index].add_state(state, shared.as_nanos() as f64 / length);
        }
    }

    fn index_at(&self, at: SimTime) -> usize {
        let index = at.as_nanos() / self.window.as_nanos().max(1);
        usize::try_from(index).unwrap_or(usize::MAX).min(self.windows.len() - 1)
    }

    /// Begin and end of a window; the last ends with the run.
    fn bounds(&self, index: usize) -> (SimTime, SimTime) {
        let begin = SimTime::ZERO + self.window * index as u64;
        (begin, (begin + self.window).min(SimTime::ZERO + self.duration))
    }

    /// Did it hold in this window? `None` if the window does not count.
    fn verdict(&self, index: usize) -> Option<bool> {
        if self.bounds(index).0 < self.warmup {
            return None;
        }
        self.held(&self.windows[index])
    }

    /// Did it hold over the whole run? `None` if there was nothing to judge.
    pub fn held_as_a_whole(&self) -> Option<bool> {
        self.held(&self.whole)
    }

    fn held(&self, window: &Window) -> Option<bool> {
        if window.offered == 0 {
            return None;
        }
        if window.done == 0 {
            return Some(false);
        }
        let condition = self.objective.condition;
        match self.objective.figure {
            Figure::Quantile(quantile) => {
                let population = match self.objective.of {
                    Population::Offered => window.offered,
                    Population::Done => window.done,
                };
                let enough = share_reached(window.within, population, billionths(quantile));
                Some(enough == matches!(condition, ConditionSpec::AtMost(_)))
            }
            Figure::Mean => window.mean_s().map(|mean| condition.holds(mean)),
            Figure::Errors => window.errors().map(|errors| condition.holds(errors)),
            Figure::Utilization => window.utilization().map(|ratio| condition.holds(ratio)),
            Figure::Queue => Some(condition.holds(window.queue_max as f64)),
            _ => None,
        }
    }

    /// How the windows came out.
    pub fn windows(&self) -> WindowTally {
        let mut tally = WindowTally::default();
        let mut missed = Streak::default();
        for index in 0..self.windows.len() {
            let verdict = self.verdict(index);
            let (begin, end) = self.bounds(index);
            tally.counted += u64::from(verdict.is_some());
            tally.held += u64::from(verdict == Some(true));
            missed.see(verdict == Some(false), begin, end);
        }
        tally.first_missed = missed.first;
        tally.last_missed_end = missed.last_end;
        tally.longest_missed = missed.longest;
        tally
    }
}

/// How many windows a run has, a shorter last one included.
fn window_count(duration: Span, window: Span) -> usize {
    let count = duration.as_nanos().div_ceil(window.as_nanos().max(1)).max(1);
    usize::try_from(count).expect("as many windows as memory holds")
}

/// Share of windows in which every objective with `for` holds, and the longest unbroken run of windows in which one does
/// not. Objectives with windows of different lengths are looked at in the shortest; a window counts if it does for one.
pub(super) fn together(judges: &[&Judge]) -> Option<(Option<f64>, Span)> {
    let first = judges.first()?;
    let shortest = judges.iter().map(|judge| judge.window).min()?;
    let (mut counted, mut good) = (0_u64, 0_u64);
    let mut missed = Streak::default();
    for index in 0..window_count(first.duration, shortest) {
        let begin = SimTime::ZERO + shortest * index as u64;
        let end = (begin + shortest).min(SimTime::ZERO + first.duration);
        let last_instant = end.saturating_sub(Span::from_nanos(1)).max(begin);
        let mut verdict = None;
        for judge in judges {
            for window in judge.index_at(begin)..=judge.index_at(last_instant) {
                if let Some(held) = judge.verdict(window) {
                    verdict = Some(verdict.unwrap_or(true) && held);
                }
            }
        }
        counted += u64::from(verdict.is_some());
        good += u64::from(verdict == Some(true));
        missed.see(verdict == Some(false), begin, end);
    }
    Some(((counted > 0).then(|| good as f64 / counted as f64), missed.longest))
}

/// Are at least this many billionths of `all` among `some`?
pub(super) fn share_reached(some: u64, all: u64, billionths: u64) -> bool {
    u128::from(some) * u128::from(BILLION) >= u128::from(all) * u128::from(billionths)
}

impl ConditionSpec {
    /// Does this value fulfil it? A billionth of slack keeps 7 of 1000 within 0.7 %.
    pub fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit + limit.abs() * 1e-9,
            Self::AtLeast(limit) => value >= limit - limit.abs() * 1e-9,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{FlowId, LoadId, ModelId, PoolId};

    pub fn end(arrived_ms: u64, latency_ms: u64, outcome: Outcome) -> RequestEnd {
        let arrived = SimTime::ZERO + Span::from_millis(arrived_ms);
        RequestEnd {
            at: arrived + Span::from_millis(latency_ms),
            request: 1,
            load: LoadId::new(0),
            pool: PoolId::new(0),
            model: None,
            inner: false,
            replica: None,
            arrived,
            started: None,
            demand: Span::ZERO,
            outcome,
        }
    }

    fn judge(figure: Figure, condition: ConditionSpec, of: Population) -> Judge {
        let objective = Objective {
            scope: ObjectiveScope::Run,
            that: String::new(),
            figure,
            condition,
            share_of_time: Some(1.0),
            window: Span::from_secs(60),
            of,
        };
        Judge::new(&objective, Span::from_secs(150), Span::ZERO).expect("a figure with windows")
    }

    fn verdicts(judge: &Judge) -> Vec<Option<bool>> {
        (0..judge.windows.len()).map(|index| judge.verdict(index)).collect()
    }

    fn p95_of(ends: &[RequestEnd], condition: ConditionSpec, of: Population) -> Option<bool> {
        let mut judge = judge(Figure::Quantile(0.95), condition, of);
        for end in ends {
            judge.ended(end);
        }
        judge.verdict(0)
    }

    fn twenty(last: RequestEnd) -> Vec<RequestEnd> {
        let mut ends = vec![end(0, 500, Outcome::Done); 19];
        ends.push(last);
        ends
    }

    #[test]
    fn nineteen_of_twenty_make_a_p95() {
        let half = ConditionSpec::AtMost(0.5);
        let (offered, done) = (Population::Offered, Population::Done);
        let lost = twenty(end(0, 1, Outcome::Lost));
        assert_eq!(p95_of(&lost, half, offered), Some(true));
        let mut two_lost = lost.clone();
        two_lost.push(end(0, 1, Outcome::Rejected)); // 19 of 21 are 90.5 %
        assert_eq!(p95_of(&two_lost, half, offered), Some(false));
        assert_eq!(p95_of(&two_lost, half, done), Some(true));
    }

    #[test]
    fn an_unfinished_request_counts_with_its_age() {
        let mut ends = vec![end(0, 100, Outcome::Done); 9];
        ends.push(end(0, 500, Outcome::Unfinished));
        assert_eq!(p95_of(&ends, ConditionSpec::AtMost(0.5), Population::Offered), Some(true));
        ends[9] = end(0, 501, Outcome::Unfinished);
        assert_eq!(p95_of(&ends, ConditionSpec::AtMost(0.5), Population::Offered), Some(false));
        assert_eq!(p95_of(&ends, ConditionSpec::AtMost(0.5), Population::Done), Some(true));
    }

    #[test]
    fn at_least_is_not_the_contrary_at_the_value_itself() {
        let all_at = vec![end(0, 500, Outcome::Done); 4];
        for condition in [ConditionSpec::AtMost(0.5), ConditionSpec::AtLeast(0.5)] {
            assert_eq!(p95_of(&all_at, condition, Population::Offered), Some(true));
        }
        assert_eq!(p95_of(&all_at, ConditionSpec::AtLeast(0.501), Population::Offered), Some(false));
        // Infinitely late is late enough.
        let lost = twenty(end(0, 1, Outcome::Lost));
        assert_eq!(p95_of(&lost[9..], ConditionSpec::AtLeast(10.0), Population::Offered), Some(true));
    }

    #[test]
    fn windows_go_by_arrival_and_the_last_may_be_short() {
        let mut judge = judge(Figure::Quantile(0.5), ConditionSpec::AtMost(1.0), Population::Offered);
        judge.ended(&end(59_999, 70_000, Outcome::Done));
        judge.ended(&end(150_000, 0, Outcome::Done));
        assert_eq!(verdicts(&judge), [Some(false), None, Some(true)]);
        let tally = judge.windows();
        assert_eq!((tally.counted, tally.held), (2, 1));
        assert_eq!(tally.first_missed, Some(SimTime::ZERO));
        assert_eq!(tally.longest_missed, Span::from_secs(60));
    }

    #[test]
    fn windows_that_begin_in_the_warm_up_do_not_count() {
        let mut judge = judge(Figure::Errors, ConditionSpec::AtMost(0.0), Population::Offered);
        judge.warmup = SimTime::from_secs(61);
        for at in [0, 70_000, 130_000] {
            judge.ended(&end(at, 1, Outcome::Done));
        }
        assert_eq!(verdicts(&judge), [None, None, Some(true)]);
        assert_eq!(judge.whole.offered, 2);
    }

    #[test]
    fn offered_but_none_done_is_missed_whatever_the_figure() {
        for figure in [Figure::Quantile(0.5), Figure::Mean, Figure::Errors, Figure::Queue, Figure::Utilization] {
            let mut judge = judge(figure, ConditionSpec::AtMost(1e9), Population::Offered);
            judge.ended(&end(0, 1, Outcome::Rejected));
            assert_eq!(verdicts(&judge)[0], Some(false), "{figure:?}");
        }
    }

    #[test]
    fn mean_and_errors_are_of_those_they_name() {
        let mut mean = judge(Figure::Mean, ConditionSpec::AtMost(0.2), Population::Offered);
        let mut errors = judge(Figure::Errors, ConditionSpec::AtMost(0.25), Population::Offered);
        let ends = [
            end(0, 100, Outcome::Done),
            end(0, 300, Outcome::Done),
            end(0, 200, Outcome::Done),
            end(0, 9_000, Outcome::TimedOut),
            end(0, 9_000, Outcome::Unfinished),
        ];
        for end in &ends {
            mean.ended(end);
            errors.ended(end);
        }
        assert_eq!((mean.whole.mean_s(), mean.verdict(0)), (Some(0.2), Some(true)));
        assert_eq!((errors.whole.errors(), errors.verdict(0)), (Some(0.25), Some(true)));
    }

    #[test]
    fn a_tick_across_windows_is_shared_by_length() {
        let mut judge = judge(Figure::Utilization, ConditionSpec::AtMost(0.5), Population::Offered);
        // 45 s to 75 s: 15 s in each of two windows.
        judge.tick(&TickState {
            from: SimTime::from_secs(45),
            to: SimTime::from_secs(75),
            queue_max: 7,
            cpu_core_s: 24.0,
            cpu_requested_core_s: 30.0,
        });
        judge.tick(&TickState {
            from: SimTime::from_secs(75),
            to: SimTime::from_secs(120),
            queue_max: 1,
            cpu_core_s: 0.0,
            cpu_requested_core_s: 45.0,
        });
        assert_eq!(judge.windows[0].utilization(), Some(0.8));
        assert_eq!(judge.windows[1].utilization(), Some(0.2)); // 12 of 60
        assert_eq!((judge.windows[0].queue_max, judge.windows[1].queue_max, judge.windows[2].queue_max), (7, 7, 0));
    }

    #[test]
    fn together_every_one_must_hold() {
        let mut fast = judge(Figure::Quantile(0.5), ConditionSpec::AtMost(0.1), Population::Offered);
        let mut clean = judge(Figure::Errors, ConditionSpec::AtMost(0.0), Population::Offered);
        for ends in [[end(0, 200, Outcome::Done); 1], [end(60_000, 1, Outcome::Done)], [end(120_000, 1, Outcome::Done)]]
        {
            fast.ended(&ends[0]);
            clean.ended(&ends[0]);
        }
        clean.ended(&end(61_000, 1, Outcome::Lost));
        let (good, recovery) = together(&[&fast, &clean]).expect("two objectives");
        assert_eq!(good, Some(1.0 / 3.0));
        assert_eq!(recovery, Span::from_secs(120));
        assert_eq!(together(&[]), None);
    }

    #[test]
    fn together_windows_of_different_length_are_seen_in_the_shortest() {
        let mut long = judge(Figure::Errors, ConditionSpec::AtMost(0.0), Population::Offered);
        long.window = Span::from_secs(120);
        long.windows.truncate(2);
        let mut short = judge(Figure::Errors, ConditionSpec::AtMost(0.0), Population::Offered);
        for judge in [&mut long, &mut short] {
            judge.ended(&end(0, 1, Outcome::Done));
            judge.ended(&end(140_000, 1, Outcome::Done));
        }
        long.ended(&end(0, 1, Outcome::Lost));
        // The long window is missed, so both short ones within it are.
        assert_eq!(together(&[&long, &short]), Some((Some(1.0 / 3.0), Span::from_secs(120))));
    }
    #[test]
    fn each_scope_judges_its_own_requests() {
        let model = Some(ModelId::new(1));
        let ends = [
            end(0, 1, Outcome::Done),                                      // a pool's
            RequestEnd { model, ..end(0, 1, Outcome::Done) },              // a client's call of a model
            RequestEnd { model, inner: true, ..end(0, 1, Outcome::Lost) }, // a pipeline's
            RequestEnd { pool: PoolId::new(1), inner: true, ..end(0, 1, Outcome::Done) },
        ];
        let flow = FlowEnd {
            at: SimTime::from_secs(1),
            request: 5,
            load: LoadId::new(0),
            flow: FlowId::new(0),
            arrived: SimTime::ZERO,
            outcome: Outcome::TimedOut,
        };
        // Offered and failed of each.
        let cases = [
            (ObjectiveScope::Run, (3, 1)), // two requests and the pipeline's
            (ObjectiveScope::Pool(PoolId::new(0)), (3, 1)),
            (ObjectiveScope::Pool(PoolId::new(1)), (1, 0)),
            (ObjectiveScope::Model(ModelId::new(1)), (2, 1)),
            (ObjectiveScope::Model(ModelId::new(0)), (0, 0)),
            (ObjectiveScope::Flow(FlowId::new(0)), (1, 1)),
            (ObjectiveScope::Flow(FlowId::new(1)), (0, 0)),
        ];
        for (scope, seen) in cases {
            let mut judge = judge(Figure::Errors, ConditionSpec::AtMost(0.0), Population::Offered);
            judge.objective.scope = scope;
            ends.iter().for_each(|end| judge.ended(end));
            judge.flow_ended(&flow);
            assert_eq!((judge.whole.offered, judge.whole.failed), seen, "{scope:?}");
        }
    }
}
