//! The report of a comparison.

use super::super::amounts::{NOTHING, difference, mean_and_half};
use super::super::words::counted;
use super::page::{Cell, Section, Table, Tile, Verdict};
use super::{footer, quoted};
use crate::experiment::{CONFIDENCE, ComparedFigure, Comparison, Difference, Verdict as Found};

/// How a comparison was made.
#[derive(Clone, Debug, Default)]
pub struct CompareAgain<'a> {
    /// Scenarios or folders as they were given, in order.
    pub given: &'a [String],
    /// `--set` as they were given.
    pub sets: &'a [String],
    /// Each scenario as it was run.
    pub texts: &'a [String],
    /// Of each, in how many seeds it met all its objectives; `None` without objectives.
    pub met: &'a [Option<usize>],
    /// Version of this program.
    pub version: &'a str,
}

/// The parts of the report.
pub fn comparison_sections(comparison: &Comparison, again: &CompareAgain<'_>) -> Vec<Section> {
    let seeds = counted(comparison.seeds.len() as u64, "seed");
    let base = comparison.names.first().map_or("", String::as_str);
    let mut sections = vec![Section::Lead(format!(
        "Each is compared with {base} under the same {seeds}; the same seed draws the same arrivals and the same work."
    ))];
    sections.push(verdict(comparison));
    sections.push(Section::Tiles(tiles(comparison, again)));
    if comparison.seeds.len() == 1 {
        sections.push(Section::Warning(
            "One seed has no interval: a difference may be luck. --seeds 10 tells them apart.".to_owned(),
        ));
    }
    sections.push(Section::Heading("Differences that matter most".to_owned()));
    sections.push(Section::Table(table(comparison, true)));
    sections.push(Section::Text(format!(
        "A bar is the {:.0} % interval of the difference, seed by seed, with its mean as a dot; the line in the middle is no \
         difference. Bars of one row have one scale.",
        CONFIDENCE * 100.0
    )));
    if comparison.figures.iter().any(|figure| !figure.key.headline) {
        sections.push(Section::Heading("All other figures".to_owned()));
        sections.push(Section::Table(table(comparison, false)));
    }
    sections.push(Section::Heading("Settings".to_owned()));
    for (name, text) in comparison.names.iter().zip(again.texts) {
        sections.push(Section::Pre { summary: format!("{name} as it was run"), text: text.clone() });
    }
    sections.push(Section::Heading("Repeat it".to_owned()));
    sections.push(Section::Pre { summary: String::new(), text: command(comparison, again) });
    sections
        .push(footer(again.version, &format!(" · {seeds} from {}", comparison.seeds.first().copied().unwrap_or(0))));
    sections
}

fn verdict(comparison: &Comparison) -> Section {
    let words_of = |other: usize, wanted: Found| -> Vec<String> {
        let found = |figure: &&ComparedFigure| {
            figure.key.headline
                && figure.differences.get(other).copied().flatten().is_some_and(|found| found.verdict == wanted)
        };
        comparison.figures.iter().filter(found).map(|figure| figure.key.words()).collect()
    };
    let mut reasons = Vec::new();
    let (mut better_at_all, mut worse_at_all) = (false, false);
    for (other, name) in comparison.names.iter().skip(1).enumerate() {
        let (better, worse) = (words_of(other, Found::Better), words_of(other, Found::Worse));
        better_at_all |= !better.is_empty();
        worse_at_all |= !worse.is_empty();
        let part = |way: &str, figures: &[String]| match figures {
            [] => None,
            figures => Some(format!("{way} in {}", figures.join(", "))),
        };
        let parts: Vec<String> = [part("better", &better), part("worse", &worse)].into_iter().flatten().collect();
        let told =
            if parts.is_empty() { "no difference found in the main figures".to_owned() } else { parts.join("; ") };
        reasons.push(format!("{name}: {told}"));
    }
    let base = comparison.names.first().map_or("", String::as_str);
    let what = match comparison.names.as_slice() {
        [_, other] => other.clone(),
        others => format!("The other {}", others.len().saturating_sub(1)),
    };
    let (words, met) = match (better_at_all, worse_at_all) {
        (true, false) => (format!("{what} against {base}: better, and worse in nothing that was judged."), Some(true)),
        (false, true) => (format!("{what} against {base}: worse, and better in nothing that was judged."), Some(false)),
        (true, true) => (format!("{what} against {base}: better in some figures, worse in others."), None),
        (false, false) => (format!("{what} against {base}: no difference that is sure."), None),
    };
    Section::Verdict(Verdict { met, words, reasons })
}

