//! What a `[[load]]` says, checked.

use crate::random::Law;
use crate::units::Span;

/// A load, checked: all numbers finite and in range.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadSpec {
    /// Its name, which also names its random streams.
    pub name: String,
    /// Name of the pool, model or pipeline that it goes to (resolved by the scenario's own check).
    pub to: String,
    /// When requests arrive.
    pub arrivals: ArrivalsSpec,
    /// When this load begins to exist; its own clock starts here.
    pub from: Span,
    /// When it ends; `None`: with the run.
    pub until: Option<Span>,
    /// Multiplies rate, users (rounded) or trace volume.
    pub scale: f64,
    /// Work of each request in seconds at speed 1; `None`: the target's `service`.
    pub demand: Option<Law>,
    /// The client gives up after this time.
    pub timeout: Option<Span>,
    /// True: the server drops the work when the client gives up; false: zombie work.
    pub cancel_on_timeout: bool,
    /// Seldon: decides what counts as lag.
    pub protocol: Protocol,
    /// `None`: every request opens a connection of its own.
    pub kept: Option<KeptConnections>,
}

/// Connections that a load's clients keep, so that its requests go where the connections go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptConnections {
    /// How many, taken in turn; `None`: one a user.
    pub count: Option<u32>,
    /// One of this age is closed before its next request.
    pub age: Option<Span>,
}

/// How requests are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP with JSON.
    Rest,
    /// gRPC.
    Grpc,
}

/// When requests arrive.
#[derive(Clone, Debug, PartialEq)]
pub enum ArrivalsSpec {
    /// Poisson with this rate, by inversion of the area under it.
    Poisson {
        /// The rate.
        rate: RateSpec,
    },
    /// Arrival k = 0, 1, ... when the area under the rate reaches k + offset.
    Deterministic {
        /// The rate.
        rate: RateSpec,
        /// 0: the first at once; 1: as k6's ramping-arrival-rate.
        offset: f64,
    },
    /// Gaps of mean 1 in units of area, the first one too.
    Renewal {
        /// The rate.
        rate: RateSpec,
        /// Law of the gaps, of mean 1.
        gaps: Law,
    },
    /// Replay of a trace file.
    Trace(TraceSpec),
    /// Closed loop.
    Users(UsersSpec),
}

/// A rate of requests per second as a function of time since the load's `from`.
#[derive(Clone, Debug, PartialEq)]
pub enum RateSpec {
    /// Always the same.
    Constant(f64),
    /// `before` until `at`, then `after`.
    Step {
        /// 1/s before.
        before: f64,
        /// 1/s from then on.
        after: f64,
        /// When.
        at: Span,
    },
    /// Linear within `over`, flat outside.
    Ramp {
        /// 1/s before.
        from: f64,
        /// 1/s after.
        to: f64,
        /// When the ramp begins.
        at: Span,
        /// How long it takes.
        over: Span,
    },
    /// `peak` within, `base` outside.
    Spike {
        /// 1/s outside.
        base: f64,
        /// 1/s within.
        peak: f64,
        /// When it begins.
        at: Span,
        /// How long it lasts.
        lasts: Span,
    },
    /// base + (peak - base)(1 - e^(-t/rise)) for `hold`, then e^(-t/decay) back.
    FlashCrowd {
        /// 1/s before.
        base: f64,
        /// 1/s that the rise tends to.
        peak: f64,
        /// When it begins.
        at: Span,
        /// How long it rises and holds.
        hold: Span,
        /// Time constant of the rise.
        rise: Span,
        /// Time constant of the decay.
        decay: Span,
    },
    /// mean × (1 + amplitude × sin(2π(t - phase)/period)).
    Sine {
        /// 1/s.
        mean: f64,
        /// Share, 0 to 1.
        amplitude: f64,
        /// Length of a wave.
        period: Span,
        /// Shift.
        phase: Span,
    },
    /// One knot an hour of the clock, linear between, repeated every day.
    Diurnal {
        /// 1/s.
        mean: f64,
        /// 24 factors from 00:00, of mean 1.
        profile: [f64; 24],
        /// What the clock says at the run's time 0 (time of day); the load's `from` is added by whoever builds the rate.
        starts_at: Span,
    },
    /// As k6: from the rate before to the target within the duration; starts at 0; the last target holds.
    Stages(Vec<Stage>),
    /// The sum of the parts.
    Sum(Vec<RateSpec>),
    /// The first is a rate, the others are factors.
    Product(Vec<RateSpec>),
}

/// One stage of a rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// How long it takes to get there; zero jumps.
    pub duration: Span,
    /// 1/s at its end.
    pub target: f64,
}

/// Replay of a trace file.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceSpec {
    /// The file, as it is to be opened.
    pub file: std::path::PathBuf,
    /// t' = from + (t - t₀)/time_scale.
    pub time_scale: f64,
    /// Below 1 thinned, above 1 copied.
    pub volume_scale: f64,
    /// Binned traces: how the requests of a bin are placed.
    pub spread: Spread,
    /// Repeat with period = last - first + mean gap.
    pub repeat: bool,
    /// First trace time used, in the file's own seconds.
    pub clip_from: Option<Span>,
    /// Trace time at which replay ends, in the file's own seconds.
    pub clip_until: Option<Span>,
    /// Event rows: each shifted by U[0, jitter).
    pub jitter: Span,
    /// Binned traces: width of a bin; `None`: the distance of the first two rows.
    pub bin: Option<Span>,
    /// Column with seconds of work a row.
    pub demand_column: Option<String>,
}

/// How the requests of a bin are placed within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// Equidistant; keeps the count.
    Even,
    /// Sorted uniform draws; keeps the count.
    Uniform,
    /// Poisson with the bin's rate; does not keep the count.
    Poisson,
}

/// Closed-loop users.
#[derive(Clone, Debug, PartialEq)]
pub struct UsersSpec {
    /// Pause between a response and the next request, seconds.
    pub think: Law,
    /// Users at the start.
    pub start: u32,
    /// Users come and go one at a time, evenly; the last target holds.
    pub stages: Vec<UserStage>,
    /// All leave, `start` users come and the stages begin again.
    pub repeat_every: Option<Span>,
    /// True: a new user asks at once; false: it thinks first.
    pub first_request: bool,
}

/// One stage of a number of users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserStage {
    /// How long it takes to get there.
    pub duration: Span,
    /// Users at its end.
    pub target: u32,
}
