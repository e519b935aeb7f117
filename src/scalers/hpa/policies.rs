//! How far one pass may go: bounds, the default scale-up limit, and rate policies with their scale events.
//!
//! Law: policies see only what the controller itself wrote while `behavior` was present. Percentages keep upstream's order
//! of float operations, since its noise shows after rounding.
//!
//! Source of the rules: `convertDesiredReplicasWithRules`, `convertDesiredReplicasWithBehaviorRate`, `storeScaleEvent` and
//! their helpers in `pkg/controller/podautoscaler/horizontal.go` of Kubernetes v1.36.2.

use crate::scalers::hpa::replicas::to_int32;
use crate::scalers::hpa::spec::{ScalingPolicy, ScalingRules};
use crate::scalers::report::nanos;
use crate::units::{SimTime, Span};
use serde::{Deserialize, Serialize};

/// A change of size that the controller made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScaleEvent {
    /// When.
    #[serde(with = "nanos")]
    pub at: SimTime,
    /// By how many replicas, positive.
    pub change: i32,
    /// Older than every policy of its direction was: may be overwritten.
    pub outdated: bool,
}

/// What limited the size, if anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    Within,
    TooMany,
    TooFew,
    UpRate,
    DownRate,
}

/// A size after the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limited {
    pub replicas: i32,
    pub by: Limit,
    /// What the rate alone would have allowed.
    pub after_policies: i32,
}

/// Lowest and highest size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub min: i32,
    pub max: i32,
}

/// Without `behavior`: bounds, and at most twice the size or 4 replicas.
pub(super) fn limit_by_default(current: i32, desired: i32, bounds: Bounds) -> Limited {
    let rate = to_int32((2.0 * f64::from(current)).max(4.0));
    let (top, reason) = if bounds.max > rate { (rate, Limit::UpRate) } else { (bounds.max, Limit::TooMany) };
    let after_policies = desired.min(rate);
    let limited = |replicas, by| Limited { replicas, by, after_policies };
    if desired < bounds.min {
        limited(bounds.min, Limit::TooFew)
    } else if desired > top {
        limited(top, reason)
    } else {
        limited(desired, Limit::Within)
    }
}

/// Both directions' events.
#[derive(Clone, Copy)]
pub(super) struct Events<'a> {
    pub up: &'a [ScaleEvent],
    pub down: &'a [ScaleEvent],
}

impl Events<'_> {
    /// The size at the start of this period, as far as the controller's own changes tell.
    fn size_before(self, period_seconds: i32, now: SimTime, current: i32) -> i32 {
        let period = seconds(period_seconds);
        let changes = |events: &[ScaleEvent]| {
            let recent = events.iter().filter(|event| now.saturating_since(event.at) < period);
            recent.fold(0_i32, |sum, event| sum.wrapping_add(event.change))
        };
        current.wrapping_sub(changes(self.up)).wrapping_add(changes(self.down))
    }
}

/// With `behavior`: the policies of the direction in which `desired` lies, then the bound on that side.
pub(super) fn limit_by_rules(
    now: SimTime,
    current: i32,
    desired: i32,
    bounds: Bounds,
    rules: &ScalingRules,
    events: Events<'_>,
) -> Limited {
    let within = Limited { replicas: desired, by: Limit::Within, after_policies: desired };
    if desired > current {
        let rate = up_limit(now, current, rules, events).max(current);
        let (top, by) = if bounds.max > rate { (rate, Limit::UpRate) } else { (bounds.max, Limit::TooMany) };
        if desired > top {
            return Limited { replicas: top, by, after_policies: desired.min(rate) };
        }
    } else if desired < current {
        let rate = down_limit(now, current, rules, events).min(current);
        let (bottom, by) = if bounds.min < rate { (rate, Limit::DownRate) } else { (bounds.min, Limit::TooFew) };
        if desired < bottom {
            return Limited { replicas: bottom, by, after_policies: desired.max(rate) };
        }
    }
    within
}

/// True if the rules forbid their direction.
pub(super) fn is_disabled(rules: &ScalingRules) -> bool {
    rules.select_policy.as_deref() == Some("Disabled")
}

fn policies(rules: &ScalingRules) -> &[ScalingPolicy] {
    rules.policies.as_deref().unwrap_or_default()
}

fn up_limit(now: SimTime, current: i32, rules: &ScalingRules, events: Events<'_>) -> i32 {
    if is_disabled(rules) {
        return current;
    }
    let proposals = policies(rules).iter().scan(0, |proposed, policy| {
        let start = events.size_before(policy.period_seconds, now, current);
        match policy.kind.as_str() {
            "Pods" => *proposed = start.wrapping_add(policy.value),
            "Percent" => {
                *proposed = to_int32((f64::from(start) * (1.0 + f64::from(policy.value) / 100.0)).ceil());
            }
            _ => {}
        }
        Some(*proposed)
    });
    if rules.select_policy.as_deref() == Some("Min") {
        proposals.fold(i32::MAX, i32::min)
    } else {
        proposals.fold(i32::MIN, i32::max)
    }
}