fn tiles(comparison: &Comparison, again: &CompareAgain<'_>) -> Vec<Tile> {
    let seeds = comparison.seeds.len();
    let met = |(name, met): (&String, &Option<usize>)| Tile {
        name: name.clone(),
        value: met.map_or_else(|| NOTHING.to_owned(), |met| format!("{met} of {seeds}")),
        remark: if met.is_some() { "seeds meet all objectives".to_owned() } else { "has no objectives".to_owned() },
    };
    comparison.names.iter().zip(again.met).map(met).collect()
}

fn table(comparison: &Comparison, headline: bool) -> Table {
    let mut head = vec!["figure".to_owned()];
    head.extend(comparison.names.iter().cloned());
    for name in comparison.names.iter().skip(1) {
        let of = if comparison.names.len() > 2 { format!(" of {name}") } else { String::new() };
        head.extend([format!("difference{of}"), String::new(), "verdict".to_owned()]);
    }
    let figures = comparison.figures.iter().filter(|figure| figure.key.headline == headline);
    Table { head, rows: figures.map(|figure| row(comparison, figure)).collect(), words: 1, ..Table::default() }
}

fn row(comparison: &Comparison, figure: &ComparedFigure) -> Vec<Cell> {
    let mut cells = vec![Cell::from(figure.key.words())];
    cells.extend(figure.values.iter().map(|value| match value {
        None => Cell::from(NOTHING),
        Some(estimate) if estimate.half_width.is_none() => {
            Cell::from(mean_and_half(figure.key.unit, estimate)[0].clone())
        }
        Some(estimate) => Cell::from(mean_and_half(figure.key.unit, estimate).join(" ")),
    }));
    let ends = |found: &Difference| found.estimate.interval().unwrap_or((found.estimate.mean, found.estimate.mean));
    let reach =
        figure.differences.iter().flatten().map(ends).map(|(low, high)| low.abs().max(high.abs())).fold(0.0, f64::max);
    for found in &figure.differences {
        let Some(found) = found else {
            cells.extend([Cell::from(NOTHING), Cell::default(), Cell::default()]);
            continue;
        };
        let better = match found.verdict {
            Found::Better => Some(true),
            Found::Worse => Some(false),
            Found::Higher | Found::Lower | Found::NoDifferenceFound | Found::OneSeed => None,
        };
        let pairs = found.estimate.seeds;
        let of_seeds = if pairs == comparison.seeds.len() {
            String::new()
        } else {
            format!(" ({})", counted(pairs as u64, "seed"))
        };
        let svg = bar(found.estimate.mean, ends(found), reach, better);
        cells.push(Cell::from(difference(figure.key.unit, &found.estimate)));
        cells.push(Cell { svg, ..Cell::default() });
        cells.push(Cell { better, ..Cell::from(format!("{}{of_seeds}", found.verdict.as_str())) });
    }
    cells
}

/// An interval on a line whose middle is zero and whose ends are `reach`.
fn bar(mean: f64, (low, high): (f64, f64), reach: f64, better: Option<bool>) -> String {
    const HALF_PX: f64 = 60.0;
    const MIDDLE_PX: f64 = 66.0;
    let place =
        |value: f64| if reach > 0.0 && value.is_finite() { MIDDLE_PX + value / reach * HALF_PX } else { MIDDLE_PX };
    let class = match better {
        Some(true) => "bar better",
        Some(false) => "bar worse",
        None => "bar",
    };
    format!(
        "<svg class=\"{class}\" viewBox=\"0 0 132 18\" aria-hidden=\"true\"><path class=\"zero\" d=\"M66 1V17\"/>\
         <path class=\"from\" d=\"M66 9H{2:.1}\"/>\
         <path class=\"reach\" stroke-width=\"4\" stroke-opacity=\"0.5\" d=\"M{0:.1} 9H{1:.1}\"/><circle cx=\"{2:.1}\" cy=\"9\" r=\"3.5\"/></svg>",
        place(low),
        place(high),
        place(mean)
    )
}

fn command(comparison: &Comparison, again: &CompareAgain<'_>) -> String {
    let mut command = "sim compare".to_owned();
    again.given.iter().for_each(|given| command.push_str(&format!(" {}", quoted(given))));
    again.sets.iter().for_each(|set| command.push_str(&format!(" --set {}", quoted(set))));
    let first = comparison.seeds.first().copied().unwrap_or(0);
    format!("{command} --seed {first} --seeds {}\n", comparison.seeds.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_stands_in_its_row() {
        // From half of the reach below zero to the whole of it above.
        let svg = bar(0.25, (-0.5, 1.0), 1.0, Some(true));
        assert!(svg.contains("M36.0 9H126.0") && svg.contains("cx=\"81.0\"") && svg.contains("bar better"), "{svg}");
        assert!(bar(0.0, (0.0, 0.0), 0.0, None).contains("M66.0 9H66.0"));
    }
}
