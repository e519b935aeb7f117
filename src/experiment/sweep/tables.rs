//! `points.csv` and `points_by_seed.csv`: every figure of every point, in base units.

use super::Sweep;
use super::results::Results;
use crate::record::TableWriter;
use crate::record::table::number;

impl Sweep {
    fn axis_names(&self) -> impl Iterator<Item = String> + '_ {
        self.axes.iter().map(|axis| axis.name.clone())
    }

    /// One row per point: its number from 1, its values, its seeds, and of each figure the mean and the ends of the 95 %
    /// interval.
    pub fn points_csv(&self, results: &Results) -> String {
        let figures = results.figures();
        let mut header = vec!["point".to_owned()];
        header.extend(self.axis_names());
        header.push("seeds".to_owned());
        for figure in &figures {
            header.extend(["mean", "ci95_low", "ci95_high"].map(|part| format!("{figure}_{part}")));
        }
        let mut table = TableWriter::with_header(Vec::new(), &header);
        for point in results.points() {
            let mut cells = vec![(point + 1).to_string()];
            cells.extend(self.point(point).labels);
            cells.push(results.seeds(point).count().to_string());
            for figure in &figures {
                let estimate = results.estimate(point, figure);
                let interval = estimate.and_then(|estimate| estimate.interval());
                let all =
                    [estimate.map(|estimate| estimate.mean), interval.map(|ends| ends.0), interval.map(|ends| ends.1)];
                cells.extend(all.map(cell));
            }
            table.row(&cells);
        }
        text(table)
    }

    /// One row per point and seed.
    pub fn points_by_seed_csv(&self, results: &Results) -> String {
        let figures = results.figures();
        let mut header = vec!["point".to_owned()];
        header.extend(self.axis_names());
        header.push("seed".to_owned());
        header.extend(figures.iter().cloned());
        let mut table = TableWriter::with_header(Vec::new(), &header);
        for point in results.points() {
            let labels = self.point(point).labels;
            for seed in results.seeds(point) {
                let mut cells = vec![(point + 1).to_string()];
                cells.extend(labels.iter().cloned());
                cells.push(self.first_seed.wrapping_add(seed as u64).to_string());
                cells.extend(figures.iter().map(|figure| cell(results.value(point, seed, figure))));
                table.row(&cells);
            }
        }
        text(table)
    }
}

/// The shortest text that reads back as the number; nothing for what is not there or without end.
fn cell(value: Option<f64>) -> String {
    value.filter(|value| value.is_finite()).map_or_else(String::new, number)
}

fn text(table: TableWriter<Vec<u8>>) -> String {
    String::from_utf8(table.finish().expect("memory takes all rows")).expect("text in, text out")
}
