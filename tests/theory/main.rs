//! Queueing theory: closed forms that a simulation must reproduce within the stated error.
//!
//! Every row of the recorded file states how many customers give which relative error (about four standard errors). By
//! default a quarter of them is simulated and the tolerance is doubled, as the square root says; `AUTOSIM_FULL=1` simulates
//! all. Rows run in parallel.
//!
//! Of all figures one scatters more than its row says: the variance of waits behind lognormal services, whose error hangs on
//! the fifth moment of the service (standard error 5.5 % over 60 seeds at a quarter of the customers, where 5 % are allowed).
//! Other luck may fail it.

#![allow(clippy::print_stdout)] // how much was checked is told with `--nocapture`

#[path = "../common/mod.rs"]
mod common;
mod exact;
mod measure;
mod models;
mod moving;

use rayon::prelude::*;
use serde_json::Value;

/// Models that need parts not built yet: named, so that nobody takes silence for success.
const LATER: [&str; 6] = ["M/M[1,K]/1", "M/D[1,K]/1", "M/G/1-setup", "M/M/c+M", "MMPP2/M/c", "tandem-M/M/1"];
/// A closed form alone, or checked by a test of its own.
const ELSEWHERE: [&str; 2] = ["staffing", "k6-ramping-arrival-rate"];

/// One row of the recorded file.
pub struct Row {
    name: String,
    model: String,
    params: Value,
    expect: serde_json::Map<String, Value>,
    run: Value,
}

impl Row {
    fn number(&self, key: &str) -> f64 {
        self.params[key].as_f64().unwrap_or_else(|| panic!("{}: no number `{key}`", self.name))
    }

    fn expects(&self, key: &str) -> Option<f64> {
        self.expect.get(key).and_then(Value::as_f64)
    }

    /// Customers or replications to simulate, and what that does to the tolerance.
    fn effort(&self, key: &str) -> (u64, f64) {
        let all = self.run[key].as_u64().unwrap_or_else(|| panic!("{}: no `run.{key}`", self.name));
        let share = if std::env::var_os("AUTOSIM_FULL").is_some() { 1 } else { 4 };
        (all / share, (share as f64).sqrt())
    }

    fn tolerance(&self, widening: f64) -> f64 {
        self.run["rel_tol"].as_f64().unwrap_or_else(|| panic!("{}: no `run.rel_tol`", self.name)) * widening
    }
}

#[test]
fn closed_forms() {
    let Some(shared) = common::shared("queueing theory") else { return };
    let text = common::read(&shared, "conformance/queueing/public.jsonl");
    let rows: Vec<Row> = text.lines().map(parse).collect();
    assert!(rows.len() >= 54, "only {} rows", rows.len());
    let (known, rest): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| models::knows(&row.model));
    for row in &rest {
        assert!(
            LATER.contains(&&*row.model) || ELSEWHERE.contains(&&*row.model),
            "{}: unknown model {}",
            row.name,
            row.model
        );
    }
    let reports: Vec<Result<usize, String>> = known.par_iter().map(|row| models::check(row)).collect();
    let figures: usize = reports.iter().flatten().sum();
    let wrong: Vec<&String> = reports.iter().filter_map(|report| report.as_ref().err()).collect();
    let later: Vec<&str> = rest.iter().filter(|row| LATER.contains(&&*row.model)).map(|row| &*row.name).collect();
    common::say!(
        "queueing: {} rows, {figures} figures within tolerance; later: {}",
        known.len() - wrong.len(),
        later.join(", ")
    );
    assert!(
        wrong.is_empty(),
        "{} rows differ:\n{}",
        wrong.len(),
        wrong.iter().map(|w| w.as_str()).collect::<Vec<_>>().join("\n")
    );
}

fn parse(line: &str) -> Row {
    let mut row: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no text in {line}")).to_owned();
    Row {
        name: text(&row["name"]),
        model: text(&row["model"]),
        params: row["params"].take(),
        expect: row["expect"].as_object().unwrap_or_else(|| panic!("no expectations in {line}")).clone(),
        run: row["run"].take(),
    }
}
