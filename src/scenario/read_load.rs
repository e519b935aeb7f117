//! Reads `[[load]]`.

use super::laws::Of;
use super::reader::{Choice, Section, number};
use super::tree::Value;
use crate::diagnostics::Problem;
use crate::diagnostics::units;
use crate::units::Span;
use crate::workload::{
    ArrivalsSpec, KeptConnections, LoadSpec, Protocol, RateSpec, Spread, Stage, TraceSpec, UserStage, UsersSpec,
};
use std::path::Path;

/// A trace's copies of two seconds are in memory at a time.
const MOST_COPIES: f64 = 10_000.0;

/// Reads one load; `None` if it is too broken to go on with. `clock` is what the clock says at time 0.
pub(super) fn load(section: &Section<'_>, clock: Span, run: Span, folder: &Path) -> Option<LoadSpec> {
    let name = section.name("name");
    let to = section.name("to");
    let from = section.duration("from").unwrap_or_default();
    let until = section.duration("until");
    if until.is_some_and(|until| until <= from) {
        section.wrong(
            "until",
            "`until` is not later than `from`",
            "ends before it begins",
            "raise `until` or lower `from`",
        );
    }
    if from >= run && section.has("from") {
        section.wrong("from", "this load begins when the run is over", "too late", "lower `from` or raise `duration`");
    }
    let scale = section.number_from("scale", 0.0, false);
    let arrivals = arrivals(section, clock, folder);
    if let (Some(scale), Some(ArrivalsSpec::Trace(trace))) = (scale, &arrivals)
        && scale * trace.volume_scale > MOST_COPIES
    {
        section.wrong(
            if section.has("scale") { "scale" } else { "arrivals" },
            format!("`scale` times `volume_scale` is {}", scale * trace.volume_scale),
            "more than 10,000 copies of every row",
            "lower them, or record the trace with its full volume",
        );
    }
    let demand = section.law("demand", Of::Time, folder);
    let timeout = section.duration_or("timeout", "none");
    if timeout == Some(Some(Span::ZERO)) {
        section.wrong(
            "timeout",
            "a client that gives up at once sends nothing",
            "zero",
            "write \"none\" or a positive duration",
        );
    }
    let cancel_on_timeout = section.yes("cancel_on_timeout");
    let protocol = section.choice("protocol", &[("rest", Protocol::Rest), ("grpc", Protocol::Grpc)]);
    let kept = kept(section, &arrivals);
    Some(LoadSpec {
        name: name?,
        to: to?,
        arrivals: arrivals?,
        from,
        until,
        scale: scale?,
        demand,
        timeout: timeout?,
        cancel_on_timeout: cancel_on_timeout?,
        protocol: protocol?,
        kept: kept?,
    })
}

/// The connections that the clients keep. `None`: what is said of them is wrong; `Some(None)`: they keep none.
fn kept(section: &Section<'_>, arrivals: &Option<ArrivalsSpec>) -> Option<Option<KeptConnections>> {
    let keep_alive = section.yes("keep_alive")?;
    let of_users = matches!(arrivals, Some(ArrivalsSpec::Users(_)));
    let count = if section.has("connections") { Some(section.count("connections")?) } else { None };
    let age = section.duration_or("connection_age", "none")?;
    let mut sound = true;
    let mut wrong = |key: &str, message: &str, label: &str, help: &str| {
        section.wrong(key, message, label, help);
        sound = false;
    };
    if !keep_alive {
        for key in ["connections", "connection_age"].into_iter().filter(|key| section.has(key)) {
            wrong(key, &format!("`{key}` where no connection is kept"), "not used", "add `keep_alive = true`");
        }
    } else if of_users && count.is_some() {
        wrong("connections", "`connections` of a load of users", "each user keeps its own", "remove it");
    } else if !of_users && count.is_none() {
        wrong(
            "keep_alive",
            "`keep_alive` without `connections`",
            "how many are there?",
            "add `connections = 10`: as many as its clients hold open in all",
        );
    }
    if count == Some(0) {
        wrong("connections", "clients without a connection send nothing", "zero", "write at least 1");
    }
    if age == Some(Span::ZERO) {
        wrong(
            "connection_age",
            "a connection that is closed at once is not kept",
            "zero",
            "write \"none\" or a positive duration",
        );
    }
    sound.then_some(keep_alive.then_some(KeptConnections { count, age }))
}

fn arrivals(section: &Section<'_>, clock: Span, folder: &Path) -> Option<ArrivalsSpec> {
    let choice = section.one_of("arrivals")?;
    let driven = !matches!(choice.kind, "trace" | "users");
    if !driven && let Some(entry) = section.entry("rate") {
        section.reader.report(
            Problem::error(entry.key_at.clone(), format!("`rate` beside `arrivals.{}`", choice.kind), "not used")
                .help("remove it: the arrivals follow from the trace or the users"),
        );
    }
    let rate = if driven { rate_of(section, clock) } else { None };
    match choice.kind {
        "poisson" => {
            choice.inside.empty("poisson");
            Some(ArrivalsSpec::Poisson { rate: rate? })
        }
        "deterministic" => {
            let inner = choice.inside.table("deterministic");
            let offset = inner.number_from("offset", 0.0, false);
            Some(ArrivalsSpec::Deterministic { rate: rate?, offset: offset? })
        }
        "renewal" => {
            let gaps = choice.inside.law("renewal", Of::Gap, folder);
            Some(ArrivalsSpec::Renewal { rate: rate?, gaps: gaps? })
        }
        "trace" => trace(&choice.inside.table("trace"), folder).map(ArrivalsSpec::Trace),
        "users" => users(&choice.inside.table("users"), folder).map(ArrivalsSpec::Users),
        kind => panic!("`{kind}` is a kind of arrivals"),
    }
}

