//! What matters: which axis moves a figure, as shares of its variance over a full grid.
//!
//! The means of the points are decomposed as in an analysis of variance with one observation per cell: the share of an axis
//! is the variance of the means over its values; what no axis explains alone they do together (or it is chance).

use super::Sweep;
use super::results::Results;

/// Shares of a figure's variance.
#[derive(Clone, Debug, PartialEq)]
pub struct Effects {
    /// Axes by number with their shares, the largest first.
    pub axes: Vec<(usize, f64)>,
    /// What they do together.
    pub together: f64,
}

impl Sweep {
    /// What moves a figure; `None` without a full grid of at least two axes with two values, or if it never moves.
    pub fn effects(&self, results: &Results, figure: &str) -> Option<Effects> {
        if self.sample.is_some() {
            return None;
        }
        let levels: Vec<usize> = self.axes.iter().map(|axis| axis.labels.len()).collect();
        let points = self.points();
        let means = (0..points).map(|point| results.estimate(point, figure).map(|estimate| estimate.mean));
        effects(&levels, &means.collect::<Option<Vec<f64>>>()?)
    }
}

/// `values` in grid order, the last axis fastest.
fn effects(levels: &[usize], values: &[f64]) -> Option<Effects> {
    if levels.iter().filter(|&&count| count > 1).count() < 2 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let total: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let spread = values.iter().fold(0.0_f64, |most, value| most.max((value - mean).abs()));
    if spread <= 1e-12 * mean.abs() || total == 0.0 {
        return None;
    }
    let mut axes = Vec::new();
    let mut faster = values.len();
    for (axis, &count) in levels.iter().enumerate() {
        faster /= count;
        let mut sums = vec![0.0; count];
        for (number, value) in values.iter().enumerate() {
            sums[number / faster % count] += value;
        }
        let per_level = (values.len() / count) as f64;
        let own: f64 = sums.iter().map(|sum| per_level * (sum / per_level - mean).powi(2)).sum();
        if count > 1 {
            axes.push((axis, own / total));
        }
    }
    axes.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let together = (1.0 - axes.iter().map(|(_, share)| share).sum::<f64>()).max(0.0);
    Some(Effects { axes, together })
}

#[cfg(test)]
mod tests {
    use super::effects;

    #[test]
    fn sums_of_axes_have_nothing_together() {
        // a in {0, 2}, b in {0, 1, 2}: variances of a over the grid 1, of b 2/3: shares 0.6 and 0.4.
        let seen = effects(&[2, 3], &[0.0, 1.0, 2.0, 2.0, 3.0, 4.0]).expect("it moves");
        assert_eq!((seen.axes[0].0, seen.axes[1].0), (0, 1));
        assert!((seen.axes[0].1 - 0.6).abs() < 1e-12 && (seen.axes[1].1 - 0.4).abs() < 1e-12);
        assert!(seen.together < 1e-12);
    }

    #[test]
    fn a_product_is_all_together() {
        // Plus one where the signs agree, else minus one: no axis alone says anything.
        let seen = effects(&[2, 2], &[1.0, -1.0, -1.0, 1.0]).expect("it moves");
        assert!(seen.together > 1.0 - 1e-12);
    }

    #[test]
    fn nothing_is_said_where_nothing_moves_or_one_axis_does() {
        assert_eq!(effects(&[2, 2], &[0.3; 4]), None);
        assert_eq!(effects(&[4, 1], &[1.0, 2.0, 3.0, 4.0]), None);
    }
}
