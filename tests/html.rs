//! The page that is handed on: one file that is whole, asks nothing of a network, holds what it says in a form that a browser
//! reads, and is drawn without a complaint, in light and in dark.

use assert_cmd::Command;
use autosim::report::html::{Cell, Chart, Section, Table, Tile, Verdict, document, page};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

const SCENARIO: &str = r#"
name = "small"
duration = "2h"
tick = "5s"
seed = 5
[[load]]
name = "users"
to = "chat"
rate.stages = [{ duration = "0s", target = "5/s" }, { duration = "1h", target = "5/s" }, { duration = "1m", target = "30/s" }, { duration = "59m", target = "30/s" }]
[[pool]]
name = "chat"
replicas = 1
service.lognormal = { mean = "60ms", cv = 0.8 }
queue = { capacity = 50 }
cpu = { request = "1", limit = "1" }
price = "$0.50/h"
start = { load = "40s" }
[pool.scaler.hpa]
cpu = "60%"
max_replicas = 12
[[objective]]
pool = "chat"
that = "p95 <= 300ms"
for = "95% of time"
"#;

const SWEEP: &str = r#"
base = "small.toml"
seeds = 2
[axes]
"pool.chat.scaler.hpa.cpu" = ["50%", "80%"]
"pool.chat.start.load" = ["5s", "60s"]
[report]
columns = ["p95", "replica_hours"]
heatmap = [{ x = "pool.chat.scaler.hpa.cpu", y = "pool.chat.start.load", color = "p95" }]
pareto = { cost = "replica_hours", against = "p95" }
"#;

const PLAN: &str = r#"
base = "small.toml"
seeds = 3
max_seeds = 29
[search]
"pool.chat.scaler.hpa.min_replicas" = [2, 6, 8]
"#;

/// A folder of a test's own, removed when it is dropped.
struct Room(PathBuf);

impl Room {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sim-html-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a temporary folder");
        fs::write(path.join("small.toml"), SCENARIO).expect("a scenario");
        fs::write(path.join("grid.toml"), SWEEP).expect("a sweep");
        fs::write(path.join("plan.toml"), PLAN).expect("a plan");
        Self(path)
    }

    fn sim(&self, arguments: &[&str]) -> Output {
        let mut command = Command::cargo_bin("sim").expect("the binary is built");
        let output = command.current_dir(&self.0).args(arguments).output().expect("it runs");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.0.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn files(&self, folder: &str) -> Vec<String> {
        let run: serde_json::Value =
            serde_json::from_str(&self.read(&format!("{folder}/run.json"))).expect("run.json is JSON");
        let files = run["files"].as_array().expect("files are listed");
        files.iter().filter_map(|file| file.as_str().map(str::to_owned)).collect()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Elements that have no end.
const VOID: [&str; 4] = ["meta", "link", "br", "hr"];

/// Every element ends where it must; what stands in scripts and styles is no markup.
fn assert_balanced(html: &str) {
    let mut open: Vec<String> = Vec::new();
    let mut rest = html.strip_prefix("<!DOCTYPE html>").expect("a document type");
    while let Some(at) = rest.find('<') {
        let end = at + rest[at..].find('>').expect("a tag ends");
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "ends before {}", &rest[..rest.len().min(80)].escape_debug());
            continue;
        }
        let name = tag.split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or_default().to_owned();
        if tag.ends_with('/') || VOID.contains(&name.as_str()) {
            continue;
        }
        if name == "script" || name == "style" {
            let close = format!("</{name}>");
            rest = &rest[rest.find(&close).expect("raw text ends") + close.len()..];
            continue;
        }
        open.push(name);
    }
    assert_eq!(open, Vec::<String>::new(), "left open");
}

/// A page is one file: nothing in it makes a browser look elsewhere.
fn assert_alone(html: &str) {
    assert_balanced(html);
    for (what, count) in [("<html", 1), ("</html>", 1), ("<h1>", 1), ("<title>", 1)] {
        let found = html.matches(what).count();
        assert!(found == count || (what == "<title>" && found > count), "{found} × {what}");
    }
    let elsewhere =
        ["src=", "url(http", "url(//", "@import", "href=\"http", "href=\"//", "fetch(", "XMLHttp", "import("];
    for loads in elsewhere {
        assert!(!html.contains(loads), "{loads} in the page");
    }
    assert!(html.contains("default-src 'none'"), "a browser is told to load nothing");
    assert_eq!(html.matches("href=").count(), 1, "only the empty icon");
}