fn trace(section: &Section<'_>, folder: &Path) -> Option<TraceSpec> {
    let file = section.text("file");
    let time_scale = section.number_from("time_scale", 0.0, true);
    let volume_scale = section.number_from("volume_scale", 0.0, true);
    let spread =
        section.choice("spread", &[("even", Spread::Even), ("uniform", Spread::Uniform), ("poisson", Spread::Poisson)]);
    let repeat = section.yes("loop");
    let clip_from = section.file_time("clip_from");
    let clip_until = section.file_time("clip_until");
    if let (Some(from), Some(until)) = (clip_from, clip_until)
        && until <= from
    {
        section.wrong("clip_until", "`clip_until` is not later than `clip_from`", "nothing is left", "raise it");
    }
    let jitter = section.duration("jitter");
    let bin = if section.has("bin") { section.some_time("bin") } else { None };
    let demand_column = section.text("demand_column");
    Some(TraceSpec {
        file: folder.join(file?),
        time_scale: time_scale?,
        volume_scale: volume_scale?,
        spread: spread?,
        repeat: repeat?,
        clip_from,
        clip_until,
        jitter: jitter?,
        bin,
        demand_column,
    })
}

fn users(section: &Section<'_>, folder: &Path) -> Option<UsersSpec> {
    let think = section.law("think", Of::Time, folder);
    let start = section.count("start");
    let stages = section.tables("stages");
    let stages: Vec<UserStage> = stages
        .iter()
        .filter_map(|stage| {
            let (duration, target) = (stage.duration("duration"), stage.count("target"));
            Some(UserStage { duration: duration?, target: target? })
        })
        .collect();
    let repeat_every = if section.has("repeat_every") { section.some_time("repeat_every") } else { None };
    let first = section.choice("first", &[("think", false), ("request", true)]);
    if start == Some(0) && stages.iter().all(|stage| stage.target == 0) {
        section.suspicious("start", "this load never has a user", "0 users", "set `start` or add `stages`");
    }
    Some(UsersSpec { think: think?, start: start?, stages, repeat_every, first_request: first? })
}

fn rate_of(section: &Section<'_>, clock: Span) -> Option<RateSpec> {
    let Some(choice) = section.one_of("rate") else {
        if !section.has("rate") {
            section.reader.report(
                Problem::error(section.at.clone(), format!("{} has no `rate`", section.title), "`rate` is missing")
                    .help("add one, such as `rate.constant = \"40/s\"`"),
            );
        }
        return None;
    };
    shape(&choice, false, clock)
}

/// Reads one shape; `factor`: with bare numbers in place of rates.
fn shape(choice: &Choice<'_>, factor: bool, clock: Span) -> Option<RateSpec> {
    let outer = &choice.inside;
    let level = |section: &Section<'_>, name: &str| {
        if factor { section.number_from(name, 0.0, false) } else { section.rate(name) }
    };
    match choice.kind {
        "constant" => level(outer, "constant").map(RateSpec::Constant),
        "step" => {
            let inner = outer.table("step");
            let (before, after, at) = (level(&inner, "before"), level(&inner, "after"), inner.duration("at"));
            Some(RateSpec::Step { before: before?, after: after?, at: at? })
        }
        "ramp" => {
            let inner = outer.table("ramp");
            let (begin, end) = (level(&inner, "from"), level(&inner, "to"));
            let (at, over) = (inner.duration("at"), inner.duration("over"));
            Some(RateSpec::Ramp { from: begin?, to: end?, at: at?, over: over? })
        }
        "spike" => {
            let inner = outer.table("spike");
            let (base, peak) = (level(&inner, "base"), level(&inner, "peak"));
            let (at, lasts) = (inner.duration("at"), inner.duration("lasts"));
            Some(RateSpec::Spike { base: base?, peak: peak?, at: at?, lasts: lasts? })
        }
        "flash_crowd" => {
            let inner = outer.table("flash_crowd");
            let (base, peak) = (level(&inner, "base"), level(&inner, "peak"));
            let (at, hold) = (inner.duration("at"), inner.duration("hold"));
            let (rise, decay) = (inner.some_time("rise"), inner.some_time("decay"));
            Some(RateSpec::FlashCrowd { base: base?, peak: peak?, at: at?, hold: hold?, rise: rise?, decay: decay? })
        }
        "sine" => {
            let inner = outer.table("sine");
            let mean = level(&inner, "mean");
            let amplitude = inner.share("amplitude").filter(|&amplitude| {
                if amplitude > 1.0 {
                    inner.wrong(
                        "amplitude",
                        "an amplitude above 100% makes the rate negative",
                        "too large",
                        "write at most \"100%\"",
                    );
                }
                amplitude <= 1.0
            });
            let (period, phase) = (inner.duration("period"), inner.duration("phase"));
            if period.is_some_and(|period| period < Span::from_secs(1)) {
                inner.wrong("period", "a wave shorter than a second", "too short", "write at least \"1s\"");
            }
            Some(RateSpec::Sine { mean: mean?, amplitude: amplitude?, period: period?, phase: phase? })
        }
        "diurnal" => {
            let inner = outer.table("diurnal");
            let (mean, profile) = (level(&inner, "mean"), profile(&inner));
            Some(RateSpec::Diurnal { mean: mean?, profile: profile?, starts_at: clock })
        }
        "stages" => stages(outer, level).map(RateSpec::Stages),
        "sum" | "product" => {
            let parts = shapes(outer, choice.kind, factor, clock)?;
            Some(if choice.kind == "sum" { RateSpec::Sum(parts) } else { RateSpec::Product(parts) })
        }
        kind => panic!("`{kind}` is a shape of a rate"),
    }
}

