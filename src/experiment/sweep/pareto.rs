//! Points that no other beats on both of two figures.

use crate::experiment::figures::Better;

/// Which of these pairs no other beats: none is at least as good on both and better on one. Of the second figure less is
/// better unless it says otherwise; of the first, the cost, less always is.
pub fn front(pairs: &[Option<(f64, f64)>], against: Better) -> Vec<bool> {
    let sign = if against == Better::Higher { -1.0 } else { 1.0 };
    let mut order: Vec<(usize, f64, f64)> = pairs
        .iter()
        .enumerate()
        .filter_map(|(number, pair)| pair.map(|(cost, value)| (number, cost, sign * value)))
        .filter(|(_, cost, value)| cost.is_finite() && value.is_finite())
        .collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.2.total_cmp(&b.2)));
    let mut on = vec![false; pairs.len()];
    // From the cheapest on, a point stays if it is better than all cheaper ones; equal points stay together.
    let mut best: Option<(f64, f64)> = None;
    for (number, cost, value) in order {
        if best.is_none_or(|(best_cost, best)| value < best || (value == best && cost == best_cost)) {
            on[number] = true;
            best = Some((cost, value));
        }
    }
    on
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_beats_stays() {
        // Cost and good time: 3 beats 2 (as good, cheaper) and 4 (better, as cheap).
        let pairs = [Some((1.0, 0.5)), Some((3.0, 0.8)), Some((2.0, 0.8)), Some((2.0, 0.7)), None, Some((2.0, 0.8))];
        assert_eq!(front(&pairs, Better::Higher), [true, false, true, false, false, true]);
        // Cost and errors: less of both.
        let pairs = [Some((1.0, 0.5)), Some((2.0, 0.8)), Some((2.0, 0.1)), Some((0.5, f64::INFINITY))];
        assert_eq!(front(&pairs, Better::Lower), [true, false, true, false]);
    }
}
