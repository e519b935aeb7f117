//! Which of Seldon Core 2's three coordinated approaches to take: upstream's decision tree, from what the user can do, beside
//! what was measured under the same seeds.
//!
//! The tree: must models and servers map one to one? Then HPAs on both. Else, can Prometheus and its adapter be run, for a
//! metric of one's own? Then an HPA on Models, and servers by Core. Else Core alone, by inference lag. (Core 2 autoscaling
//! page of upstream's documentation.)
//!
//! The measurement speaks among those that the user's constraints allow: whoever meets all objectives in the most seeds, and
//! of equals the cheapest.

use super::compare::Contender;
use crate::scenario::{AdviceSpec, Scenario};

/// One of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approach {
    /// Models by inference lag, servers by Core.
    CoreAlone,
    /// Models by HPA, servers by Core.
    HpaOnModels,
    /// Models and servers each by an HPA.
    HpaOnBoth,
}

impl Approach {
    /// The approach that a scenario takes; `None` if it is none of them, or several at once.
    pub fn of(scenario: &Scenario) -> Option<Self> {
        let ways = scenario.ways_of_scaling()?;
        match (ways.lag, ways.hpa_on_models, ways.hpa_on_servers) {
            (true, false, false) => Some(Self::CoreAlone),
            (false, true, false) => Some(Self::HpaOnModels),
            (false, true, true) => Some(Self::HpaOnBoth),
            _ => None,
        }
    }

    /// Upstream's decision tree.
    pub const fn by_tree(constraints: &AdviceSpec) -> Self {
        match (constraints.one_to_one, constraints.prometheus) {
            (true, _) => Self::HpaOnBoth,
            (false, true) => Self::HpaOnModels,
            (false, false) => Self::CoreAlone,
        }
    }

    /// Why the user cannot take it; `None` if he can.
    pub const fn excluded_by(self, constraints: &AdviceSpec) -> Option<&'static str> {
        match self {
            Self::HpaOnModels | Self::HpaOnBoth if !constraints.prometheus => {
                Some("needs Prometheus and its adapter (advice.prometheus = false)")
            }
            Self::HpaOnBoth if constraints.multi_model => {
                Some("models cannot share servers (advice.multi_model = true)")
            }
            Self::CoreAlone | Self::HpaOnModels if constraints.one_to_one => {
                Some("does not map models and servers one to one (advice.one_to_one = true)")
            }
            _ => None,
        }
    }

    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CoreAlone => "A, Core alone: Models by inference lag, Servers by Core",
            Self::HpaOnModels => "B, an HPA on Models, Servers by Core",
            Self::HpaOnBoth => "C, HPAs on Models and on Servers, one to one",
        }
    }
}

/// One of those that were compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// What it is called.
    pub name: String,
    /// Which approach it takes.
    pub approach: Approach,
    /// Why the user cannot take it.
    pub excluded: Option<&'static str>,
    /// Seeds in which it met every objective; `None` without objectives.
    pub met: Option<usize>,
    /// Mean share of time good, where objectives speak of time.
    pub good_time: Option<f64>,
    /// Mean cost, USD.
    pub cost_usd: Option<f64>,
}

/// What to take, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Advice {
    /// What the user can do.
    pub constraints: AdviceSpec,
    /// How many seeds were run.
    pub seeds: usize,
    /// The tree's answer.
    pub tree: Approach,
    /// All that take one of the approaches, in order.
    pub candidates: Vec<Candidate>,
    /// The place of the one that measured best among those the user can take.
    pub measured: Option<usize>,
}