/// What the page's script reads.
fn data_of(html: &str) -> serde_json::Value {
    const BEGIN: &str = "<script type=\"application/json\">";
    let from = html.find(BEGIN).expect("data are embedded") + BEGIN.len();
    let until = from + html[from..].find("</script>").expect("they end");
    serde_json::from_str(&html[from..until]).expect("they are JSON")
}

#[test]
fn the_page_of_a_run_is_whole_small_and_says_the_answer_first() {
    let room = Room::new("run");
    room.sim(&["run", "small.toml", "--plots", "png,html", "--set", "pool.chat.scaler.hpa.cpu=70%", "-q"]);
    let html = room.read("output/small/report.html");
    assert_alone(&html);
    // 1,440 ticks, a dozen columns.
    assert!(html.len() < 500_000, "{} bytes", html.len());
    let data = data_of(&html);
    let instants = data["t"].as_array().expect("instants").len();
    assert_eq!(instants, 1_440);
    let mut curves = 0;
    for panel in data["panels"].as_array().expect("panels") {
        for curve in panel["c"].as_array().expect("curves") {
            curves += 1;
            assert_eq!(curve["v"].as_array().map(Vec::len), Some(instants), "{}", curve["n"]);
        }
    }
    assert!(curves >= 8, "{curves} curves");
    let place = |words: &str| html.find(words).unwrap_or_else(|| panic!("{words} is missing"));
    let body = place("<h1>small</h1>");
    let answer = place("The objective is ");
    assert!(body < answer && answer < place("class=\"tiles\"") && answer < place("<svg"), "the answer comes first");
    for words in
        ["p95 ≤ 300ms for 95% of time", "Repeat it", "pool.chat.scaler.hpa.cpu=70%", "--seed 5", "service.lognormal"]
    {
        place(words);
    }
    for file in ["report.html", "report.md", "timeline.png"] {
        assert!(room.files("output/small").contains(&file.to_owned()), "{file} is listed");
    }
    let document = room.read("output/small/report.md");
    assert!(document.starts_with("# small\n") && document.contains("](timeline.png)"), "{document}");
}

#[test]
fn drawn_again_from_the_tables_the_page_is_the_same() {
    let room = Room::new("plot");
    room.sim(&["run", "small.toml", "--plots", "html", "--seeds", "2", "-q"]);
    let html = room.read("output/small/report.html");
    assert_alone(&html);
    assert!(html.contains("Over all seeds") && html.contains("2 seeds, 5 to 6"));
    fs::remove_file(room.0.join("output/small/report.html")).expect("it was written");
    room.sim(&["plot", "output/small", "--plots", "html"]);
    assert!(room.read("output/small/report.html") == html, "the page differs");

    room.sim(&["run", "small.toml", "--no-plots", "-q"]);
    assert!(!room.files("output/small").contains(&"report.html".to_owned()));
    assert!(!room.0.join("output/small/report.html").exists(), "a run without a page leaves no old one");
    room.sim(&["plot", "output/small", "--plots", "html"]);
    assert!(room.files("output/small").contains(&"report.html".to_owned()), "what was drawn later is listed too");
}

#[test]
fn a_comparison_has_bars_and_a_sweep_has_words_on_its_charts() {
    let room = Room::new("others");
    room.sim(&["run", "small.toml", "--no-plots", "-q", "--out", "first"]);
    room.sim(&["compare", "small.toml", "first", "--seeds", "3", "-q", "-o", "both"]);
    let html = room.read("both/report.html");
    assert_alone(&html);
    assert!(html.contains("class=\"bar\"") && html.contains("sim compare small.toml first --seed 5 --seeds 3"));
    for file in ["compare.csv", "report.html", "report.md"] {
        assert!(room.files("both").contains(&file.to_owned()) && room.0.join("both").join(file).exists(), "{file}");
    }

    room.sim(&["sweep", "grid.toml", "--plots", "html", "-q"]);
    let html = room.read("output/grid/report.html");
    assert_alone(&html);
    assert!(html.contains("<table class=\"sortable\">"));
    // A title per cell and per point, besides that of the page.
    assert_eq!(html.matches("<title>").count(), 1 + 4 + 4);
    assert!(room.files("output/grid").contains(&"report.html".to_owned()));
}