/// Reads every stage before giving up on one, so that all mistakes show at once.
fn stages(outer: &Section<'_>, level: impl Fn(&Section<'_>, &str) -> Option<f64>) -> Option<Vec<Stage>> {
    let tables = outer.tables("stages");
    if tables.is_empty() {
        outer.wrong(
            "stages",
            "`stages` is empty",
            "no stage",
            "add one, such as `{ duration = \"1m\", target = \"40/s\" }`",
        );
        return None;
    }
    let read: Vec<Option<Stage>> = tables
        .iter()
        .map(|stage| {
            let (duration, target) = (stage.duration("duration"), level(stage, "target"));
            Some(Stage { duration: duration?, target: target? })
        })
        .collect();
    read.into_iter().collect()
}

fn shapes(outer: &Section<'_>, kind: &str, factor: bool, clock: Span) -> Option<Vec<RateSpec>> {
    let entry = outer.entry(kind)?;
    let Value::List(items) = &entry.node.value else {
        outer.wrong(
            kind,
            format!("`{kind}` is {} where a list is wanted", entry.node.kind()),
            "not a list",
            "write `[{ constant = \"40/s\" }, ...]`",
        );
        return None;
    };
    if items.is_empty() {
        outer.wrong(kind, format!("`{kind}` is empty"), "no shape", "add one, such as `{ constant = \"40/s\" }`");
        return None;
    }
    let mut parts = Vec::new();
    for (number, item) in items.iter().enumerate() {
        let Some(choice) = outer.shape_in(item, kind, number) else { continue };
        let factor = factor || (kind == "product" && number > 0);
        if let Some(part) = shape(&choice, factor, clock) {
            parts.push(part);
        }
    }
    (parts.len() == items.len()).then_some(parts)
}

fn profile(section: &Section<'_>) -> Option<[f64; 24]> {
    let values = section.read("profile", |node| {
        let Value::List(items) = &node.value else {
            return Err(format!("{} where a list of 24 numbers is wanted", node.kind()));
        };
        let values: Vec<f64> = items.iter().map(number).collect::<Result<_, _>>()?;
        if values.len() != 24 {
            return Err(format!("{} numbers where 24 are wanted, one per hour from 00:00", values.len()));
        }
        if values.iter().any(|&value| value < 0.0) {
            return Err("a negative factor; all are 0 or more".to_owned());
        }
        let mean = values.iter().sum::<f64>() / 24.0;
        if mean <= 0.0 {
            return Err("24 zeros have no shape; at least one must be above 0".to_owned());
        }
        Ok(values.into_iter().map(|value| value / mean).collect::<Vec<f64>>())
    })?;
    values.try_into().ok()
}

impl Section<'_> {
    /// A name: lower-case letters, digits and dashes, not first a dash.
    pub(crate) fn name(&self, key: &str) -> Option<String> {
        self.read(key, |node| {
            let name = super::reader::text(node)?;
            let fits = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
            if name.is_empty() || name.starts_with('-') || !fits {
                return Err(format!(
                    "`{name}` is no name; use lower-case letters, digits and dashes, as in \"chat-eu\""
                ));
            }
            Ok(name)
        })
    }

    /// Opens a kind without keys, so that a key in it is reported.
    pub(super) fn empty(&self, kind: &str) {
        if self.has(kind) {
            self.table(kind);
            self.read(kind, |_| Ok(()));
        }
    }
}

/// A share for time, as in `99% of time`.
pub(super) fn share_of_time(text: &str) -> Result<f64, String> {
    let complain = || format!("`{text}` is not a share of time; write it as in \"99% of time\"");
    let share = units::share(text.trim().strip_suffix("of time").ok_or_else(complain)?).map_err(|_| complain())?;
    if share > 1.0 { Err(format!("`{text}` is more than all of the time")) } else { Ok(share) }
}
