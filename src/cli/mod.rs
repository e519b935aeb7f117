//! The command line: arguments in, exit code out. The only room that prints, reads the wall clock or the environment.

mod args;
mod check;
mod compare;
mod estimate;
mod explain;
mod export;
mod folder;
mod import;
mod init;
mod input;
mod list;
mod merge;
mod output;
mod page;
mod plan;
mod plot;
mod progress;
mod replay;
mod run;
mod schema;
mod sweep;

use args::{Arguments, Color, Command};
use clap::{CommandFactory, Parser};
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Why a command did not do what it was asked to.
enum Failure {
    /// A file or a flag is wrong; the message has been drawn.
    Wrong(String),
    /// The world: cannot write, a trace changed.
    World(String),
    /// Ctrl-C.
    Interrupted,
}

/// How a command that ran to its end came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    Fine,
    /// An objective was missed, and that was to be checked.
    Missed,
    /// A replayed case differs from its record.
    Differs,
    /// Ctrl-C, and what was done is kept.
    Stopped,
}

/// Speaks to the user: results to stdout, everything else to stderr.
#[derive(Clone, Copy, Debug)]
struct Voice {
    quiet: u8,
    verbose: bool,
    colour: bool,
}

impl Voice {
    /// A result.
    fn result(self, text: &str) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Ok(()) => Ok(()),
            // Whoever reads has seen enough.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(Failure::World(format!("cannot write to stdout: {error}"))),
        }
    }

    /// Something worth saying beside the result.
    fn note(self, text: &str) {
        if self.quiet == 0 {
            complain(text);
        }
    }

    /// A warning.
    fn warn(self, text: &str) {
        if self.quiet < 2 {
            complain(text);
        }
    }

    /// Detail that was asked for.
    fn detail(self, text: &str) {
        if self.verbose {
            complain(text);
        }
    }
}

/// Says it on stderr; if nobody can hear it, there is nobody to tell.
fn complain(text: &str) {
    let mut err = std::io::stderr().lock();
    let _ = writeln!(err, "{}", text.trim_end());
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let voice = Voice {
        quiet: arguments.voice.quiet,
        verbose: arguments.voice.verbose,
        colour: match arguments.voice.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                std::io::stderr().is_terminal()
                    && anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
            }
        },
    };
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    // Without a handler Ctrl-C still ends the program, only less tidily.
    let _ = ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed));
    let outcome = match &arguments.command {
        Command::Run(arguments) => run::run(arguments, voice, &stop),
        Command::Sweep(arguments) => sweep::run(arguments, voice, &stop),
        Command::Plan(arguments) => plan::run(arguments, voice, &stop),
        Command::Compare(arguments) => compare::run(arguments, voice, &stop),
        Command::Check(arguments) => check::check(arguments, voice),
        Command::Explain(arguments) => explain::explain(arguments, voice),
        Command::Replay(arguments) => replay::replay(arguments, voice),
        Command::Import(arguments) => import::import(arguments, voice),
        Command::Export(arguments) => export::export(arguments, voice),
        Command::Merge(arguments) => merge::run(arguments, voice),
        Command::Init(arguments) => init::init(arguments, voice),
        Command::Plot(arguments) => plot::plot(arguments, voice),
        Command::List(arguments) => list::list(arguments, voice),
        Command::Schema(arguments) => schema::schema(arguments, voice),
        Command::Completions(arguments) => completions(arguments, voice),
    };
    match outcome {
        Ok(Done::Fine) => ExitCode::SUCCESS,
        Ok(Done::Missed) => ExitCode::from(3),
        Ok(Done::Differs) => ExitCode::from(1),
        Ok(Done::Stopped) => ExitCode::from(130),
        Err(Failure::Wrong(text)) => {
            complain(&text);
            ExitCode::from(2)
        }
        Err(Failure::World(text)) => {
            complain(&format!("error: {text}"));
            ExitCode::from(1)
        }
        Err(Failure::Interrupted) => {
            complain("interrupted: nothing was written");
            ExitCode::from(130)
        }
    }
}

fn completions(arguments: &args::CompletionsArguments, voice: Voice) -> Result<Done, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "sim", &mut script);
    voice.result(&String::from_utf8_lossy(&script))?;
    Ok(Done::Fine)
}
