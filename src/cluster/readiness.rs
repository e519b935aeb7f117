//! When a readiness probe lets a pod through, and how long a crashed container waits.
//!
//! Rules: kubelet `pkg/kubelet/prober/worker.go` and `pkg/kubelet/kuberuntime` (crash-loop back-off).

use super::spec::ReadinessProbe;
use crate::units::{SimTime, Span};

/// The instant at which a probe that ticks at `first_tick + k × period` finds the container ready: success after
/// `success_threshold` ticks in a row, none of which comes before the container has run for `initial_delay` (whole elapsed
/// seconds are compared) and the application answers.
pub fn ready_at(
    probe: &ReadinessProbe,
    first_tick: SimTime,
    container_started: SimTime,
    app_ready: SimTime,
) -> SimTime {
    const SECOND: u64 = 1_000_000_000;
    let delay_whole = Span::from_nanos(probe.initial_delay.as_nanos().div_ceil(SECOND) * SECOND);
    let earliest = app_ready.max(container_started + delay_whole);
    let period = probe.period.as_nanos().max(1);
    let steps = earliest.saturating_since(first_tick).as_nanos().div_ceil(period);
    let confirmations = u64::from(probe.success_threshold.max(1)) - 1;
    first_tick + Span::from_nanos(period) * (steps + confirmations)
}

/// How long a container waits before restart number `restart` (from 1) without a long healthy run in between: at once,
/// then 10 s doubling up to 5 min.
pub fn crash_backoff(restart: u32) -> Span {
    match restart {
        0 | 1 => Span::ZERO,
        _ => Span::from_secs((10_u64 << (restart - 2).min(5)).min(300)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(initial_delay_s: u64, success_threshold: u32) -> ReadinessProbe {
        ReadinessProbe {
            initial_delay: Span::from_secs(initial_delay_s),
            period: Span::from_secs(10),
            timeout: Span::from_secs(1),
            success_threshold,
            failure_threshold: 3,
        }
    }

    #[test]
    fn the_first_tick_after_all_conditions_hold_counts() {
        let at = |secs| SimTime::from_secs(secs);
        assert_eq!(ready_at(&probe(0, 1), at(3), at(5), at(20)), at(23));
        assert_eq!(ready_at(&probe(0, 1), at(3), at(5), at(23)), at(23)); // exactly at a tick
        assert_eq!(ready_at(&probe(30, 1), at(3), at(5), at(20)), at(43)); // not before 35
        assert_eq!(ready_at(&probe(0, 3), at(3), at(5), at(20)), at(43)); // 23, 33, 43
    }

    #[test]
    fn crashes_wait_longer_and_longer() {
        let waits: Vec<u64> = (1..=8).map(|n| crash_backoff(n).as_nanos() / 1_000_000_000).collect();
        assert_eq!(waits, [0, 10, 20, 40, 80, 160, 300, 300]);
    }
}