#[test]
fn nothing_that_is_said_can_become_markup() {
    let nasty = "</script><script>alert(1)</script> \"quoted\" & 'so' | `on`";
    let row = vec![Cell::from(nasty), Cell::from("1")];
    let sections = [
        Section::Heading(nasty.to_owned()),
        Section::Lead(nasty.to_owned()),
        Section::Verdict(Verdict { met: Some(false), words: nasty.to_owned(), reasons: vec![nasty.to_owned()] }),
        Section::Tiles(vec![Tile { name: nasty.to_owned(), value: nasty.to_owned(), remark: nasty.to_owned() }]),
        Section::Svg(Chart {
            svg: "<svg xmlns=\"http://www.w3.org/2000/svg\">\n<title>t</title></svg>".to_owned(),
            label: nasty.to_owned(),
            caption: nasty.to_owned(),
            ..Chart::default()
        }),
        Section::Table(Table {
            head: vec![nasty.to_owned(), nasty.to_owned()],
            rows: vec![row],
            words: 1,
            ..Table::default()
        }),
        Section::Text(nasty.to_owned()),
        Section::Pre { summary: nasty.to_owned(), text: nasty.to_owned() },
        Section::Warning(nasty.to_owned()),
        Section::Footer(nasty.to_owned()),
    ];
    let html = page(nasty, &sections);
    assert_alone(&html);
    assert!(!html.contains("<script>alert") && html.contains("&lt;script&gt;alert(1)"));
    let markdown = document("a", &sections);
    assert!(markdown.contains("\\| `on`"), "a bar in a cell is no column");
}

/// Relative luminance of `#rrggbb` or `#rgb`, as the Web Content Accessibility Guidelines 2.2 define it.
fn luminance(colour: &str) -> f64 {
    let digits = colour.trim_start_matches('#');
    let full: String =
        if digits.len() == 3 { digits.chars().flat_map(|c| [c, c]).collect() } else { digits.to_owned() };
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&full[at..at + 2], 16).expect("a colour")) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
}

/// The same guidelines ask for 4.5 between words and what is behind them.
#[test]
fn words_stand_out_in_light_in_dark_and_in_print() {
    let style = include_str!("../src/report/html/style.css");
    let sets: Vec<&str> = style.split(":root {").skip(1).map(|set| set.split('}').next().unwrap_or_default()).collect();
    assert_eq!(sets.len(), 3, "light, dark, print");
    for set in sets {
        let colour = |name: &str| {
            let after = set.split(&format!("--{name}: ")).nth(1).unwrap_or_else(|| panic!("--{name} is missing"));
            luminance(after.split(';').next().unwrap_or_default())
        };
        let pairs = ["ink", "muted"].map(|words| (words, "surface"));
        let more =
            [("ink", "page"), ("muted", "page"), ("good", "good-soft"), ("bad", "bad-soft"), ("good", "surface")];
        for (words, behind) in pairs.into_iter().chain(more).chain([("bad", "surface"), ("ink", "bad-soft")]) {
            let (a, b) = (colour(words), colour(behind));
            let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
            assert!(contrast >= 4.5, "{words} on {behind}: {contrast:.2}");
        }
    }
}

fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name))).find(|file| file.is_file())
}

