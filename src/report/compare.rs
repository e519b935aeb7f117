//! A comparison as a person or a program reads it.

use super::amounts::{NOTHING, amount, difference};
use super::words::{columns, counted};
use crate::experiment::{CONFIDENCE, ComparedFigure, Comparison, Difference, Unit, Verdict};
use crate::record::TableWriter;
use crate::record::table::number;
use serde_json::{Value, json};

/// Rows of the table: headlines, each with the values, the differences and what they mean.
fn table(comparison: &Comparison) -> Vec<Vec<String>> {
    let seeds = counted(comparison.seeds.len() as u64, "seed");
    let interval = format!("{:.0}% interval, {seeds}", CONFIDENCE * 100.0);
    let mut header = vec![String::new()];
    header.extend(comparison.names.iter().cloned());
    match comparison.names.as_slice() {
        [_, _] => header.extend([format!("DIFFERENCE, {interval}"), String::new()]),
        [_, others @ ..] => {
            for (number, other) in others.iter().enumerate() {
                let interval = if number == 0 { format!(", {interval}") } else { String::new() };
                header.extend([format!("DIFFERENCE of {other}{interval}"), String::new()]);
            }
        }
        [] => {}
    }
    let mut rows = vec![header];
    rows.extend(comparison.figures.iter().filter(|figure| figure.key.headline).map(|figure| row(comparison, figure)));
    rows
}

fn row(comparison: &Comparison, figure: &ComparedFigure) -> Vec<String> {
    let mut cells = vec![figure.key.words()];
    let value = |estimate: &Option<_>| {
        estimate.map_or_else(
            || NOTHING.to_owned(),
            |value: crate::experiment::Estimate| amount(figure.key.unit, value.mean),
        )
    };
    cells.extend(figure.values.iter().map(value));
    for found in &figure.differences {
        cells.extend(match found {
            None => [NOTHING.to_owned(), String::new()],
            Some(Difference { verdict: Verdict::NoDifferenceFound, estimate }) => [
                format!("{}{}", Verdict::NoDifferenceFound.as_str(), of_seeds(comparison, estimate.seeds)),
                String::new(),
            ],
            Some(Difference { verdict, estimate }) => [
                difference(figure.key.unit, estimate),
                format!("{}{}", verdict.as_str(), of_seeds(comparison, estimate.seeds)),
            ],
        });
    }
    cells
}

/// Where not every seed has a pair.
fn of_seeds(comparison: &Comparison, pairs: usize) -> String {
    let seeds = comparison.seeds.len();
    if pairs == seeds { String::new() } else { format!(" ({pairs} of {})", counted(seeds as u64, "seed")) }
}

/// The table for people.
pub fn comparison_table(comparison: &Comparison) -> String {
    columns("  ", &table(comparison))
}

/// The table for a document.
pub fn comparison_markdown(comparison: &Comparison) -> String {
    let rows = table(comparison);
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        text.push_str(&line(row));
        if number == 0 {
            let rule: Vec<String> =
                (0..width).map(|column| if column == 0 { "---" } else { "---:" }.to_owned()).collect();
            text.push_str(&format!("|{}|\n", rule.join("|")));
        }
    }
    text
}

fn unit_of(unit: Unit) -> &'static str {
    match unit {
        Unit::Share => "ratio",
        Unit::Seconds => "s",
        Unit::Plain => "",
        Unit::Money => "usd",
    }
}

/// One object for programs; what has no value is null.
pub fn comparison_json(comparison: &Comparison) -> Value {
    let figures: Vec<Value> = comparison
        .figures
        .iter()
        .map(|figure| {
            let values: Vec<Value> = comparison
                .names
                .iter()
                .zip(&figure.values)
                .map(|(name, value)| {
                    let interval = value.and_then(|value| value.interval());
                    json!({
                        "scenario": name,
                        "mean": value.map(|value| value.mean),
                        "ci95_low": interval.map(|ends| ends.0),
                        "ci95_high": interval.map(|ends| ends.1),
                        "seeds": value.map_or(0, |value| value.seeds),
                    })
                })
                .collect();
            let differences: Vec<Value> = comparison
                .names
                .iter()
                .skip(1)
                .zip(&figure.differences)
                .map(|(name, found)| {
                    let interval = found.and_then(|found| found.estimate.interval());
                    json!({
                        "scenario": name,
                        "mean": found.map(|found| found.estimate.mean),
                        "ci95_low": interval.map(|ends| ends.0),
                        "ci95_high": interval.map(|ends| ends.1),
                        "seeds": found.map_or(0, |found| found.estimate.seeds),
                        "verdict": found.map(|found| found.verdict.as_str()),
                    })
                })
                .collect();
            json!({
                "figure": figure.key.name,
                "unit": unit_of(figure.key.unit),
                "values": values,
                "differences": differences,
            })
        })
        .collect();
    json!({ "scenarios": comparison.names, "seeds": comparison.seeds, "figures": figures })
}

