//! From measurements to a proposed number of replicas.
//!
//! Law: sums and products are int64 that wrap, integer divisions cut toward zero, ratios are float64, and a float becomes
//! an integer as amd64 does it. No other arithmetic gives upstream's answers.
//!
//! Source of the rules: `pkg/controller/podautoscaler/replica_calculator.go` and `metrics/utilization.go` of Kubernetes
//! v1.36.2.

use crate::scalers::hpa::pods::{Fate, Groups};
use crate::scalers::report::Why;

/// Ratio band in which nothing changes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tolerances {
    pub up: f64,
    pub down: f64,
}

impl Tolerances {
    /// Both ends included.
    pub(super) fn within(self, ratio: f64) -> bool {
        (1.0 - self.down) <= ratio && ratio <= (1.0 + self.up)
    }
}

/// What a formula proposes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Proposal {
    pub replicas: i32,
    /// Before tolerance and damping.
    pub raw: i32,
    pub ratio: f64,
    pub why: Why,
}

/// As amd64 converts: what does not fit becomes the smallest int32.
pub(super) fn to_int32(number: f64) -> i32 {
    let number = number.trunc();
    if number >= f64::from(i32::MIN) && number <= f64::from(i32::MAX) { number as i32 } else { i32::MIN }
}

/// As amd64 converts: what does not fit becomes the smallest int64.
fn to_int64(number: f64) -> i64 {
    let limit = 2_f64.powi(63);
    let number = number.trunc();
    if number >= -limit && number < limit { number as i64 } else { i64::MIN }
}

/// How missing and unready pods are counted in the second look.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fill {
    /// As if they ran at the target.
    Target,
    /// As if they did nothing.
    Zero,
    /// Not at all.
    Nothing,
}

/// Mean utilization of the pods' requests against a target in per cent. Gives the proposal, the utilization in whole per
/// cent and the mean value in milli-units.
pub(super) fn utilization(
    groups: &Groups,
    requests: &[i64],
    target: i32,
    current: i32,
    tolerances: Tolerances,
) -> Result<(Proposal, i32, i64), String> {
    let first = request_ratio(groups, requests, target, Fill::Nothing, Fill::Nothing)?;
    let again = |missing, unready| request_ratio(groups, requests, target, missing, unready).map(|look| look.ratio);
    let proposal = propose(groups, first.ratio, current, tolerances, again)?;
    Ok((proposal, first.utilization, first.average))
}

struct Look {
    ratio: f64,
    utilization: i32,
    average: i64,
}

fn request_ratio(groups: &Groups, requests: &[i64], target: i32, missing: Fill, unready: Fill) -> Result<Look, String> {
    let (mut used, mut asked, mut pods): (i64, i64, i64) = (0, 0, 0);
    for (fate, request) in groups.fates.iter().zip(requests) {
        let value = match (fate, missing, unready) {
            (Fate::Ready(value), ..) => *value,
            (Fate::Missing, Fill::Target, _) => request.wrapping_mul(i64::from(target.max(100))) / 100,
            (Fate::Missing, Fill::Zero, _) | (Fate::Unready, _, Fill::Zero) => 0,
            _ => continue,
        };
        used = used.wrapping_add(value);
        asked = asked.wrapping_add(*request);
        pods += 1;
    }
    if asked == 0 {
        return Err("no metrics returned matched known pods".into());
    }
    let utilization = used.wrapping_mul(100).wrapping_div(asked) as i32; // the low 32 bits, as upstream takes them
    Ok(Look { ratio: f64::from(utilization) / f64::from(target), utilization, average: used / pods })
}

/// Mean value per pod against a target, both in milli-units. Gives the proposal and the mean.
pub(super) fn pod_average(groups: &Groups, target: i64, current: i32, tolerances: Tolerances) -> (Proposal, i64) {
    let values = || {
        let ready = groups.fates.iter().filter_map(|fate| match fate {
            Fate::Ready(value) => Some(*value),
            _ => None,
        });
        ready.chain(groups.strays.iter().copied())
    };
    let sum = values().fold(0_i64, i64::wrapping_add);
    let ratio = |sum: i64, pods: usize| {
        let average = sum / i64::try_from(pods.max(1)).expect("a count of pods fits");
        (average as f64 / target as f64, average)
    };
    let (first, average) = ratio(sum, groups.samples());
    let again = |missing: Fill, unready: Fill| {
        let filled = if missing == Fill::Target { groups.missing as i64 } else { 0 };
        Ok(ratio(sum.wrapping_add(target.wrapping_mul(filled)), entries(groups, missing, unready)).0)
    };
    let proposal = propose(groups, first, current, tolerances, again).expect("a mean of values needs no requests");
    (proposal, average)
}

