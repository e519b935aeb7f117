//! Sections of a document, and the two forms that a document takes: one HTML file that needs nothing else, and Markdown.

use super::super::amounts::markdown;
use crate::plot::Readout;
use serde_json::{Value, json};

/// A part of a document.
#[derive(Clone, Debug)]
pub enum Section {
    /// Begins a part.
    Heading(String),
    /// What a document is about, below its title.
    Lead(String),
    /// The answer, before everything else.
    Verdict(Verdict),
    /// Key figures.
    Tiles(Vec<Tile>),
    /// A chart.
    Svg(Chart),
    /// A table.
    Table(Table),
    /// A paragraph.
    Text(String),
    /// Words that stand as they are; behind a summary if there is one.
    Pre {
        /// What is shown while it is closed; empty: it cannot be closed.
        summary: String,
        /// The words.
        text: String,
    },
    /// What the reader must know.
    Warning(String),
    /// The last line.
    Footer(String),
}

/// The answer of a document.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Is it good news? `None`: neither.
    pub met: Option<bool>,
    /// In one sentence.
    pub words: String,
    /// What it rests on.
    pub reasons: Vec<String>,
}

/// A key figure.
#[derive(Clone, Debug, Default)]
pub struct Tile {
    /// What.
    pub name: String,
    /// How much, with its unit.
    pub value: String,
    /// Beside it; may be empty.
    pub remark: String,
}

/// A chart.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    /// An SVG of this program.
    pub svg: String,
    /// What a reader who does not see it must know.
    pub label: String,
    /// Below it; may be empty.
    pub caption: String,
    /// The values behind a timeline: with them it has a crosshair and can be zoomed.
    pub readout: Option<Readout>,
    /// The picture beside the Markdown; empty without one.
    pub file: String,
}

/// A table.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Above it; may be empty.
    pub caption: String,
    /// Names of the columns.
    pub head: Vec<String>,
    /// Rows; the last cell of a short one takes the columns that are left.
    pub rows: Vec<Vec<Cell>>,
    /// So many first columns are words, the others numbers.
    pub words: usize,
    /// Can a reader choose the order?
    pub sortable: bool,
}

/// A cell of a table.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    /// What it says.
    pub text: String,
    /// A small SVG in its place, of this program.
    pub svg: String,
    /// By what it is sorted; `None`: by what it says.
    pub key: Option<f64>,
    /// Better or worse than something? Shown in colour, besides the words.
    pub better: Option<bool>,
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl Table {
    /// Of rows in words; the first is the head. `None` without any other.
    pub fn of(rows: Vec<Vec<String>>, words: usize) -> Option<Self> {
        let mut rows = rows.into_iter();
        let head = rows.next()?;
        let rows: Vec<Vec<Cell>> = rows.map(|row| row.into_iter().map(Cell::from).collect()).collect();
        (!rows.is_empty()).then(|| Self { head, rows, words, ..Self::default() })
    }
}

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// What a browser may do with the page: nothing from anywhere.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

/// The document as one HTML file: no network, no other file.
pub fn page(title: &str, sections: &[Section]) -> String {
    let mut body = String::new();
    for section in sections {
        section.write_html(&mut body);
    }
    let title = escaped(title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}</main>\n\
         <script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

/// The document as Markdown.
pub fn document(title: &str, sections: &[Section]) -> String {
    let mut text = format!("# {title}\n");
    for section in sections {
        section.write_markdown(&mut text);
    }
    text
}

/// Words as HTML shows them, in text and in attributes. Control characters, which it cannot show, become blanks.
pub(super) fn escaped(words: &str) -> String {
    let mut html = String::with_capacity(words.len());
    for c in words.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            '\n' | '\t' => html.push(c),
            c if c.is_control() => html.push(' '),
            c => html.push(c),
        }
    }
    html
}

impl Section {
    fn write_html(&self, html: &mut String) {
        match self {
            Self::Heading(words) => html.push_str(&format!("<h2>{}</h2>\n", escaped(words))),
            Self::Lead(words) => html.push_str(&format!("<p class=\"lead\">{}</p>\n", escaped(words))),
            Self::Verdict(verdict) => verdict.write_html(html),
            Self::Tiles(tiles) => write_tiles(tiles, html),
            Self::Svg(chart) => chart.write_html(html),
            Self::Table(table) => table.write_html(html),
            Self::Text(words) => html.push_str(&format!("<p>{}</p>\n", escaped(words))),
            Self::Pre { summary, text } if summary.is_empty() => {
                html.push_str(&format!("<div class=\"card long\"><pre>{}</pre></div>\n", escaped(text)));
            }
            Self::Pre { summary, text } => html.push_str(&format!(
                "<details class=\"card long\"><summary>{}</summary><pre>{}</pre></details>\n",
                escaped(summary),
                escaped(text)
            )),
            Self::Warning(words) => html.push_str(&format!("<div class=\"card warning\">{}</div>\n", escaped(words))),
            Self::Footer(words) => html.push_str(&format!("<footer>{}</footer>\n", escaped(words))),
        }
    }

