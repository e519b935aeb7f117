//! Every point is read as a scenario before the first one runs: what a scenario refuses is said under the line of the
//! sweep file that brought it in.

use super::{Point, Sweep};
use crate::diagnostics::{Problem, Problems, Severity};
use crate::experiment::axes::{Values, grouped};
use crate::experiment::crew::Crew;
use crate::scenario;
use crate::scenario::Loaded;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Points that stay in memory between check and run; of more, each is read again when its turn comes, which takes a fraction of
/// a millisecond and keeps memory from growing with their number.
const KEPT: usize = 1_000;

/// Problems of points that are shown; what is wrong with a thousand points is seen from the first ones.
const SHOWN: usize = 10;

/// The scenario of each point, where it was kept.
pub type Checked = Vec<Option<Arc<Loaded>>>;

impl Sweep {
    /// Reads a point's scenario.
    ///
    /// # Errors
    /// What the scenario says of it.
    pub fn load(&self, point: &Point) -> Result<Loaded, Problems> {
        let mut loaded = scenario::load(&self.base, &self.sets_of(point))?;
        // A run needs neither; a thousand points do.
        loaded.effective = Vec::new();
        loaded.text = String::new();
        loaded.warnings = Problems::default();
        Ok(loaded)
    }

    /// Checks all points of `numbers`; `None` where `stop` was set before the end.
    ///
    /// # Errors
    /// All problems that points have, in the sweep file.
    pub fn check(&self, numbers: &[usize], crew: &Crew, stop: &AtomicBool) -> Result<Option<Checked>, Problems> {
        let keep = numbers.len() <= KEPT;
        let read = crew.in_order(numbers.len(), stop, |place| {
            let point = self.point(numbers[place]);
            Ok::<_, std::convert::Infallible>(match self.load(&point) {
                Ok(loaded) => Ok(keep.then(|| Arc::new(loaded))),
                Err(problems) => Err(problems),
            })
        });
        let read = read.unwrap_or_else(|never| match never {});
        let mut refused = Refused { sweep: self, found: Vec::new() };
        let mut checked = Vec::with_capacity(read.len());
        for (place, result) in read.into_iter().enumerate() {
            match result {
                None => return Ok(None),
                Some(Ok(loaded)) => checked.push(loaded),
                Some(Err(problems)) => refused.add(numbers[place], &problems),
            }
        }
        match refused.finish() {
            Some(problems) => Err(problems),
            None => Ok(Some(checked)),
        }
    }
}

/// One thing that is wrong, at how many points, and which the first one is.
struct Found {
    problem: Problem,
    points: usize,
    first: usize,
    /// Does it stand at a value or key of an axis?
    placed: bool,
}

struct Refused<'a> {
    sweep: &'a Sweep,
    found: Vec<Found>,
}

impl Refused<'_> {
    fn add(&mut self, number: usize, problems: &Problems) {
        for problem in problems.list.iter().filter(|problem| problem.severity == Severity::Error) {
            let (problem, placed) = self.at_home(number, problem);
            let same = |found: &&mut Found| found.problem.message == problem.message && found.problem.at == problem.at;
            match self.found.iter_mut().find(same) {
                Some(found) => found.points += 1,
                None => self.found.push(Found { problem, points: 1, first: number, placed }),
            }
        }
    }

    /// The problem under the line of the sweep file that brought it.
    fn at_home(&self, number: usize, problem: &Problem) -> (Problem, bool) {
        let fallback = self.sweep.axes.first().map_or(0..0, |axis| axis.at.clone());
        let home = problem.flag.as_ref().and_then(|flag| self.place(number, &flag.text, &flag.at));
        let placed = home.is_some();
        let at = home.unwrap_or(fallback);
        let label =
            if placed && !problem.label.is_empty() { problem.label.clone() } else { "at some points".to_owned() };
        let help = problem.help.as_deref().map(|help| self.of_base(help));
        (Problem { help, ..Problem::error(at, self.of_base(&problem.message), self.of_base(&label)) }, placed)
    }

    /// A line that a scenario's problem names is one of the base.
    fn of_base(&self, words: &str) -> String {
        const LINE: &str = "on line ";
        let Some(begin) = words.find(LINE).map(|at| at + LINE.len()) else { return words.to_owned() };
        let end = words[begin..].find(|c: char| !c.is_ascii_digit()).map_or(words.len(), |length| begin + length);
        let base = std::path::Path::new(&self.sweep.base.name).file_name().unwrap_or_default().to_string_lossy();
        format!("{} of {base}{}", &words[..end], &words[end..])
    }

    /// Where the part of a flag `--set path=value` stands in the file, if an axis made the flag.
    fn place(&self, number: usize, flag: &str, at: &Range<usize>) -> Option<Range<usize>> {
        let set = flag.strip_prefix("--set ")?;
        let sets = self.sweep.point(number).sets;
        let paths =
            self.sweep.axes.iter().enumerate().flat_map(|(axis, all)| all.paths.iter().map(move |path| (axis, path)));
        let ((axis, path), _) = paths.zip(&sets).find(|(_, own)| own.as_str() == set)?;
        let value = match &path.values {
            Values::List(all) => all.get(self.sweep.level(number, axis)?)?.at.clone(),
            Values::Between(_, at) => at.clone(),
        };
        path.place_of_flag(value, at)
    }

    fn finish(mut self) -> Option<Problems> {
        if self.found.is_empty() {
            return None;
        }
        let more = self.found.len().saturating_sub(SHOWN);
        self.found.truncate(SHOWN);
        let all = self.sweep.points();
        let mut list: Vec<Problem> = self
            .found
            .into_iter()
            .map(|found| {
                let mut problem = found.problem;
                let words = self.sweep.words_of(&self.sweep.point(found.first));
                if !found.placed || found.points < all {
                    let others = match found.points - 1 {
                        0 => String::new(),
                        1 => " and one more".to_owned(),
                        others => format!(" and {} more", grouped(others as u128)),
                    };
                    problem.message = format!("{}: point {}{others} ({words})", problem.message, found.first + 1);
                }
                problem
            })
            .collect();
        if more > 0 {
            list.push(Problem::file(format!("{more} more problems of points")).help("solve these first"));
        }
        Some(Problems::new(self.sweep.source.clone(), list))
    }
}
