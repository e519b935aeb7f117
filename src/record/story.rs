//! The story of a pool's size: its first largest rise, and the way back.

use crate::scalers::{Report, Why};
use crate::units::SimTime;
use serde::Serialize;

/// What a scaler did, in two sentences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ScalingStory {
    /// The first largest rise.
    pub up: Option<Move>,
    /// From where that ended down to the lowest size after it.
    pub down: Option<Move>,
}

/// A way from one size to another, from its first decision to its last.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Move {
    /// Size before.
    pub from: u32,
    /// Size after.
    pub to: u32,
    /// When the first decision left `from`.
    pub began_s: f64,
    /// From then until the decision that reached `to`.
    pub took_s: f64,
    /// Decisions that changed the size on the way.
    pub decisions: u64,
    /// How old the oldest value behind the first decision was.
    pub seen_age_s: Option<f64>,
    /// How long stabilization had held the size at `from` before.
    pub held_s: Option<f64>,
}

/// An extreme size, and how it was left.
#[derive(Clone, Copy, Debug)]
struct Extreme {
    size: u32,
    left_at: SimTime,
    changes: u64,
    seen_age_s: Option<f64>,
    held_s: Option<f64>,
}

impl Extreme {
    fn way_to(&self, size: u32, now: SimTime) -> Move {
        Move {
            from: self.size,
            to: size,
            began_s: self.left_at.as_secs_f64(),
            took_s: now.saturating_since(self.left_at).as_secs_f64(),
            decisions: self.changes,
            seen_age_s: self.seen_age_s,
            held_s: self.held_s,
        }
    }
}

/// Follows the decisions of one pool in constant memory.
#[derive(Clone, Debug, Default)]
pub(super) struct StoryTeller {
    story: ScalingStory,
    /// The lowest size so far, as it was left last.
    valley: Option<Extreme>,
    /// Where the largest rise ended, as it was left last.
    peak: Option<Extreme>,
    held_since: Option<SimTime>,
}

impl StoryTeller {
    pub fn story(&self) -> ScalingStory {
        self.story
    }

    /// A pass of the pool's scaler.
    pub fn pass(&mut self, now: SimTime, report: &Report) {
        if let Some((from, to)) = resized(report) {
            let oldest = report.metrics.iter().filter_map(|metric| metric.seen_at).min();
            let left = Extreme {
                size: from,
                left_at: now,
                changes: 0,
                seen_age_s: oldest.map(|seen_at| now.saturating_since(seen_at).as_secs_f64()),
                held_s: self.held_since.map(|since| now.saturating_since(since).as_secs_f64()),
            };
            self.resize(now, left, to);
        }
        self.held_since = match report.trail.why.contains(&Why::Stabilized) {
            true => self.held_since.or(Some(now)),
            false => None,
        };
    }

    fn resize(&mut self, now: SimTime, left: Extreme, to: u32) {
        let valley = match self.valley {
            Some(valley) if valley.size < left.size => self.valley.insert(valley),
            _ => self.valley.insert(left),
        };
        valley.changes += 1;
        let best = self.story.up.map_or(0, |up| up.to - up.from);
        if to.saturating_sub(valley.size) > best {
            self.story = ScalingStory { up: Some(valley.way_to(to, now)), down: None };
            self.peak = None;
            return;
        }
        let Some(top) = self.story.up.map(|up| up.to) else {
            return;
        };
        let peak = match self.peak {
            Some(peak) if left.size < top => self.peak.insert(peak),
            _ => self.peak.insert(left),
        };
        peak.changes += 1;
        if to < self.story.down.map_or(peak.size, |down| down.to) {
            self.story.down = Some(peak.way_to(to, now));
        }
    }
}

/// Size before and after, if the pass changed it.
pub(super) fn resized(report: &Report) -> Option<(u32, u32)> {
    match (report.trail.now, report.trail.decided) {
        (Some(now), Some(decided)) if report.trail.scaled && now != decided => Some((now, decided)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalers::{MetricStep, Trail};

    fn pass(now: u32, decided: u32, why: &[Why]) -> Report {
        let trail = Trail {
            now: Some(now),
            decided: Some(decided),
            scaled: now != decided,
            why: why.to_vec(),
            ..Trail::default()
        };
        Report { trail, ..Report::default() }
    }

    fn told(passes: &[(u64, u32, u32)]) -> ScalingStory {
        let mut teller = StoryTeller::default();
        for &(at, now, decided) in passes {
            teller.pass(SimTime::from_secs(at), &pass(now, decided, &[]));
        }
        teller.story()
    }

    fn sizes(way: Option<Move>) -> Option<(u32, u32, f64, f64, u64)> {
        way.map(|way| (way.from, way.to, way.began_s, way.took_s, way.decisions))
    }

    #[test]
    fn a_spike_is_one_rise_and_one_way_back() {
        let story =
            told(&[(15, 6, 6), (30, 6, 9), (60, 9, 18), (90, 18, 28), (600, 28, 20), (660, 20, 6), (700, 6, 6)]);
        assert_eq!(sizes(story.up), Some((6, 28, 30.0, 60.0, 3)));
        assert_eq!(sizes(story.down), Some((28, 6, 600.0, 60.0, 2)));
    }

    #[test]
    fn the_first_of_equal_rises_counts() {
        let story = told(&[(10, 2, 5), (20, 5, 2), (30, 2, 5), (40, 5, 2)]);
        assert_eq!(sizes(story.up), Some((2, 5, 10.0, 0.0, 1)));
        assert_eq!(sizes(story.down), Some((5, 2, 20.0, 0.0, 1)));
    }

    #[test]
    fn a_later_larger_rise_replaces_the_first_and_its_way_back() {
        let story = told(&[(10, 3, 4), (20, 4, 2), (30, 2, 6)]);
        assert_eq!(sizes(story.up), Some((2, 6, 30.0, 0.0, 1)));
        assert_eq!(story.down, None);
    }

    #[test]
    fn a_rise_begins_where_the_lowest_size_is_left_last() {
        let story = told(&[(10, 2, 3), (20, 3, 2), (30, 2, 3), (40, 3, 6)]);
        assert_eq!(sizes(story.up), Some((2, 6, 30.0, 10.0, 2)));
    }

    #[test]
    fn only_falling_or_nothing_is_no_rise() {
        assert_eq!(told(&[(10, 5, 3), (20, 3, 1)]), ScalingStory::default());
        assert_eq!(told(&[]), ScalingStory::default());
    }

    #[test]
    fn the_age_of_the_metric_and_the_hold_before_are_told() {
        let mut teller = StoryTeller::default();
        let mut rise = pass(1, 4, &[]);
        rise.metrics = vec![MetricStep { seen_at: Some(SimTime::from_secs(40)), ..MetricStep::default() }];
        teller.pass(SimTime::from_secs(100), &rise);
        for at in [200, 215, 230] {
            teller.pass(SimTime::from_secs(at), &pass(4, 4, &[Why::Stabilized]));
        }
        teller.pass(SimTime::from_secs(500), &pass(4, 1, &[]));
        let story = teller.story();
        assert_eq!(story.up.and_then(|up| up.seen_age_s), Some(60.0));
        assert_eq!(story.up.and_then(|up| up.held_s), None);
        assert_eq!(story.down.and_then(|down| down.held_s), Some(300.0));
    }
}
