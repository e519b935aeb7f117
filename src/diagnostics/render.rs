//! Draws problems the way the Rust compiler draws its own.

use super::problem::{Problem, Problems, Severity, Source};
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

impl Problems {
    /// All of them as text, with the count as last line; `colour` adds terminal colours.
    pub fn render(&self, colour: bool) -> String {
        let mut out = String::new();
        for problem in &self.list {
            out.push_str(&draw(problem, &self.source, colour));
            out.push_str("\n\n");
        }
        out.push_str(&self.count());
        out.push('\n');
        out
    }

    /// `2 errors, 1 warning in scenarios/spike.toml`.
    pub fn count(&self) -> String {
        let some = |count: usize, word: &str| match count {
            0 => None,
            1 => Some(format!("1 {word}")),
            _ => Some(format!("{count} {word}s")),
        };
        let parts: Vec<String> =
            [some(self.errors(), "error"), some(self.warnings(), "warning")].into_iter().flatten().collect();
        format!(
            "{} in {}",
            if parts.is_empty() { "no problems".to_owned() } else { parts.join(", ") },
            self.source.name
        )
    }
}

fn draw(problem: &Problem, source: &Source, colour: bool) -> String {
    if let Some(flag) = &problem.flag {
        let before = flag.text.get(..flag.at.start).unwrap_or("").chars().count();
        let width = flag.text.get(flag.at.clone()).map_or(1, |part| part.chars().count().max(1));
        let word = if problem.severity == Severity::Error { "error" } else { "warning" };
        let mut out = format!("{word}: {}\n  {}\n", problem.message, flag.text);
        out.push_str(&format!("  {}{} {}", " ".repeat(before), "^".repeat(width), problem.label));
        if let Some(help) = &problem.help {
            out.push_str(&format!("\n  = help: {help}"));
        }
        return out.trim_end().to_owned();
    }
    let level = if problem.severity == Severity::Error { Level::ERROR } else { Level::WARNING };
    let mut group =
        level.primary_title(problem.message.as_str()).elements(Vec::<annotate_snippets::Element<'_>>::new());
    if let Some(at) = &problem.at {
        let within = |range: &std::ops::Range<usize>| {
            let end = range.end.min(source.text.len());
            range.start.min(end)..end
        };
        let mut snippet = Snippet::source(source.text.as_str())
            .path(source.name.as_str())
            .annotation(AnnotationKind::Primary.span(within(at)).label(problem.label.as_str()));
        if let Some((beside, label)) = &problem.beside {
            snippet = snippet.annotation(AnnotationKind::Context.span(within(beside)).label(label.as_str()));
        }
        group = group.element(snippet);
    } else {
        group = group.element(Level::NOTE.message(format!("in {}", source.name)));
    }
    if let Some(help) = &problem.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group])
}