/// Number of samples once the others are filled in.
fn entries(groups: &Groups, missing: Fill, unready: Fill) -> usize {
    let missing = if missing == Fill::Nothing { 0 } else { groups.missing };
    let unready = if unready == Fill::Nothing { 0 } else { groups.unready };
    groups.samples() + missing + unready
}

/// What both per-pod formulas have in common: ratio times ready pods, or a second look with those filled in that gave
/// no sample.
fn propose(
    groups: &Groups,
    ratio: f64,
    current: i32,
    tolerances: Tolerances,
    again: impl FnOnce(Fill, Fill) -> Result<f64, String>,
) -> Result<Proposal, String> {
    let raw = to_int32((ratio * groups.ready as f64).ceil());
    let proposal = |replicas, why| Ok(Proposal { replicas, raw, ratio, why });
    let damp_with_unready = groups.unready > 0 && ratio > 1.0;
    if groups.missing == 0 && !damp_with_unready {
        return if tolerances.within(ratio) { proposal(current, Why::Tolerance) } else { proposal(raw, Why::Formula) };
    }
    let missing = match ratio {
        _ if groups.missing == 0 => Fill::Nothing,
        ratio if ratio < 1.0 => Fill::Target,
        ratio if ratio > 1.0 => Fill::Zero,
        _ => Fill::Nothing,
    };
    let unready = if damp_with_unready { Fill::Zero } else { Fill::Nothing };
    let second = again(missing, unready)?;
    let stays = if tolerances.within(ratio) { Why::Tolerance } else { Why::Damped };
    if tolerances.within(second) || (ratio < 1.0 && second > 1.0) || (ratio > 1.0 && second < 1.0) {
        return proposal(current, stays);
    }
    let replicas = to_int32((second * entries(groups, missing, unready) as f64).ceil());
    if (second < 1.0 && replicas > current) || (second > 1.0 && replicas < current) {
        return proposal(current, Why::Damped);
    }
    proposal(replicas, if replicas == raw { Why::Formula } else { Why::Damped })
}

/// A total against a target, both in milli-units, scaled by the ready pods. `ready` is asked only outside the tolerance.
pub(super) fn total(
    usage: i64,
    target: i64,
    current: i32,
    tolerances: Tolerances,
    ready: impl FnOnce() -> Result<usize, String>,
) -> Result<Proposal, String> {
    let ratio = usage as f64 / target as f64;
    if current == 0 {
        let replicas = to_int32(ratio.ceil());
        return Ok(Proposal { replicas, raw: replicas, ratio, why: Why::Formula });
    }
    if tolerances.within(ratio) {
        let raw = to_int32((ratio * f64::from(current)).ceil());
        return Ok(Proposal { replicas: current, raw, ratio, why: Why::Tolerance });
    }
    let pods = ready().map_err(|error| format!("unable to calculate ready pods: {error}"))?;
    let replicas = capped(ratio * pods as f64);
    Ok(Proposal { replicas, raw: replicas, ratio, why: Why::Formula })
}

fn capped(replicas: f64) -> i32 {
    if replicas > f64::from(i32::MAX) { i32::MAX } else { to_int32(replicas.ceil()) }
}

/// A total against a target per pod, both in milli-units. `cap` for External metrics. Gives the proposal and the usage
/// per pod.
pub(super) fn total_per_pod(
    usage: i64,
    target: i64,
    status_replicas: i32,
    tolerances: Tolerances,
    cap: bool,
) -> (Proposal, i64) {
    let replicas = f64::from(status_replicas);
    let ratio = usage as f64 / (target as f64 * replicas);
    let wanted = (usage as f64 / target as f64).ceil();
    let raw = if cap { capped(wanted) } else { to_int32(wanted) };
    let proposal = if tolerances.within(ratio) {
        Proposal { replicas: status_replicas, raw, ratio, why: Why::Tolerance }
    } else {
        Proposal { replicas: raw, raw, ratio, why: Why::Formula }
    };
    // A total at the very end of int64 is reported as it is, whatever the number of pods.
    let usage_per_pod =
        if usage as f64 >= i64::MAX as f64 { i64::MAX } else { to_int64((usage as f64 / replicas).ceil()) };
    (proposal, usage_per_pod)
}

/// Sum of an External metric's values for a total: capped once a positive addend would overflow.
pub(super) fn sum_for_total(values: impl Iterator<Item = i64>) -> i64 {
    let mut sum: i64 = 0;
    for value in values {
        if value > 0 && sum > i64::MAX - value {
            return i64::MAX;
        }
        sum = sum.wrapping_add(value);
    }
    sum
}

