//! A report as one file that a manager reads in two minutes and an engineer in ten: the answer, key figures, charts, what
//! the scalers did, the settings, and how to repeat it.
//!
//! Law: the page asks nothing of a network or of another file, and says all it says without its script; that adds a
//! crosshair, zoom and sorting. It is made of sections, which are Markdown as well.

mod compare;
mod page;
mod plan;
mod run;
mod sweep;

pub use compare::{CompareAgain, comparison_sections};
pub use page::{Cell, Chart, Section, Table, Tile, Verdict, document, page};
pub use plan::{PlanTexts, plan_sections};
pub use run::{RunAgain, RunReport, run_sections};
pub use sweep::{SweepCharts, sweep_sections};

/// A word of a command line, in quotes where a shell would take it apart.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,%+@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Rows of a table of points or candidates; all of them are in the CSV file beside it.
const MOST_ROWS: usize = 500;

/// The last line of every page.
fn footer(version: &str, more: &str) -> Section {
    Section::Footer(format!("sim {version}{more}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_command_are_quoted_where_they_must() {
        for (word, want) in [("a/b.toml", "a/b.toml"), ("it's", "'it'\\''s'"), ("", "''"), ("x=60%", "x=60%")] {
            assert_eq!(quoted(word), want);
        }
        assert_eq!(quoted("load.steps=[1, 2]"), "'load.steps=[1, 2]'");
    }
}