/// Advice from the first scenario's constraints; `None` unless two of those that are compared take one of the approaches.
pub fn advise(scenarios: &[&Scenario], contenders: &[Contender]) -> Option<Advice> {
    let constraints = scenarios.first()?.seldon.as_ref()?.advice;
    let candidates: Vec<Candidate> = scenarios
        .iter()
        .zip(contenders)
        .filter_map(|(scenario, contender)| Some(candidate(contender, Approach::of(scenario)?, &constraints)))
        .collect();
    if candidates.len() < 2 {
        return None;
    }
    let seeds = contenders.first().map_or(0, |contender| contender.runs.len());
    let measured = best(&candidates);
    Some(Advice { constraints, seeds, tree: Approach::by_tree(&constraints), candidates, measured })
}

fn candidate(contender: &Contender, approach: Approach, constraints: &AdviceSpec) -> Candidate {
    let values = |name: &str| -> Vec<f64> {
        let of = |run: &Vec<(String, Option<f64>)>| run.iter().find(|(known, _)| known == name).and_then(|(_, v)| *v);
        contender.runs.iter().filter_map(of).collect()
    };
    let mean = |values: Vec<f64>| (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
    let objectives = values("objectives");
    Candidate {
        name: contender.name.clone(),
        approach,
        excluded: approach.excluded_by(constraints),
        met: (!objectives.is_empty()).then(|| objectives.iter().filter(|share| **share >= 1.0).count()),
        good_time: mean(values("good_time")),
        cost_usd: mean(values("cost")),
    }
}

/// Most seeds with every objective met; then the most time good, to a tenth of a percent; then the least cost.
fn best(candidates: &[Candidate]) -> Option<usize> {
    let rank = |candidate: &Candidate| {
        let good_time = candidate.good_time.map_or(0.0, |share| (share * 1_000.0).round());
        (candidate.met.unwrap_or(0), good_time, -candidate.cost_usd.unwrap_or(0.0))
    };
    let allowed = candidates.iter().enumerate().filter(|(_, candidate)| candidate.excluded.is_none());
    allowed.max_by(|(_, a), (_, b)| rank(a).partial_cmp(&rank(b)).expect("figures are numbers")).map(|(place, _)| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: AdviceSpec = AdviceSpec { one_to_one: false, prometheus: true, multi_model: false };

    #[test]
    fn the_tree_is_upstreams() {
        assert_eq!(Approach::by_tree(&AdviceSpec { one_to_one: true, ..ALL }), Approach::HpaOnBoth);
        assert_eq!(Approach::by_tree(&ALL), Approach::HpaOnModels);
        assert_eq!(Approach::by_tree(&AdviceSpec { prometheus: false, ..ALL }), Approach::CoreAlone);
    }

    #[test]
    fn constraints_exclude() {
        let shared = AdviceSpec { multi_model: true, ..ALL };
        assert!(Approach::HpaOnBoth.excluded_by(&shared).is_some());
        assert!(Approach::HpaOnModels.excluded_by(&shared).is_none());
        let alone = AdviceSpec { prometheus: false, ..ALL };
        assert!(
            Approach::HpaOnModels.excluded_by(&alone).is_some() && Approach::CoreAlone.excluded_by(&alone).is_none()
        );
        assert!(Approach::CoreAlone.excluded_by(&AdviceSpec { one_to_one: true, ..ALL }).is_some());
    }

    fn measured(met: usize, good_time: f64, cost_usd: f64, excluded: Option<&'static str>) -> Candidate {
        Candidate {
            name: String::new(),
            approach: Approach::CoreAlone,
            excluded,
            met: Some(met),
            good_time: Some(good_time),
            cost_usd: Some(cost_usd),
        }
    }

    #[test]
    fn objectives_come_before_cost_and_the_excluded_do_not_count() {
        let (good, dear) = (measured(10, 0.999, 20.0, None), measured(10, 0.999, 30.0, None));
        let cheap = measured(3, 0.95, 10.0, None);
        let out = measured(10, 1.0, 1.0, Some("cannot"));
        assert_eq!(best(&[cheap.clone(), dear.clone(), good, out.clone()]), Some(2));
        assert_eq!(best(&[cheap, dear]), Some(1));
        assert_eq!(best(&[out]), None);
    }
}