    fn write_markdown(&self, text: &mut String) {
        text.push('\n');
        match self {
            Self::Heading(words) => text.push_str(&format!("## {words}\n")),
            Self::Lead(words) | Self::Text(words) | Self::Footer(words) => text.push_str(&format!("{words}\n")),
            Self::Verdict(verdict) => {
                text.push_str(&format!("**{}**\n", verdict.words));
                if !verdict.reasons.is_empty() {
                    text.push('\n');
                }
                verdict.reasons.iter().for_each(|reason| text.push_str(&format!("- {reason}\n")));
            }
            Self::Tiles(tiles) => {
                let mut rows = vec![["figure", "value", ""].map(str::to_owned).to_vec()];
                rows.extend(tiles.iter().map(|tile| vec![tile.name.clone(), tile.value.clone(), tile.remark.clone()]));
                text.push_str(&markdown(&rows, 3));
            }
            Self::Svg(chart) if chart.file.is_empty() => text.push_str(&format!("{}\n", chart.label)),
            Self::Svg(chart) => text.push_str(&format!("![{}]({})\n", chart.label, chart.file)),
            Self::Table(table) => table.write_markdown(text),
            Self::Pre { summary, text: words } => {
                if !summary.is_empty() {
                    text.push_str(&format!("{summary}:\n\n"));
                }
                let fence = fence_for(words);
                text.push_str(&format!("{fence}\n{}\n{fence}\n", words.trim_end()));
            }
            Self::Warning(words) => text.push_str(&format!("> {words}\n")),
        }
    }
}

/// A fence that the words do not hold.
fn fence_for(words: &str) -> String {
    let longest = words.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

impl Verdict {
    fn write_html(&self, html: &mut String) {
        let class = match self.met {
            Some(true) => " met",
            Some(false) => " missed",
            None => "",
        };
        html.push_str(&format!("<div class=\"card verdict{class}\"><strong>{}</strong>", escaped(&self.words)));
        if !self.reasons.is_empty() {
            html.push_str("<ul>");
            self.reasons.iter().for_each(|reason| html.push_str(&format!("<li>{}</li>", escaped(reason))));
            html.push_str("</ul>");
        }
        html.push_str("</div>\n");
    }
}

fn write_tiles(tiles: &[Tile], html: &mut String) {
    html.push_str("<dl class=\"tiles\">\n");
    for tile in tiles {
        html.push_str(&format!(
            "<div class=\"card tile\"><dt>{}</dt><dd>{}</dd>",
            escaped(&tile.name),
            escaped(&tile.value)
        ));
        if !tile.remark.is_empty() {
            html.push_str(&format!("<dd>{}</dd>", escaped(&tile.remark)));
        }
        html.push_str("</div>\n");
    }
    html.push_str("</dl>\n");
}

impl Chart {
    fn write_html(&self, html: &mut String) {
        let class = if self.readout.is_some() { " timeline" } else { "" };
        html.push_str(&format!("<figure class=\"card chart{class}\">\n<div class=\"drawn\">"));
        html.push_str(&inline(&self.svg, &self.label));
        html.push_str("</div>\n<figcaption>");
        html.push_str(&escaped(&self.caption));
        if let Some(readout) = &self.readout {
            html.push_str(
                "<span class=\"scripted\"> Point at the chart for values; drag to zoom, double-click for all of the time; \
                 arrow keys move the line.</span>",
            );
            html.push_str(&format!("</figcaption>\n<script type=\"application/json\">{}</script>", embedded(readout)));
        } else {
            html.push_str("</figcaption>");
        }
        html.push_str("\n</figure>\n");
    }
}

/// An SVG file as a part of the page: named by a label instead of a title, which would follow the pointer everywhere.
fn inline(svg: &str, label: &str) -> String {
    let svg = svg.trim();
    let Some((head, body)) = svg.split_once('>') else { return String::new() };
    let body = match body.trim_start().strip_prefix("<title>").and_then(|rest| rest.split_once("</title>")) {
        Some((_, body)) => body,
        None => body,
    };
    // Blanks around the words of a text would be drawn.
    let body = body.replace(">\n", ">").replace("\n</text>", "</text>").replace(" \"/>", "\"/>");
    format!("{head} aria-label=\"{}\">{body}", escaped(label))
}

/// The values behind a timeline, in as many digits as anybody reads; no `<` in it can end the element that it stands in.
fn embedded(readout: &Readout) -> String {
    let pair = |(a, b): (f64, f64)| json!([rounded(a), rounded(b)]);
    let panels: Vec<Value> = readout
        .panels
        .iter()
        .map(|panel| {
            let curves: Vec<Value> = panel
                .curves
                .iter()
                .map(|curve| {
                    let values: Vec<Value> =
                        curve.values.iter().map(|value| value.map_or(Value::Null, rounded)).collect();
                    json!({ "n": curve.name, "f": curve.colour, "k": curve.kind.as_str(), "v": values })
                })
                .collect();
            json!({ "n": panel.title, "y": pair(panel.down_px), "axis": panel.has_axis, "c": curves })
        })
        .collect();
    let times: Vec<Value> = readout.times_s.iter().map(|time_s| shortest((time_s * 1e3).round() / 1e3)).collect();
    let data = json!({
        "x": pair(readout.across_px),
        "size": pair(readout.size_px),
        "t0": readout.starts_at_s,
        "end": readout.end_s,
        "t": times,
        "thin": readout.thinned,
        "panels": panels,
    });
    data.to_string().replace('<', "\\u003c")
}

/// To four digits.
fn rounded(value: f64) -> Value {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { Value::from(0) } else { Value::Null };
    }
    let decimals = (3.0 - value.abs().log10().floor()).clamp(0.0, 15.0) as i32;
    let scale = 10f64.powi(decimals);
    shortest((value * scale).round() / scale)
}