/// One row per figure and scenario; the first scenario has no difference.
pub fn comparison_csv(comparison: &Comparison) -> String {
    let header = [
        "figure",
        "scenario",
        "seeds",
        "mean",
        "ci95_low",
        "ci95_high",
        "difference_seeds",
        "difference_mean",
        "difference_ci95_low",
        "difference_ci95_high",
        "verdict",
    ];
    let cell = |value: Option<f64>| value.map_or_else(String::new, number);
    let mut table = TableWriter::with_header(Vec::new(), &header);
    for figure in &comparison.figures {
        let none = [None];
        let differences = none.iter().chain(&figure.differences);
        for ((name, value), found) in comparison.names.iter().zip(&figure.values).zip(differences) {
            let interval = value.and_then(|value| value.interval());
            let apart = found.and_then(|found| found.estimate.interval());
            table.row(&[
                figure.key.name.clone(),
                name.clone(),
                value.map_or(0, |value| value.seeds).to_string(),
                cell(value.map(|value| value.mean)),
                cell(interval.map(|ends| ends.0)),
                cell(interval.map(|ends| ends.1)),
                found.map_or_else(String::new, |found| found.estimate.seeds.to_string()),
                cell(found.map(|found| found.estimate.mean)),
                cell(apart.map(|ends| ends.0)),
                cell(apart.map(|ends| ends.1)),
                found.map_or("", |found| found.verdict.as_str()).to_owned(),
            ]);
        }
    }
    let bytes = table.finish().expect("memory takes all rows");
    String::from_utf8(bytes).expect("text in, text out")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Contender, compare};

    /// Good time, errors, cost and p50 of a few seeds.
    fn contender(name: &str, figures: [(f64, f64, f64, f64); 3]) -> Contender {
        let run = |(good, errors, cost, p50): (f64, f64, f64, f64)| {
            [("good_time", good), ("errors", errors), ("p50", p50), ("queue", 3.0), ("cost", cost)]
                .map(|(name, value)| (name.to_owned(), Some(value)))
                .to_vec()
        };
        Contender { name: name.to_owned(), runs: figures.map(run).to_vec() }
    }

    fn two() -> Comparison {
        // Good time + 10 points with every seed; cost + 10, + 11, + 12: mean 11, half width 2.484.
        let first =
            contender("spike", [(0.80, 0.10, 20.0, 0.071), (0.85, 0.08, 21.0, 0.072), (0.90, 0.06, 22.0, 0.07)]);
        let second =
            contender("planned", [(0.90, 0.0, 30.0, 0.071), (0.95, 0.0, 32.0, 0.071), (1.0, 0.0, 34.0, 0.071)]);
        compare(&[first, second], &[1, 2, 3])
    }

    #[test]
    fn the_table_says_it_in_words() {
        // Errors: −0.10, −0.08, −0.06: mean −8 points, deviation 2, half width 2.484 × 2.
        let expected = "
             spike   planned  DIFFERENCE, 95% interval, 3 seeds
  good time  85.0%   95.0%    +10.0 [+10.0, +10.0]               better
  errors     8.0%    0%       −8.0 [−13.0, −3.0]                 better
  p50        71ms    71ms     no difference found
  cost       $21.00  $32.00   +11.00 [+8.52, +13.48]             worse
";
        assert_eq!(format!("\n{}", comparison_table(&two())), expected);
    }

    #[test]
    fn three_have_two_differences_and_one_seed_none() {
        let runs = [(0.8, 0.1, 20.0, 0.07); 3];
        let contenders = ["a", "b", "c"].map(|name| contender(name, runs));
        let text = comparison_table(&compare(&contenders, &[1, 2, 3]));
        let header = text.lines().next().expect("a header");
        assert!(
            header.contains("DIFFERENCE of b, 95% interval, 3 seeds") && header.ends_with("DIFFERENCE of c"),
            "{text}"
        );
        let one: Vec<Contender> =
            contenders.iter().map(|all| Contender { runs: all.runs[..1].to_vec(), ..all.clone() }).collect();
        assert!(comparison_table(&compare(&one, &[1])).contains("one seed: no interval"));
    }

    #[test]
    fn programs_get_all_figures() {
        let csv = comparison_csv(&two());
        assert_eq!(csv.lines().count(), 1 + 2 * 5);
        assert!(csv.contains("queue,planned,3,3,3,3,3,0,0,0,no difference found"), "{csv}");
        assert!(csv.contains("queue,spike,3,3,3,3,,,,,\n"), "{csv}");
        let json = comparison_json(&two());
        assert_eq!(json["figures"][0]["differences"][0]["verdict"], "better");
        assert_eq!(json["figures"][4]["unit"], "usd");
        let markdown = comparison_markdown(&two());
        assert!(markdown.contains("|---|---:|---:|---:|---:|\n| good time | 85.0% |"), "{markdown}");
    }
}