/// Opens a page from disk; what the browser's console says, and the picture of the page.
fn opened(browser: &Path, room: &Room, file: &str, dark: bool) -> (String, Vec<u8>) {
    let picture = room.0.join(format!("{file}-{dark}.png"));
    let page = room.0.join(file);
    let output = std::process::Command::new(browser)
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"])
        .args(["--virtual-time-budget=3000", "--timeout=30000", "--window-size=1240,1500", "--enable-logging=stderr"])
        .arg(format!("--blink-settings=preferredColorScheme={}", if dark { 0 } else { 1 }))
        .arg(format!("--user-data-dir={}", room.0.join("browser").display()))
        .arg(format!("--screenshot={}", picture.display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("the browser starts");
    let said = String::from_utf8_lossy(&output.stderr);
    let console: Vec<&str> = said.lines().filter(|line| line.contains("CONSOLE")).collect();
    (console.join("\n"), fs::read(&picture).unwrap_or_else(|error| panic!("no picture: {error}; {said}")))
}

/// Mean lightness of a picture, 0 to 1, and how many colours are in it.
fn look(bytes: &[u8]) -> (f64, usize) {
    let decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    let mut reader = decoder.read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("it fits in memory")];
    let info = reader.next_frame(&mut pixels).expect("its pixels");
    let samples = info.color_type.samples();
    let colours: std::collections::BTreeSet<&[u8]> = pixels.chunks_exact(samples).map(|pixel| &pixel[..3]).collect();
    let sum: f64 = pixels.chunks_exact(samples).map(|pixel| f64::from(pixel[1])).sum();
    (sum / (pixels.len() / samples) as f64 / 255.0, colours.len())
}

/// Points at the middle of the chart, then drags over a tenth of it, and says what is shown.
const PROBE: &str = r#"<script>
addEventListener('load', () => {
  const drawn = document.querySelector('.timeline .drawn');
  const box = drawn.getBoundingClientRect();
  drawn.setPointerCapture = () => {};
  const send = (type, part) => drawn.dispatchEvent(new PointerEvent(type, {
    bubbles: true, clientX: box.left + box.width * part, clientY: box.top + 300, button: 0, pointerId: 1,
  }));
  const shown = () => [...document.querySelectorAll('.readout.shown')].map((one) => one.innerText.replace(/\s+/g, ' '));
  send('pointermove', 0.504);
  console.log(`probe whole: ${shown().join(' | ')}`);
  send('pointerdown', 0.4); send('pointermove', 0.5); send('pointerup', 0.5);
  const moved = document.querySelectorAll('svg.zoomed g[transform]').length;
  const ticks = [...document.querySelectorAll('.ticks text')].map((text) => text.textContent);
  send('pointermove', 0.504);
  console.log(`probe zoomed: ${moved} groups, ${ticks.join(' ')}; ${shown().join(' | ')}`);
  drawn.dispatchEvent(new MouseEvent('dblclick', { bubbles: true }));
  console.log(`probe again: ${document.querySelectorAll('svg.zoomed').length} zoomed`);
});
</script>"#;

#[test]
fn a_browser_opens_the_pages_without_a_complaint_and_shows_values() {
    let Some(browser) = browser() else {
        println!("skipped: no chromium, chromium-browser or google-chrome on the PATH");
        return;
    };
    let room = Room::new("browser");
    room.sim(&["run", "small.toml", "--plots", "html", "-q"]);
    room.sim(&["compare", "small.toml", "output/small", "--seeds", "2", "-q", "-o", "both"]);
    room.sim(&["sweep", "grid.toml", "--plots", "html", "-q"]);
    room.sim(&["plan", "plan.toml", "--plots", "html", "-q"]);
    assert_alone(&room.read("output/plan/report.html"));
    for folder in ["output/small", "both", "output/grid", "output/plan"] {
        let file = format!("{folder}/report.html");
        for dark in [false, true] {
            let (console, picture) = opened(&browser, &room, &file, dark);
            assert_eq!(console, "", "{file}: the console says something");
            let (lightness, colours) = look(&picture);
            assert!(colours > 40, "{file}: {colours} colours are no chart and no words");
            assert!(if dark { lightness < 0.4 } else { lightness > 0.8 }, "{file}, dark: {dark}: {lightness:.2}");
        }
    }
    let probed = room.read("output/small/report.html").replace("</body>", &format!("{PROBE}</body>"));
    fs::write(room.0.join("probe.html"), probed).expect("a page");
    let (console, _) = opened(&browser, &room, "probe.html", false);
    assert!(!console.contains("Uncaught") && !console.contains("Refused"), "{console}");
    let said = |what: &str| {
        let line = console.lines().find(|line| line.contains(what));
        line.unwrap_or_else(|| panic!("{what}: {console}")).to_owned()
    };
    // The chart's time axis reaches from 64 to 944 of 1,000: 0.504 is its middle, an hour, and the load of 5/s just ends.
    let whole = said("probe whole");
    for words in ["offered", "ready", "p95", "true", "1:00:0"] {
        assert!(whole.contains(words), "{words}: {whole}");
    }
    // 0.4 to 0.5 are 0:45:49 to 0:59:27; the middle of the chart is now 0:52:38.
    let zoomed = said("probe zoomed");
    for words in ["0:46 0:48 0:50", "0:52:"] {
        assert!(zoomed.contains(words), "{words}: {zoomed}");
    }
    assert!(said("probe again").contains("again: 0 zoomed"));
}
