//! The advice of a comparison of Seldon's approaches, in words.

use super::words::{columns, percent, usd};
use crate::experiment::{Advice, Candidate};

/// The advice: constraints, the tree's answer, what was measured, and how the two agree.
pub fn advice(advice: &Advice) -> String {
    let constraints = &advice.constraints;
    let said = [
        if constraints.one_to_one { "models and servers map one to one" } else { "no one-to-one mapping is needed" },
        if constraints.prometheus { "Prometheus can be run" } else { "Prometheus cannot be run" },
        if constraints.multi_model { "servers are shared" } else { "servers are not shared" },
    ];
    let mut rows = vec![
        vec!["you said".to_owned(), format!("{} ([advice])", said.join(", "))],
        vec!["decision tree".to_owned(), advice.tree.as_str().to_owned()],
    ];
    for (place, candidate) in advice.candidates.iter().enumerate() {
        let label = if place == 0 { "measured" } else { "" };
        rows.push(vec![label.to_owned(), measured(candidate, advice.seeds)]);
    }
    rows.push(vec!["so".to_owned(), verdict(advice)]);
    format!("\nadvice\n{}", columns("  ", &rows))
}

fn measured(candidate: &Candidate, seeds: usize) -> String {
    let mut parts = Vec::new();
    if let Some(met) = candidate.met {
        parts.push(format!("all objectives in {met} of {seeds} seeds"));
    }
    if let Some(good_time) = candidate.good_time {
        parts.push(format!("{} of time good", percent(good_time)));
    }
    if let Some(cost_usd) = candidate.cost_usd {
        parts.push(format!("{} a run", usd(cost_usd)));
    }
    let excluded = candidate.excluded.map(|why| format!("; {why}")).unwrap_or_default();
    format!("{}: {}{excluded}", candidate.name, parts.join(", "))
}

fn verdict(advice: &Advice) -> String {
    let Some(best) = advice.measured.map(|place| &advice.candidates[place]) else {
        return "none of these fits your constraints".to_owned();
    };
    if advice.candidates.iter().any(|candidate| candidate.approach == advice.tree) {
        if best.approach == advice.tree {
            return format!("take {}: the tree and the measurement agree", best.name);
        }
        return format!(
            "the tree and the measurement differ: on this load {} does better ({})",
            best.name,
            best.approach.as_str()
        );
    }
    format!("of these take {}; the tree's own answer was not among them", best.name)
}
