//! What is wrong, where, and what to do about it.

use std::ops::Range;
use std::path::PathBuf;

/// A text that a user wrote.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// As it is called in messages: a path, or `<stdin>`.
    pub name: String,
    /// The text.
    pub text: String,
    /// Where relative paths in it start.
    pub folder: PathBuf,
}

/// A value that was given on the command line in place of the file's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// The whole flag: `--set pool.chat.replicas=x`.
    pub text: String,
    /// The part at fault, in bytes of `text`.
    pub at: Range<usize>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It cannot be run.
    Error,
    /// It can be run and is probably not what was meant.
    Warning,
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// One sentence in the user's words.
    pub message: String,
    /// Where: bytes of the source; `None` where it concerns the file as a whole.
    pub at: Option<Range<usize>>,
    /// What stands under the marked place.
    pub label: String,
    /// A second place that belongs to it.
    pub beside: Option<(Range<usize>, String)>,
    /// What to do.
    pub help: Option<String>,
    /// The flag that brought the value in, in place of the file.
    pub flag: Option<Flag>,
}

impl Problem {
    /// An error at a place.
    pub fn error(at: Range<usize>, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            at: Some(at),
            label: label.into(),
            beside: None,
            help: None,
            flag: None,
        }
    }

    /// A warning at a place.
    pub fn warning(at: Range<usize>, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(at, message, label) }
    }

    /// An error that concerns a file as a whole.
    pub fn file(message: impl Into<String>) -> Self {
        Self { at: None, ..Self::error(0..0, message, "") }
    }

    /// An error of a flag.
    pub fn flag(flag: Flag, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self { at: None, flag: Some(flag), ..Self::error(0..0, message, label) }
    }

    /// With a way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With a second place.
    #[must_use]
    pub fn beside(mut self, at: Range<usize>, label: impl Into<String>) -> Self {
        self.beside = Some((at, label.into()));
        self
    }
}

/// All problems of one source, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    /// The text they speak of.
    pub source: Source,
    /// Errors and warnings.
    pub list: Vec<Problem>,
}

impl Problems {
    /// Problems in the order of the file.
    pub fn new(source: Source, mut list: Vec<Problem>) -> Self {
        list.sort_by_key(|problem| problem.at.as_ref().map_or(0, |at| at.start));
        Self { source, list }
    }

    /// How many are errors.
    pub fn errors(&self) -> usize {
        self.list.iter().filter(|problem| problem.severity == Severity::Error).count()
    }

    /// How many are warnings.
    pub fn warnings(&self) -> usize {
        self.list.len() - self.errors()
    }

    /// The file's line, counted from 1, in which a byte stands.
    pub fn line_of(&self, at: usize) -> usize {
        line_of(&self.source.text, at)
    }
}

/// The line, counted from 1, in which a byte stands.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    1 + text.as_bytes().iter().take(at).filter(|&&byte| byte == b'\n').count()
}
