//! Prometheus' `rate()`: extrapolation to the window's edges and counter resets.
//!
//! Rule: Prometheus `promql/functions.go` (`extrapolatedRate`), August 2026, without start timestamps.

/// Per-second rate at `now_s` over the samples (time in seconds, counter value) with `now - window < t <= now`; `None` with
/// fewer than two. Samples are in order of time.
pub fn rate(samples: &[(f64, f64)], now_s: f64, window_s: f64) -> Option<f64> {
    let begin = now_s - window_s;
    let first = samples.partition_point(|&(t, _)| t <= begin);
    let end = samples.partition_point(|&(t, _)| t <= now_s);
    let inside = samples.get(first..end)?;
    let (&(first_t, first_v), &(last_t, last_v)) = (inside.first()?, inside.last()?);
    if inside.len() < 2 {
        return None;
    }
    let resets: f64 = inside.windows(2).filter(|pair| pair[1].1 < pair[0].1).map(|pair| pair[0].1).sum();
    let increase = last_v - first_v + resets;
    let sampled = last_t - first_t;
    let average = sampled / (inside.len() - 1) as f64;
    let threshold = average * 1.1;
    let mut to_start = first_t - begin;
    if to_start >= threshold {
        to_start = average / 2.0;
    }
    if increase > 0.0 && first_v >= 0.0 {
        // A counter cannot have been below zero: do not extrapolate to before its birth.
        to_start = to_start.min(sampled * (first_v / increase));
    }
    let mut to_end = now_s - last_t;
    if to_end >= threshold {
        to_end = average / 2.0;
    }
    Some(increase * ((sampled + to_start + to_end) / sampled) / window_s)
}

#[cfg(test)]
mod tests {
    use super::rate;

    #[test]
    fn a_perfect_counter_has_its_rate_for_any_phase() {
        for phase in [0.0, 0.3, 7.4, 14.999] {
            let samples: Vec<(f64, f64)> = (0..20)
                .map(|k| (phase + 15.0 * f64::from(k), 1_000.0 + 100.0 * (phase + 15.0 * f64::from(k))))
                .collect();
            let seen = rate(&samples, 200.0, 60.0).expect("four samples");
            assert!((seen - 100.0).abs() < 1e-9, "{seen}");
        }
    }

    #[test]
    fn resets_and_births_are_seen() {
        assert_eq!(rate(&[(0.0, 5.0)], 10.0, 60.0), None);
        // 10 → 3 after a reset: 3 + 10 - 0 gained over 30 s of samples that fill the window.
        let seen = rate(&[(0.0, 0.0), (15.0, 10.0), (30.0, 3.0)], 30.0, 30.1).expect("three samples");
        assert!((seen - 13.0 / 30.1).abs() < 1e-9, "{seen}");
        // Born at 0: nothing is added before its birth, half a step at most after its last sample.
        let born = rate(&[(50.0, 0.0), (60.0, 10.0)], 60.0, 60.0).expect("two samples");
        assert!((born - 10.0 / 60.0).abs() < 1e-9, "{born}");
    }
}