/// Without a point where there is nothing behind it.
fn shortest(value: f64) -> Value {
    const EXACT: f64 = 9e15;
    if value.fract() == 0.0 && value.abs() < EXACT { Value::from(value as i64) } else { Value::from(value) }
}

impl Table {
    fn write_html(&self, html: &mut String) {
        let class = if self.sortable { " class=\"sortable\"" } else { "" };
        html.push_str(&format!("<div class=\"card scroll\"><table{class}>"));
        if !self.caption.is_empty() {
            html.push_str(&format!("<caption>{}</caption>", escaped(&self.caption)));
        }
        html.push_str("<thead><tr>");
        for (column, name) in self.head.iter().enumerate() {
            let class = if column < self.words { " class=\"word\"" } else { "" };
            html.push_str(&format!("<th scope=\"col\"{class}>{}</th>", escaped(name)));
        }
        html.push_str("</tr></thead>\n<tbody>\n");
        for row in &self.rows {
            html.push_str("<tr>");
            for (column, cell) in row.iter().enumerate() {
                let last = column + 1 == row.len();
                let left = if last { self.head.len().saturating_sub(row.len()) } else { 0 };
                cell.write_html(column < self.words, left, html);
            }
            html.push_str("</tr>\n");
        }
        html.push_str("</tbody></table></div>\n");
    }

    fn write_markdown(&self, text: &mut String) {
        // A column of small charts has no words.
        let drawn: Vec<bool> = (0..self.head.len())
            .map(|column| self.rows.iter().any(|row| row.get(column).is_some_and(|cell| !cell.svg.is_empty())))
            .collect();
        let kept = |column: &usize| !drawn.get(*column).copied().unwrap_or(false);
        let columns: Vec<usize> = (0..self.head.len()).filter(kept).collect();
        let mut rows = vec![columns.iter().map(|&column| self.head[column].clone()).collect::<Vec<_>>()];
        for row in &self.rows {
            let cell = |&column: &usize| row.get(column).map_or(String::new(), |cell| cell.text.clone());
            rows.push(columns.iter().map(cell).collect());
        }
        if !self.caption.is_empty() {
            text.push_str(&format!("{}\n\n", self.caption));
        }
        text.push_str(&markdown(&rows, self.words));
    }
}

impl Cell {
    /// `left`: columns that it takes besides its own.
    fn write_html(&self, is_word: bool, left: usize, html: &mut String) {
        let mut classes = Vec::new();
        if is_word {
            classes.push("word");
        }
        if left > 0 {
            classes.push("wide");
        }
        match self.better {
            Some(true) => classes.push("better"),
            Some(false) => classes.push("worse"),
            None => {}
        }
        html.push_str("<td");
        if !classes.is_empty() {
            html.push_str(&format!(" class=\"{}\"", classes.join(" ")));
        }
        if left > 0 {
            html.push_str(&format!(" colspan=\"{}\"", left + 1));
        }
        if let Some(key) = self.key.filter(|key| key.is_finite()) {
            html.push_str(&format!(" data-key=\"{key}\""));
        }
        html.push('>');
        html.push_str(&if self.svg.is_empty() { escaped(&self.text) } else { self.svg.clone() });
        html.push_str("</td>");
    }
}
