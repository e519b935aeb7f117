//! A load: one pending arrival at a time, whatever the process behind it.
//!
//! Instants come from `load/NAME/arrivals`, work from `load/NAME/demand`, and a closed-loop user's thinking and work from
//! `load/NAME/user` keyed by its number: no policy can shift them.

use super::arrivals::ByRate;
use super::arrivals::Gaps;
use super::spec::ArrivalsSpec;
use super::spec::LoadSpec;
use super::trace::RowSource;
use super::trace::Trace;
use super::trace::TraceError;
use super::users::Users;
use crate::random::Law;
use crate::random::Stream;
use crate::random::Streams;
use crate::units::SimTime;
use crate::units::Span;

/// A request arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Closed loop: whose request it is, to be given to [`Load::demand`] and back to [`Load::ended`]. The user's number,
    /// or a handle beyond all numbers while an older request of the same user is still in flight. Never `u32::MAX`.
    pub user: Option<u32>,
    /// Work at speed 1, where a trace says so.
    pub demand: Option<Span>,
}

/// A load in a run.
pub struct Load {
    process: Process,
    demands: Stream,
    end: SimTime,
}

enum Process {
    ByRate(Box<ByRate>),
    Trace(Box<Trace>),
    Users(Box<Users>),
}

impl Load {
    /// The load of this description. It exists from its `from` until its `until` or the end of the run: nothing arrives
    /// at that instant or later. `rows` is the open file of a trace.
    ///
    /// # Errors
    /// A trace whose first rows cannot be replayed.
    pub fn new(
        spec: &LoadSpec,
        run_end: SimTime,
        streams: &Streams,
        rows: Option<Box<dyn RowSource>>,
    ) -> Result<Self, TraceError> {
        let path = format!("load/{}", spec.name);
        let from = SimTime::ZERO + spec.from;
        let end = spec.until.map_or(run_end, |until| run_end.min(SimTime::ZERO + until));
        let by_rate = |rate, gaps| {
            let stream = streams.named(&format!("{path}/arrivals"));
            Process::ByRate(Box::new(ByRate::new((rate, spec.scale), gaps, stream, (from, end))))
        };
        let process = match &spec.arrivals {
            ArrivalsSpec::Poisson { rate } => by_rate(rate, Gaps::Exponential),
            ArrivalsSpec::Deterministic { rate, offset } => by_rate(rate, Gaps::Even { first: *offset }),
            ArrivalsSpec::Renewal { rate, gaps } => by_rate(rate, Gaps::Renewal(gaps.clone())),
            ArrivalsSpec::Trace(trace) => {
                let rows = rows.ok_or_else(|| TraceError {
                    path: trace.file.clone(),
                    line: None,
                    message: "the file has not been opened".to_string(),
                })?;
                Process::Trace(Box::new(Trace::new(trace, spec.scale, (from, end), (streams, &path), rows)?))
            }
            ArrivalsSpec::Users(users) => {
                Process::Users(Box::new(Users::new(users, spec.scale, from, streams, format!("{path}/user"))))
            }
        };
        Ok(Self { process, demands: streams.named(&format!("{path}/demand")), end })
    }

    /// When [`Load::fire`] is due.
    #[inline]
    pub fn next_at(&self) -> Option<SimTime> {
        let at = match &self.process {
            Process::ByRate(process) => process.next_at(),
            Process::Trace(trace) => trace.next_at(),
            Process::Users(users) => users.next_at(),
        };
        (at < self.end).then_some(at)
    }

    /// What is due at `now`, which is [`Load::next_at`]; draws what comes next. `None`: a step without a request (users
    /// come or go, a row of a trace is dropped or copied).
    ///
    /// # Errors
    /// A trace that cannot be read on.
    #[inline]
    pub fn fire(&mut self, now: SimTime) -> Result<Option<Arrival>, TraceError> {
        debug_assert_eq!(self.next_at(), Some(now), "a load fires when it is due");
        match &mut self.process {
            Process::ByRate(process) => {
                process.fire();
                Ok(Some(Arrival { user: None, demand: None }))
            }
            Process::Trace(trace) => trace.fire(now),
            Process::Users(users) => Ok(users.fire(now)),
        }
    }

    /// A closed-loop user's request has ended, well or not. Draws how long the user thinks.
    #[inline]
    pub fn ended(&mut self, now: SimTime, user: u32) {
        if let Process::Users(users) = &mut self.process {
            users.ended(now, user);
        }
    }

    /// From now on the rate, the users or the trace's volume are multiplied by `scale`, in place of the former factor.
    pub fn set_scale(&mut self, now: SimTime, scale: f64) {
        match &mut self.process {
            Process::ByRate(process) => process.set_scale(now, scale),
            Process::Trace(trace) => trace.set_scale(now, scale),
            Process::Users(users) => users.set_scale(now, scale),
        }
    }

    /// Work of a request, drawn at its birth; `user` as in its [`Arrival`].
    #[inline]
    pub fn demand(&mut self, law: &Law, user: Option<u32>) -> Span {
        let stream = match (&mut self.process, user) {
            (Process::Users(users), Some(user)) => users.stream(user),
            _ => &mut self.demands,
        };
        Span::from_drawn_secs(law.sample(stream))
    }
}