fn down_limit(now: SimTime, current: i32, rules: &ScalingRules, events: Events<'_>) -> i32 {
    if is_disabled(rules) {
        return current;
    }
    let proposals = policies(rules).iter().scan(0, |proposed, policy| {
        let start = events.size_before(policy.period_seconds, now, current);
        match policy.kind.as_str() {
            "Pods" => *proposed = start.wrapping_sub(policy.value),
            "Percent" => *proposed = to_int32(f64::from(start) * (1.0 - f64::from(policy.value) / 100.0)),
            _ => {}
        }
        Some(*proposed)
    });
    if rules.select_policy.as_deref() == Some("Min") {
        proposals.fold(i32::MIN, i32::max)
    } else {
        proposals.fold(i32::MAX, i32::min)
    }
}

/// Keeps a change of size. Events older than the longest period of their direction's present policies are marked for
/// good; the last marked one is overwritten.
pub(super) fn store(events: &mut Vec<ScaleEvent>, now: SimTime, change: i32, rules: &ScalingRules) {
    let longest = policies(rules).iter().map(|policy| policy.period_seconds).max().unwrap_or(0);
    let longest = seconds(longest);
    for event in events.iter_mut().filter(|event| now.saturating_since(event.at) > longest) {
        event.outdated = true;
    }
    let event = ScaleEvent { at: now, change, outdated: false };
    match events.iter().rposition(|event| event.outdated) {
        Some(index) => events[index] = event,
        None => events.push(event),
    }
}

/// Whole seconds as a span; a negative number is none.
pub(super) fn seconds(seconds: i32) -> Span {
    Span::from_secs(u64::try_from(seconds).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SimTime = SimTime::from_secs(1000);
    const WIDE: Bounds = Bounds { min: 1, max: 1000 };
    const NONE: Events<'static> = Events { up: &[], down: &[] };

    fn rules(select: &str, list: &[(&str, i32, i32)]) -> ScalingRules {
        let policy = |(kind, value, period_seconds): &(&str, i32, i32)| ScalingPolicy {
            kind: (*kind).into(),
            value: *value,
            period_seconds: *period_seconds,
        };
        ScalingRules {
            select_policy: Some(select.into()),
            policies: Some(list.iter().map(policy).collect()),
            ..ScalingRules::default()
        }
    }

    fn event(at_s: u64, change: i32) -> ScaleEvent {
        ScaleEvent { at: SimTime::from_secs(at_s), change, outdated: false }
    }

    #[test]
    fn the_default_limit_is_twice_the_size_or_four() {
        let limit = |current, desired| limit_by_default(current, desired, Bounds { min: 2, max: 15 });
        assert_eq!((limit(1, 9).replicas, limit(1, 9).by), (4, Limit::UpRate));
        assert_eq!((limit(5, 30).replicas, limit(5, 30).by), (10, Limit::UpRate));
        assert_eq!((limit(8, 30).replicas, limit(8, 30).by), (15, Limit::TooMany));
        assert_eq!((limit(8, 1).replicas, limit(8, 1).by), (2, Limit::TooFew));
        assert_eq!(limit(8, 9).by, Limit::Within);
    }

    #[test]
    fn max_takes_the_larger_change_and_min_the_smaller() {
        let list = [("Pods", 4, 15), ("Percent", 100, 15)];
        let up = |select| limit_by_rules(NOW, 10, 99, WIDE, &rules(select, &list), NONE).replicas;
        assert_eq!((up("Max"), up("Min"), up("Disabled")), (20, 14, 10));
        let down =
            |select| limit_by_rules(NOW, 10, 1, WIDE, &rules(select, &[("Pods", 4, 15), ("Percent", 50, 15)]), NONE);
        assert_eq!((down("Max").replicas, down("Min").replicas, down("Disabled").replicas), (5, 6, 10));
    }

    #[test]
    fn float_noise_shows_in_percentages() {
        let up = |current, percent| {
            limit_by_rules(NOW, current, 999, WIDE, &rules("Max", &[("Percent", percent, 15)]), NONE).replicas
        };
        assert_eq!((up(50, 10), up(90, 10), up(100, 10)), (56, 100, 111));
        let down = |current, percent| {
            limit_by_rules(NOW, current, 1, WIDE, &rules("Max", &[("Percent", percent, 15)]), NONE).replicas
        };
        assert_eq!((down(90, 30), down(60, 55)), (62, 26));
    }

    #[test]
    fn a_period_starts_from_the_size_before_the_controllers_own_changes() {
        let up = [event(940, 3), event(990, 2)];
        let events = Events { up: &up, down: &[] };
        // Of 15 replicas 2 came within 60 s (the other event is exactly 60 s old): 13 + 4 = 17.
        assert_eq!(limit_by_rules(NOW, 15, 99, WIDE, &rules("Max", &[("Pods", 4, 60)]), events).replicas, 17);
        // Within 61 s 5 came, so 10 + 4 = 14 lies below the present size, which is kept.
        assert_eq!(limit_by_rules(NOW, 15, 99, WIDE, &rules("Max", &[("Pods", 4, 61)]), events).replicas, 15);
    }

    #[test]
    fn old_events_are_overwritten_from_the_back() {
        let mut events = vec![event(100, 1), event(200, 2), event(990, 3)];
        store(&mut events, NOW, 7, &rules("Max", &[("Pods", 4, 60)]));
        assert!(events[0].outdated);
        assert_eq!(events[1], event(1000, 7));
        assert_eq!(events.len(), 3);
    }
}
