//! `sim init`: commented scenarios to begin with.

use super::args::InitArguments;
use super::{Done, Failure, Voice};
use crate::diagnostics::closest;

/// A scenario that comes with the program.
pub(super) struct Template {
    pub name: &'static str,
    pub about: &'static str,
    text: &'static str,
}

macro_rules! templates {
    ($($name:literal: $about:literal,)*) => {
        &[$(Template { name: $name, about: $about, text: include_str!(concat!("../../scenarios/", $name, ".toml")) },)*]
    };
}

pub(super) static TEMPLATES: &[Template] = templates! {
    "spike": "a fivefold spike against an HPA on CPU",
    "steady": "constant load: where does it settle, and what does it cost?",
    "diurnal": "a day of office traffic",
    "flash-crowd": "a steep rise with a long tail",
    "cold-start": "what slow pulls and loads cost",
    "metrics-server-down": "an outage of metrics-server in the middle of a rise",
    "prometheus-lag": "CPU through metrics-server against requests per second through Prometheus",
};

pub(super) fn init(arguments: &InitArguments, voice: Voice) -> Result<Done, Failure> {
    let Some(template) = TEMPLATES.iter().find(|template| template.name == arguments.template) else {
        let names: Vec<&str> = TEMPLATES.iter().map(|template| template.name).collect();
        let help = match closest(&arguments.template, names.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the templates are {}", names.join(", ")),
        };
        return Err(Failure::Wrong(format!("error: there is no template `{}`\n  = help: {help}", arguments.template)));
    };
    voice.result(template.text)?;
    Ok(Done::Fine)
}
