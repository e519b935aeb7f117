//! Two or more scenarios under the same seeds: what differs, how much, and how sure that is.
//!
//! The same seed draws the same arrivals and the same work of every request in all of them, so differences are taken
//! seed by seed against the first.

use super::figures::{Better, FigureKey, FigureValue, owner_of};
use super::stats::{Estimate, Sign, estimate, paired_difference, sign};

/// One of those that are compared.
#[derive(Clone, Debug)]
pub struct Contender {
    /// What it is called.
    pub name: String,
    /// Figures of its runs, in the order of the seeds.
    pub runs: Vec<Vec<FigureValue>>,
}

/// What a difference means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes the way one wants.
    Better,
    /// It goes the other way.
    Worse,
    /// Above, where no direction is better.
    Higher,
    /// Below, where no direction is better.
    Lower,
    /// The interval holds zero.
    NoDifferenceFound,
    /// One seed cannot tell.
    OneSeed,
}

impl Verdict {
    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Higher => "higher",
            Self::Lower => "lower",
            Self::NoDifferenceFound => "no difference found",
            Self::OneSeed => "one seed: no interval",
        }
    }

    fn of(difference: &Estimate, better: Better) -> Self {
        match (sign(difference), better) {
            (Sign::NoInterval, _) => Self::OneSeed,
            (Sign::NotFound, _) => Self::NoDifferenceFound,
            (Sign::Above, Better::Higher) | (Sign::Below, Better::Lower) => Self::Better,
            (Sign::Above, Better::Lower) | (Sign::Below, Better::Higher) => Self::Worse,
            (Sign::Above, Better::Neither) => Self::Higher,
            (Sign::Below, Better::Neither) => Self::Lower,
        }
    }
}

/// How one lies against the first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// Mean and interval over the pairs.
    pub estimate: Estimate,
    /// What it means.
    pub verdict: Verdict,
}

/// One figure of all.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparedFigure {
    /// Which.
    pub key: FigureKey,
    /// Of each in order; `None` where it has no value.
    pub values: Vec<Option<Estimate>>,
    /// Of the second and those after it against the first.
    pub differences: Vec<Option<Difference>>,
}

/// A comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Names in order.
    pub names: Vec<String>,
    /// Seeds of the runs.
    pub seeds: Vec<u64>,
    /// Figures that the first and at least one other have, in the first's order.
    pub figures: Vec<ComparedFigure>,
}

/// Compares runs under the same seeds.
pub fn compare(contenders: &[Contender], seeds: &[u64]) -> Comparison {
    let names = contenders.iter().map(|contender| contender.name.clone()).collect();
    let first_run = contenders.first().and_then(|first| first.runs.first());
    let mut figures: Vec<ComparedFigure> =
        first_run.into_iter().flatten().filter_map(|(name, _)| compared(contenders, name)).collect();
    let mut owners: Vec<&str> =
        figures.iter().filter_map(|figure| owner_of(&figure.key.name)).map(|(own, _)| own).collect();
    owners.dedup();
    // What a single model does is what the whole run says already.
    if owners.len() == 1 {
        let owned = figures.iter_mut().filter(|figure| owner_of(&figure.key.name).is_some());
        owned.for_each(|figure| figure.key.headline = false);
    }
    Comparison { names, seeds: seeds.to_vec(), figures }
}

fn compared(contenders: &[Contender], name: &str) -> Option<ComparedFigure> {
    let key = FigureKey::of(name)?;
    let columns: Vec<Vec<Option<f64>>> = contenders.iter().map(|contender| column(contender, name)).collect();
    let (first, others) = columns.split_first()?;
    let differences: Vec<Option<Difference>> = others
        .iter()
        .map(|other| {
            let estimate = paired_difference(first, other)?;
            Some(Difference { estimate, verdict: Verdict::of(&estimate, key.better) })
        })
        .collect();
    if differences.iter().all(Option::is_none) {
        return None;
    }
    let values = columns.iter().map(|column| estimate(&column.iter().copied().flatten().collect::<Vec<_>>())).collect();
    Some(ComparedFigure { key, values, differences })
}

fn column(contender: &Contender, name: &str) -> Vec<Option<f64>> {
    let of = |run: &Vec<FigureValue>| {
        let value = run.iter().find(|(known, _)| known == name).and_then(|(_, value)| *value);
        value.filter(|value| value.is_finite())
    };
    contender.runs.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_model_says_nothing_that_the_run_does_not() {
        let run: &[(&str, Option<f64>)] = &[("p95", Some(0.1)), ("a.p95", Some(0.1))];
        let two: &[(&str, Option<f64>)] = &[("p95", Some(0.1)), ("a.p95", Some(0.1)), ("b.p95", Some(0.2))];
        let headlines = |runs: &[&[(&str, Option<f64>)]]| {
            let all = compare(&[contender("x", runs), contender("y", runs)], &[1]);
            all.figures.iter().filter(|figure| figure.key.headline).count()
        };
        assert_eq!((headlines(&[run]), headlines(&[two])), (1, 3));
    }

    fn contender(name: &str, runs: &[&[(&str, Option<f64>)]]) -> Contender {
        let run = |run: &&[(&str, Option<f64>)]| run.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
        Contender { name: name.to_owned(), runs: runs.iter().map(run).collect() }
    }

    #[test]
    fn directions_are_those_of_the_figures() {
        let first = contender(
            "a",
            &[
                &[("good_time", Some(0.5)), ("cost", Some(5.0)), ("utilization", Some(0.3)), ("p50", Some(0.1))],
                &[("good_time", Some(0.6)), ("cost", Some(6.0)), ("utilization", Some(0.4)), ("p50", Some(0.2))],
            ],
        );
        let second = contender(
            "b",
            &[
                &[("good_time", Some(0.7)), ("cost", Some(7.0)), ("utilization", Some(0.5)), ("p50", Some(0.2))],
                &[("good_time", Some(0.8)), ("cost", Some(8.0)), ("utilization", Some(0.6)), ("p50", Some(0.1))],
            ],
        );
        let seen = compare(&[first, second], &[1, 2]);
        let verdicts: Vec<_> =
            seen.figures.iter().map(|figure| figure.differences[0].expect("both have it").verdict).collect();
        assert_eq!(verdicts, [Verdict::Better, Verdict::Worse, Verdict::Higher, Verdict::NoDifferenceFound]);
        assert_eq!(seen.figures[1].values[1].map(|value| value.mean), Some(7.5));
    }

    #[test]
    fn only_what_is_shared_is_compared() {
        let first = contender("a", &[&[("cost", Some(1.0)), ("recovery", Some(3.0)), ("errors", None)]]);
        let second = contender("b", &[&[("cost", Some(2.0)), ("recovery", None), ("errors", Some(0.1))]]);
        let third = contender("c", &[&[("recovery", Some(4.0))]]);
        let seen = compare(&[first, second, third], &[1]);
        let names: Vec<&str> = seen.figures.iter().map(|figure| figure.key.name.as_str()).collect();
        assert_eq!(names, ["cost", "recovery"]);
        assert_eq!(seen.figures[0].differences[1], None);
        assert_eq!(seen.figures[1].differences[1].map(|difference| difference.verdict), Some(Verdict::OneSeed));
        assert!(compare(&[], &[]).figures.is_empty());
    }
}
