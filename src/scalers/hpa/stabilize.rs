//! The log of recommendations: what was proposed lately holds what is proposed now.
//!
//! Law: the log records the raw proposal of every pass that got so far, whatever was decided in the end. An expired entry
//! is overwritten in place, so the log is not in the order of time.
//!
//! Source of the rules: `stabilizeRecommendation` and `stabilizeRecommendationWithBehaviors` in
//! `pkg/controller/podautoscaler/horizontal.go` of Kubernetes v1.36.2.

use crate::scalers::report::nanos;
use crate::units::{SimTime, Span};
use serde::{Deserialize, Serialize};

/// A proposal that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recommendation {
    /// When.
    #[serde(with = "nanos")]
    pub at: SimTime,
    /// How many replicas.
    pub replicas: i32,
}

/// Without `behavior`: the highest recommendation of the window. An entry exactly as old as the window counts.
pub(super) fn highest(log: &mut Vec<Recommendation>, now: SimTime, desired: i32, window: Span) -> i32 {
    let mut best = desired;
    let mut expired = None;
    for (index, entry) in log.iter().enumerate() {
        if age(entry, now) > window {
            expired = Some(index);
        } else {
            best = best.max(entry.replicas);
        }
    }
    record(log, expired, Recommendation { at: now, replicas: desired });
    best
}

/// With `behavior`: the current size, moved into the range between the lowest recommendation of the up window and the
/// highest of the down window. An entry exactly as old as a window does not count there, and is not overwritten either.
pub(super) fn between(
    log: &mut Vec<Recommendation>,
    now: SimTime,
    current: i32,
    desired: i32,
    up: Span,
    down: Span,
) -> i32 {
    let (mut low, mut high) = (desired, desired);
    let mut expired = None;
    for (index, entry) in log.iter().enumerate() {
        let age = age(entry, now);
        if age < up {
            low = low.min(entry.replicas);
        }
        if age < down {
            high = high.max(entry.replicas);
        }
        if age > up && age > down {
            expired = Some(index);
        }
    }
    record(log, expired, Recommendation { at: now, replicas: desired });
    current.max(low).min(high)
}

fn age(entry: &Recommendation, now: SimTime) -> Span {
    now.saturating_since(entry.at)
}

fn record(log: &mut Vec<Recommendation>, expired: Option<usize>, entry: Recommendation) {
    match expired {
        Some(index) => log[index] = entry,
        None => log.push(entry),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(entries: &[(u64, i32)]) -> Vec<Recommendation> {
        entries
            .iter()
            .map(|(at_s, replicas)| Recommendation { at: SimTime::from_secs(*at_s), replicas: *replicas })
            .collect()
    }

    const NOW: SimTime = SimTime::from_secs(1000);

    #[test]
    fn the_highest_of_the_window_wins_its_edge_included() {
        let window = Span::from_secs(300);
        assert_eq!(highest(&mut log(&[(700, 9), (900, 4)]), NOW, 2, window), 9);
        assert_eq!(highest(&mut log(&[(699, 9), (900, 4)]), NOW, 2, window), 4);
        assert_eq!(highest(&mut log(&[(900, 4)]), NOW, 6, window), 6);
    }

    #[test]
    fn the_last_expired_entry_is_overwritten() {
        let mut entries = log(&[(100, 1), (200, 2), (900, 3)]);
        highest(&mut entries, NOW, 5, Span::from_secs(300));
        assert_eq!(entries, log(&[(100, 1), (1000, 5), (900, 3)]));
    }

    #[test]
    fn the_current_size_moves_into_the_range() {
        let (up, down) = (Span::from_secs(60), Span::from_secs(300));
        // Desired 8, lowest of the last 60 s is 6: 5 grows to 6 only.
        assert_eq!(between(&mut log(&[(950, 6)]), NOW, 5, 8, up, down), 6);
        // Desired 2, highest of the last 300 s is 7: 9 shrinks to 7 only.
        assert_eq!(between(&mut log(&[(800, 7)]), NOW, 9, 2, up, down), 7);
    }

    #[test]
    fn with_behavior_the_edge_of_a_window_counts_for_nothing() {
        let window = Span::from_secs(100);
        let mut entries = log(&[(900, 9)]);
        assert_eq!(between(&mut entries, NOW, 5, 2, Span::ZERO, window), 2);
        assert_eq!(entries.len(), 2); // neither counted nor expired
    }
}