/// Sum of an External metric's values for a mean per pod: a negative sum is taken for an overflow.
pub(super) fn sum_per_pod(values: impl Iterator<Item = i64>) -> i64 {
    let mut sum: i64 = 0;
    for value in values {
        sum = sum.wrapping_add(value);
        if sum < 0 {
            return i64::MAX;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENTH: Tolerances = Tolerances { up: 0.1, down: 0.1 };

    fn groups(fates: &[Fate]) -> Groups {
        let count = |wanted: fn(&Fate) -> bool| fates.iter().filter(|fate| wanted(fate)).count();
        Groups {
            fates: fates.to_vec(),
            ready: count(|fate| matches!(fate, Fate::Ready(_))),
            unready: count(|fate| *fate == Fate::Unready),
            missing: count(|fate| *fate == Fate::Missing),
            ..Groups::default()
        }
    }

    #[test]
    fn utilization_is_cut_to_a_whole_per_cent_before_the_ratio() {
        // 889 m of 1000 m against 80 %: 88 / 80 = 1.1 lies inside the tolerance, 1.11 would not.
        let (proposal, percent, _) =
            utilization(&groups(&[Fate::Ready(889)]), &[1000], 80, 1, TENTH).expect("requests");
        assert_eq!((proposal.replicas, percent, proposal.why), (1, 88, Why::Tolerance));
        let (proposal, ..) = utilization(&groups(&[Fate::Ready(890)]), &[1000], 80, 1, TENTH).expect("requests");
        assert_eq!((proposal.replicas, proposal.why), (2, Why::Formula));
    }

    #[test]
    fn the_multiplier_is_the_number_of_ready_pods() {
        let three = groups(&[Fate::Ready(1500), Fate::Ready(1500), Fate::Ready(1500)]);
        let (proposal, _) = pod_average(&three, 1000, 7, TENTH);
        assert_eq!(proposal.replicas, 5); // ceil(1.5 × 3)
    }

    #[test]
    fn unready_pods_damp_a_scale_up() {
        // 2 pods at 150 % and 1 unready: filled in, the mean is 100 %, so nothing changes.
        let pods = groups(&[Fate::Ready(1500), Fate::Ready(1500), Fate::Unready]);
        let (proposal, average) = pod_average(&pods, 1000, 3, TENTH);
        assert_eq!((proposal.replicas, average, proposal.why), (3, 1500, Why::Damped));
    }

    #[test]
    fn missing_pods_count_fully_on_the_way_down() {
        // 1 pod at 20 % and 1 missing at 100 %: mean 60 % of 100, so ceil(0.6 × 2) = 2.
        let pods = groups(&[Fate::Ready(200), Fate::Missing]);
        let (proposal, ..) = utilization(&pods, &[1000, 1000], 100, 2, TENTH).expect("requests");
        assert_eq!((proposal.replicas, proposal.raw), (2, 1));
    }

    #[test]
    fn totals() {
        let three = || Ok(3);
        assert_eq!(total(4000, 2000, 5, TENTH, three).expect("pods").replicas, 6);
        assert_eq!(total(2100, 2000, 5, TENTH, three).expect("pods").replicas, 5);
        assert_eq!(total(3000, 2000, 0, TENTH, three).expect("pods").replicas, 2);
        assert_eq!(total(i64::MAX, 1, 5, TENTH, three).expect("pods").replicas, i32::MAX);
        assert!(total(4000, 2000, 5, TENTH, || Err("no pods".into())).is_err());
    }

    #[test]
    fn a_target_per_pod_looks_at_status_replicas() {
        let (proposal, average) = total_per_pod(10_500, 1000, 10, TENTH, true);
        assert_eq!((proposal.replicas, average), (10, 1050));
        assert_eq!(total_per_pod(20_500, 1000, 10, TENTH, true).0.replicas, 21);
        let (proposal, average) = total_per_pod(3000, 1000, 0, TENTH, true);
        assert_eq!((proposal.replicas, average), (3, i64::MIN));
    }

    #[test]
    fn sums_of_external_values() {
        assert_eq!(sum_for_total([i64::MAX, 1].into_iter()), i64::MAX);
        assert_eq!(sum_for_total([-5, 3].into_iter()), -2);
        assert_eq!(sum_per_pod([-5, 3].into_iter()), i64::MAX);
        assert_eq!(sum_per_pod([1, 2].into_iter()), 3);
    }

    #[test]
    fn conversions_as_amd64() {
        assert_eq!(to_int32(2.9), 2);
        assert_eq!(to_int32(3e9), i32::MIN);
        assert_eq!(to_int32(f64::NAN), i32::MIN);
        assert_eq!(to_int64(f64::INFINITY), i64::MIN);
        assert_eq!(to_int64(-1.5), -1);
    }
}
