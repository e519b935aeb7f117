//! The keys of a scenario: name, kind, default and meaning of each, stated once.
//!
//! The reader takes defaults from here, messages and completion take words from here, `sim list` and the JSON Schema print
//! it. A default is written as a user would write it.

use super::keys_seldon::{ADVICE, CORE, FLOW, MODEL, SERVER, SERVER_REPLICA};

/// The keys of one table.
#[derive(Debug)]
pub struct Keys {
    /// In the order in which they are documented.
    pub keys: &'static [Key],
}

/// One key.
#[derive(Debug)]
pub struct Key {
    /// As it is written.
    pub name: &'static str,
    /// What stands behind it.
    pub kind: Kind,
    /// What holds where it is not written.
    pub fallback: Fallback,
    /// One line.
    pub about: &'static str,
}

/// What holds where a key is not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// It must be written.
    Required,
    /// Nothing.
    None,
    /// This, as TOML; for a choice the kind's name.
    Is(&'static str),
}

/// What stands behind a key.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Lower-case letters, digits and dashes.
    Name,
    /// Any text.
    Text,
    /// A path to a file.
    File,
    /// True or false.
    Bool,
    /// A whole number.
    Whole,
    /// A whole number, or this word.
    WholeOr(&'static str),
    /// A number without unit.
    Number,
    /// A duration.
    Duration,
    /// A duration, or this word.
    DurationOr(&'static str),
    /// A rate.
    Rate,
    /// A share in per cent.
    Share,
    /// A share, or an amount.
    ShareOrAmount,
    /// An amount of CPU.
    Cpu,
    /// A size in bytes.
    Size,
    /// USD per replica-hour.
    Price,
    /// A time of day.
    Clock,
    /// A law of a duration.
    Law,
    /// A law of a number.
    NumberLaw,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A Kubernetes quantity.
    Quantity,
    /// A list of texts.
    Texts,
    /// A list of numbers.
    Numbers,
    /// A table of texts.
    Map,
    /// Key paths to new values.
    Changes,
    /// A table.
    Table(&'static Keys),
    /// A table, or this word.
    TableOr(&'static Keys, &'static str),
    /// A list of tables.
    Tables(&'static Keys),
    /// A list of rate shapes.
    Shapes,
    /// Exactly one key of these.
    OneOf(&'static Keys),
}

impl Kind {
    /// What it is, for a message.
    pub const fn words(&self) -> &'static str {
        match self {
            Self::Name => "a name of lower-case letters, digits and dashes",
            Self::Text | Self::Word(_) => "text",
            Self::File => "the path of a file",
            Self::Bool => "true or false",
            Self::Whole | Self::WholeOr(_) => "a whole number",
            Self::Number => "a number",
            Self::Duration | Self::DurationOr(_) => "a duration",
            Self::Rate => "a rate",
            Self::Share => "a share in per cent",
            Self::ShareOrAmount => "a share of the request, or an amount",
            Self::Cpu => "an amount of CPU",
            Self::Size => "a size",
            Self::Price => "a price",
            Self::Clock => "a time of day",
            Self::Law => "a duration or a law of durations",
            Self::NumberLaw => "a number or a law of numbers",
            Self::Quantity => "a Kubernetes quantity",
            Self::Texts => "a list of texts",
            Self::Numbers => "a list of numbers",
            Self::Map => "a table of texts",
            Self::Changes => "a table of key paths and new values",
            Self::Table(_) | Self::TableOr(..) => "a table",
            Self::Tables(_) => "a list of tables",
            Self::Shapes => "a list of rate shapes",
            Self::OneOf(_) => "one of several kinds",
        }
    }

    /// A value that could stand there.
    pub const fn example(&self) -> &'static str {
        match self {
            Self::Name | Self::Text | Self::Word(_) => "\"...\"",
            Self::File => "\"traces/mine.csv\"",
            Self::Bool => "true",
            Self::Whole | Self::WholeOr(_) => "10",
            Self::Number => "1.0",
            Self::Duration | Self::DurationOr(_) => "\"90s\"",
            Self::Rate => "\"40/s\"",
            Self::Share | Self::ShareOrAmount => "\"70%\"",
            Self::Cpu => "\"500m\"",
            Self::Size => "\"512Mi\"",
            Self::Price => "\"$0.80/h\"",
            Self::Clock => "\"08:30\"",
            Self::Law => "\"80ms\"",
            Self::NumberLaw => "1.0",
            Self::Quantity => "\"100m\"",
            Self::Texts => "[\"...\"]",
            Self::Numbers => "[1.0]",
            Self::Map | Self::Changes | Self::Table(_) | Self::TableOr(..) | Self::OneOf(_) => "{ ... }",
            Self::Tables(_) | Self::Shapes => "[{ ... }]",
        }
    }
}

/// A scenario file.
pub static SCENARIO: Keys = Keys {
    keys: &[
        Key {
            name: "name",
            kind: Kind::Name,
            fallback: Fallback::None,
            about: "names the output folder; the file's stem where it is not given",
        },
        Key {
            name: "about",
            kind: Kind::Text,
            fallback: Fallback::Is(r#""""#),
            about: "one line for titles and reports",
        },
        Key { name: "seed", kind: Kind::Whole, fallback: Fallback::Is("1"), about: "base of all random streams" },
        Key { name: "duration", kind: Kind::Duration, fallback: Fallback::Required, about: "simulated time" },
        Key {
            name: "tick",
            kind: Kind::Duration,
            fallback: Fallback::Is(r#""5s""#),
            about: "row interval of the time series",
        },
        Key {
            name: "warmup",
            kind: Kind::Duration,
            fallback: Fallback::Is(r#""0s""#),
            about: "simulated and drawn, but left out of summary, latency and objectives; whole ticks",
        },
        Key {
            name: "starts_at",
            kind: Kind::Clock,
            fallback: Fallback::Is(r#""00:00""#),
            about: "what the clock says at time 0",
        },
        Key {
            name: "hpa_controller",
            kind: Kind::Table(&HPA_CONTROLLER),
            fallback: Fallback::None,
            about: "flags of the HPA controller",
        },
        Key {
            name: "metrics_server",
            kind: Kind::Table(&METRICS_SERVER),
            fallback: Fallback::None,
            about: "metrics-server and the kubelets it reads",
        },
        Key {
            name: "prometheus",
            kind: Kind::Table(&PROMETHEUS),
            fallback: Fallback::None,
            about: "Prometheus and its adapter",
        },
        Key { name: "load", kind: Kind::Tables(&LOAD), fallback: Fallback::None, about: "who sends requests" },
        Key {
            name: "pool",
            kind: Kind::Tables(&POOL),
            fallback: Fallback::None,
            about: "a Deployment of equal replicas",
        },
        Key { name: "core", kind: Kind::Table(&CORE), fallback: Fallback::None, about: "Seldon Core 2, all of it" },
        Key {
            name: "server",
            kind: Kind::Tables(&SERVER),
            fallback: Fallback::None,
            about: "a Seldon Server: pods that models are loaded into",
        },
        Key { name: "model", kind: Kind::Tables(&MODEL), fallback: Fallback::None, about: "a Seldon Model" },
        Key {
            name: "pipeline",
            kind: Kind::Tables(&FLOW),
            fallback: Fallback::None,
            about: "a Seldon Pipeline: steps from model to model",
        },
        Key {
            name: "advice",
            kind: Kind::Table(&ADVICE),
            fallback: Fallback::None,
            about: "constraints that no figure shows; read by compare",
        },
        Key { name: "signal", kind: Kind::Tables(&SIGNAL), fallback: Fallback::None, about: "a recorded metric" },
        Key {
            name: "event",
            kind: Kind::Tables(&EVENT),
            fallback: Fallback::None,
            about: "a change or a fault during the run",
        },
        Key { name: "objective", kind: Kind::Tables(&OBJECTIVE), fallback: Fallback::None, about: "what must hold" },
    ],
};

/// `[hpa_controller]`: flags of kube-controller-manager.
pub static HPA_CONTROLLER: Keys = Keys {
    keys: &[
        Key {
            name: "sync_period",
            kind: Kind::Duration,
            fallback: Fallback::Is(r#""15s""#),
            about: "fixed delay between reconciles of one HPA, at least 100ms",
        },
        Key {
            name: "tolerance",
            kind: Kind::Share,
            fallback: Fallback::Is(r#""10%""#),
            about: "ratio band in which nothing changes",
        },
        Key {
            name: "downscale_stabilization",
            kind: Kind::Duration,
            fallback: Fallback::Is(r#""5m""#),
            about: "look-back for scale-down",
        },
        Key {
            name: "cpu_initialization_period",
            kind: Kind::Duration,
            fallback: Fallback::Is(r#""5m""#),
            about: "pod age below which CPU samples are treated with suspicion",
        },
        Key {
            name: "initial_readiness_delay",
            kind: Kind::Duration,
            fallback: Fallback::Is(r#""30s""#),
            about: "how long after its start a pod may turn unready and still count as starting",
        },
        Key {
            name: "feature_gates",
            kind: Kind::Text,
            fallback: Fallback::Is(r#""""#),
            about: "as on the flag: HPAScaleToZero=true,HPAConfigurableTolerance=false",
        },
    ],
};

/// `[metrics_server]`.
pub static METRICS_SERVER: Keys = Keys {
    keys: &[
        Key { name: "enabled", kind: Kind::Bool, fallback: Fallback::Is("true"), about: "false: not installed" },
        Key {
            name: "metric_resolution",
            kind: Kind::Duration,
            fallback: Fallback::Is(r#""15s""#),
            about: "time between scrapes, 10s to 15m",
        },
        Key {
            name: "housekeeping_interval",
            kind: Kind::Duration,
            fallback: Fallback::Is(r#""10s""#),
            about: "the kubelet's own sampling, 1s to 3m",
        },
        Key {
            name: "housekeeping_jitter",
            kind: Kind::Number,
            fallback: Fallback::Is("1.0"),
            about: "next gap = interval × (1 + U × jitter)",
        },
        Key {
            name: "housekeeping_max",
            kind: Kind::Duration,
            fallback: Fallback::Is(r#""15s""#),
            about: "longest interval of idle containers",
        },
        Key {
            name: "sampling",
            kind: Kind::Word(&["cached", "on_demand"]),
            fallback: Fallback::Is(r#""cached""#),
            about: "age of a sample when it is read",
        },
        Key {
            name: "cpu_rate",
            kind: Kind::Word(&["own", "kubelet"]),
            fallback: Fallback::Is(r#""own""#),
            about: "whose is served: its own, between two scrapes (since 0.5), or the kubelet's, between its last two samples (0.3, 0.4)",
        },
        Key {
            name: "kubelet_request_timeout",
            kind: Kind::Duration,
            fallback: Fallback::Is(r#""10s""#),
            about: "a slower kubelet is given up; shorter than the resolution",
        },
        Key {
            name: "kubelet_latency",
            kind: Kind::Law,
            fallback: Fallback::Is(r#""50ms""#),
            about: "answer time of a kubelet",
        },
        Key {
            name: "phase",
            kind: Kind::DurationOr("random"),
            fallback: Fallback::Is(r#""random""#),
            about: "first scrape; random: uniform over one resolution",
        },
    ],
};

/// `[prometheus]`.
pub static PROMETHEUS: Keys = Keys {
    keys: &[
        Key {
            name: "scrape_interval",
            kind: Kind::Duration,
            fallback: Fallback::Is(r#""1m""#),
            about: "between scrapes of one target",
        },
        Key {
            name: "scrape_timeout",
            kind: Kind::Duration,
            fallback: Fallback::Is(r#""10s""#),
            about: "a slower target fails; at most the interval",
        },
        Key {
            name: "rate_window",
            kind: Kind::Duration,
            fallback: Fallback::Is(r#""2m""#),
            about: "window of rate() behind every rate signal",
        },
        Key {
            name: "lookback_delta",
            kind: Kind::Duration,
            fallback: Fallback::Is(r#""5m""#),
            about: "age at which an instant value is stale",
        },
        Key {
            name: "metrics_relist_interval",
            kind: Kind::Duration,
            fallback: Fallback::Is(r#""10m""#),
            about: "the adapter's list of series names",
        },
        Key {
            name: "metrics_max_age",
            kind: Kind::Duration,
            fallback: Fallback::None,
            about: "series seen within this age are listed; the relist interval where it is not given",
        },
        Key {
            name: "adapter_query_latency",
            kind: Kind::Law,
            fallback: Fallback::Is(r#""50ms""#),
            about: "time of a query",
        },
        Key {
            name: "target_discovery",
            kind: Kind::Law,
            fallback: Fallback::Is(r#""5s""#),
            about: "pod address to scrape target",
        },
    ],
};

/// `[[load]]`.
pub static LOAD: Keys = Keys {
    keys: &[
        Key { name: "name", kind: Kind::Name, fallback: Fallback::Required, about: "names its random streams" },
        Key {
            name: "to",
            kind: Kind::Name,
            fallback: Fallback::Required,
            about: "the pool, model or pipeline that it goes to",
        },
        Key {
            name: "arrivals",
            kind: Kind::OneOf(&ARRIVALS),
            fallback: Fallback::Is("poisson"),
            about: "when requests arrive",
        },
        Key {
            name: "rate",
            kind: Kind::OneOf(&RATE),
            fallback: Fallback::None,
            about: "requests per second as a function of time",
        },
        Key {
            name: "from",
            kind: Kind::Duration,
            fallback: Fallback::Is(r#""0s""#),
            about: "when this load begins; its own clock starts here",
        },
        Key {
            name: "until",
            kind: Kind::Duration,
            fallback: Fallback::None,
            about: "when it ends; with the run where it is not given",
        },
        Key {
            name: "scale",
            kind: Kind::Number,
            fallback: Fallback::Is("1.0"),
            about: "multiplies rate, users or trace volume",
        },
        Key {
            name: "demand",
            kind: Kind::Law,
            fallback: Fallback::None,
            about: "work of each request at speed 1; the target's `service` where it is not given",
        },
        Key {
            name: "timeout",
            kind: Kind::DurationOr("none"),
            fallback: Fallback::Is(r#""30s""#),
            about: "the client gives up: timed_out",
        },
        Key {
            name: "cancel_on_timeout",
            kind: Kind::Bool,
            fallback: Fallback::Is("false"),
            about: "true: the server drops the work then; false: zombie work",
        },
        Key {
            name: "protocol",
            kind: Kind::Word(&["rest", "grpc"]),
            fallback: Fallback::Is(r#""rest""#),
            about: "of requests to models: decides what counts as inference lag",
        },
        Key {
            name: "keep_alive",
            kind: Kind::Bool,
            fallback: Fallback::Is("false"),
            about: "true: the balancer chooses per connection, as kube-proxy does; a user keeps one while it is here",
        },
        Key {
            name: "connections",
            kind: Kind::Whole,
            fallback: Fallback::None,
            about: "kept by the clients of a load without users; its requests take them in turn",
        },
        Key {
            name: "connection_age",
            kind: Kind::DurationOr("none"),
            fallback: Fallback::Is(r#""none""#),
            about: "a kept connection of this age is closed before its next request, as gRPC's MAX_CONNECTION_AGE does",
        },
    ],
};

/// `arrivals.<kind>`.
pub static ARRIVALS: Keys = Keys {
    keys: &[
        Key {
            name: "poisson",
            kind: Kind::Table(&NO_KEYS),
            fallback: Fallback::None,
            about: "Poisson with the rate, by inversion of the area under it",
        },
        Key {
            name: "deterministic",
            kind: Kind::Table(&DETERMINISTIC),
            fallback: Fallback::None,
            about: "arrival k when the area under the rate reaches k + offset",
        },
        Key {
            name: "renewal",
            kind: Kind::Law,
            fallback: Fallback::None,
            about: "gaps of this law with mean 1, in units of area",
        },
        Key { name: "trace", kind: Kind::Table(&TRACE), fallback: Fallback::None, about: "replay of a CSV file" },
        Key {
            name: "users",
            kind: Kind::Table(&USERS),
            fallback: Fallback::None,
            about: "closed loop: one request in flight each",
        },
    ],
};

/// A kind without keys.
pub static NO_KEYS: Keys = Keys { keys: &[] };

/// `arrivals.deterministic`.
pub static DETERMINISTIC: Keys = Keys {
    keys: &[Key {
        name: "offset",
        kind: Kind::Number,
        fallback: Fallback::Is("0"),
        about: "1: as k6 ramping-arrival-rate",
    }],
};

/// `arrivals.trace`.
pub static TRACE: Keys = Keys {
    keys: &[
        Key {
            name: "file",
            kind: Kind::File,
            fallback: Fallback::Required,
            about: "CSV sorted by `t` or `timestamp_s`; with a column `count`: binned",
        },
        Key {
            name: "time_scale",
            kind: Kind::Number,
            fallback: Fallback::Is("1"),
            about: "the clock of the trace runs this many times faster",
        },
        Key {
            name: "volume_scale",
            kind: Kind::Number,
            fallback: Fallback::Is("1"),
            about: "below 1 thinned, above 1 copied",
        },
        Key {
            name: "spread",
            kind: Kind::Word(&["even", "uniform", "poisson"]),
            fallback: Fallback::Is(r#""uniform""#),
            about: "binned: how the requests of a bin are placed",
        },
        Key { name: "loop", kind: Kind::Bool, fallback: Fallback::Is("false"), about: "repeat it until the load ends" },
        Key {
            name: "clip_from",
            kind: Kind::Duration,
            fallback: Fallback::None,
            about: "first time used, in the file's own seconds",
        },
        Key {
            name: "clip_until",
            kind: Kind::Duration,
            fallback: Fallback::None,
            about: "time at which replay ends, in the file's own seconds",
        },
        Key {
            name: "jitter",
            kind: Kind::Duration,
            fallback: Fallback::Is(r#""0s""#),
            about: "rows: each shifted by U[0, jitter)",
        },
        Key {
            name: "bin",
            kind: Kind::Duration,
            fallback: Fallback::None,
            about: "binned: width of a bin; the distance of the first two rows where it is not given",
        },
        Key {
            name: "demand_column",
            kind: Kind::Text,
            fallback: Fallback::None,
            about: "column with seconds of work a row",
        },
    ],
};

/// `arrivals.users`.
pub static USERS: Keys = Keys {
    keys: &[
        Key {
            name: "think",
            kind: Kind::Law,
            fallback: Fallback::Required,
            about: "pause between a response and the next request",
        },
        Key { name: "start", kind: Kind::Whole, fallback: Fallback::Is("0"), about: "users at the start" },
        Key {
            name: "stages",
            kind: Kind::Tables(&USER_STAGE),
            fallback: Fallback::None,
            about: "users come and go one at a time, evenly; the last target holds",
        },
        Key {
            name: "repeat_every",
            kind: Kind::Duration,
            fallback: Fallback::None,
            about: "all leave, `start` users come and the stages begin again",
        },
        Key {
            name: "first",
            kind: Kind::Word(&["think", "request"]),
            fallback: Fallback::Is(r#""think""#),
            about: "what a new user does first",
        },
    ],
};

/// A stage of users.
pub static USER_STAGE: Keys = Keys {
    keys: &[
        Key {
            name: "duration",
            kind: Kind::Duration,
            fallback: Fallback::Required,
            about: "how long it takes to get there",
        },
        Key { name: "target", kind: Kind::Whole, fallback: Fallback::Required, about: "users at its end" },
    ],
};

/// `rate.<shape>`.
pub static RATE: Keys = Keys {
    keys: &[
        Key { name: "constant", kind: Kind::Rate, fallback: Fallback::None, about: "always the same" },
        Key {
            name: "step",
            kind: Kind::Table(&STEP),
            fallback: Fallback::None,
            about: "`before` until `at`, then `after`",
        },
        Key {
            name: "ramp",
            kind: Kind::Table(&RAMP),
            fallback: Fallback::None,
            about: "linear within `over`, flat outside",
        },
        Key {
            name: "spike",
            kind: Kind::Table(&SPIKE),
            fallback: Fallback::None,
            about: "`peak` within, `base` outside",
        },
        Key {
            name: "flash_crowd",
            kind: Kind::Table(&FLASH_CROWD),
            fallback: Fallback::None,
            about: "steep rise, then exponential decay",
        },
        Key {
            name: "sine",
            kind: Kind::Table(&SINE),
            fallback: Fallback::None,
            about: "mean × (1 + amplitude × sin(2π(t − phase)/period))",
        },
        Key {
            name: "diurnal",
            kind: Kind::Table(&DIURNAL),
            fallback: Fallback::None,
            about: "one factor an hour of the clock, linear between",
        },
        Key {
            name: "stages",
            kind: Kind::Tables(&RATE_STAGE),
            fallback: Fallback::None,
            about: "as k6: reach each target within its duration",
        },
        Key { name: "sum", kind: Kind::Shapes, fallback: Fallback::None, about: "the sum of the parts" },
        Key {
            name: "product",
            kind: Kind::Shapes,
            fallback: Fallback::None,
            about: "the first is a rate, the others are factors",
        },
    ],
};

/// `rate.step`.
pub static STEP: Keys = Keys {
    keys: &[
        Key { name: "before", kind: Kind::Rate, fallback: Fallback::Required, about: "rate before" },
        Key { name: "after", kind: Kind::Rate, fallback: Fallback::Required, about: "rate from then on" },
        Key { name: "at", kind: Kind::Duration, fallback: Fallback::Required, about: "when" },
    ],
};

/// `rate.ramp`.
pub static RAMP: Keys = Keys {
    keys: &[
        Key { name: "from", kind: Kind::Rate, fallback: Fallback::Required, about: "rate before" },
        Key { name: "to", kind: Kind::Rate, fallback: Fallback::Required, about: "rate after" },
        Key { name: "at", kind: Kind::Duration, fallback: Fallback::Is(r#""0s""#), about: "when it begins" },
        Key { name: "over", kind: Kind::Duration, fallback: Fallback::Required, about: "how long it takes" },
    ],
};

/// `rate.spike`.
pub static SPIKE: Keys = Keys {
    keys: &[
        Key { name: "base", kind: Kind::Rate, fallback: Fallback::Required, about: "rate outside" },
        Key { name: "peak", kind: Kind::Rate, fallback: Fallback::Required, about: "rate within" },
        Key { name: "at", kind: Kind::Duration, fallback: Fallback::Required, about: "when it begins" },
        Key { name: "lasts", kind: Kind::Duration, fallback: Fallback::Is(r#""60s""#), about: "how long it lasts" },
    ],
};

/// `rate.flash_crowd`.
pub static FLASH_CROWD: Keys = Keys {
    keys: &[
        Key { name: "base", kind: Kind::Rate, fallback: Fallback::Required, about: "rate before" },
        Key { name: "peak", kind: Kind::Rate, fallback: Fallback::Required, about: "rate that the rise tends to" },
        Key { name: "at", kind: Kind::Duration, fallback: Fallback::Required, about: "when it begins" },
        Key { name: "hold", kind: Kind::Duration, fallback: Fallback::Required, about: "how long it rises and holds" },
        Key {
            name: "rise",
            kind: Kind::Duration,
            fallback: Fallback::Is(r#""30s""#),
            about: "time constant of the rise",
        },
        Key {
            name: "decay",
            kind: Kind::Duration,
            fallback: Fallback::Is(r#""5m""#),
            about: "time constant of the decay",
        },
    ],
};

/// `rate.sine`.
pub static SINE: Keys = Keys {
    keys: &[
        Key { name: "mean", kind: Kind::Rate, fallback: Fallback::Required, about: "mean rate" },
        Key { name: "amplitude", kind: Kind::Share, fallback: Fallback::Required, about: "0% to 100%" },
        Key {
            name: "period",
            kind: Kind::Duration,
            fallback: Fallback::Is(r#""24h""#),
            about: "length of a wave, at least 1s",
        },
        Key { name: "phase", kind: Kind::Duration, fallback: Fallback::Is(r#""0s""#), about: "shift" },
    ],
};

/// `rate.diurnal`.
pub static DIURNAL: Keys = Keys {
    keys: &[
        Key { name: "mean", kind: Kind::Rate, fallback: Fallback::Required, about: "mean rate" },
        Key {
            name: "profile",
            kind: Kind::Numbers,
            fallback: Fallback::Is(
                "[0.55, 0.47, 0.41, 0.37, 0.35, 0.39, 0.52, 0.75, 1.02, 1.26, 1.42, 1.51, 1.55, 1.58, 1.60, 1.58, 1.52, 1.42, 1.30, 1.17, 1.03, 0.90, 0.74, 0.59]",
            ),
            about: "24 factors from 00:00, normalised to mean 1",
        },
    ],
};

/// A stage of a rate.
pub static RATE_STAGE: Keys = Keys {
    keys: &[
        Key {
            name: "duration",
            kind: Kind::Duration,
            fallback: Fallback::Required,
            about: "how long it takes to get there; 0s jumps",
        },
        Key { name: "target", kind: Kind::Rate, fallback: Fallback::Required, about: "rate at its end" },
    ],
};

// Keys that a pool and a Seldon server have in common.

pub(super) const WORKERS: Key = Key {
    name: "workers",
    kind: Kind::WholeOr("unlimited"),
    fallback: Fallback::None,
    about: "requests in service at once per replica; 1, or unlimited with processor sharing",
};

pub(super) const POOL_DISCIPLINE: Key = Key {
    name: "discipline",
    kind: Kind::OneOf(&DISCIPLINE),
    fallback: Fallback::Is("fifo"),
    about: "when service ends",
};

pub(super) const SPEED: Key =
    Key { name: "speed", kind: Kind::NumberLaw, fallback: Fallback::Is("1.0"), about: "drawn once per replica" };

pub(super) const POOL_QUEUE: Key =
    Key { name: "queue", kind: Kind::Table(&QUEUE), fallback: Fallback::None, about: "waiting room" };

pub(super) const POOL_CPU: Key =
    Key { name: "cpu", kind: Kind::Table(&CPU), fallback: Fallback::None, about: "CPU of the main container" };

pub(super) const PRICE: Key = Key {
    name: "price",
    kind: Kind::Price,
    fallback: Fallback::Is(r#""$0/h""#),
    about: "per replica, from creation to gone",
};

pub(super) const POOL_START: Key =
    Key { name: "start", kind: Kind::Table(&START), fallback: Fallback::None, about: "from wanted to serving" };

pub(super) const METRICS: Key = Key {
    name: "metrics",
    kind: Kind::OneOf(&POOL_METRICS),
    fallback: Fallback::Is("resource"),
    about: "how its own metrics reach a scaler",
};

pub(super) const POOL_SCALER: Key =
    Key { name: "scaler", kind: Kind::OneOf(&SCALER), fallback: Fallback::Is("fixed"), about: "its autoscaler" };

/// `[[pool]]`.
pub static POOL: Keys = Keys {
    keys: &[
        Key { name: "name", kind: Kind::Name, fallback: Fallback::Required, about: "its name" },
        Key {
            name: "kind",
            kind: Kind::Word(&["Deployment", "StatefulSet", "ReplicaSet"]),
            fallback: Fallback::Is(r#""Deployment""#),
            about: "order of start and choice of victim",
        },
        Key {
            name: "replicas",
            kind: Kind::Whole,
            fallback: Fallback::Is("1"),
            about: "at time 0: ready, idle and measured for an hour",
        },
        WORKERS,
        POOL_DISCIPLINE,
        Key { name: "service", kind: Kind::Law, fallback: Fallback::None, about: "work of one request at speed 1" },
        SPEED,
        POOL_QUEUE,
        POOL_CPU,
        Key {
            name: "memory",
            kind: Kind::Table(&MEMORY),
            fallback: Fallback::None,
            about: "memory of the main container",
        },
        Key { name: "containers", kind: Kind::Tables(&CONTAINER), fallback: Fallback::None, about: "sidecars" },
        Key {
            name: "container",
            kind: Kind::Text,
            fallback: Fallback::None,
            about: "name of the main container; the pool's where it is not given",
        },
        Key {
            name: "balancer",
            kind: Kind::OneOf(&BALANCER),
            fallback: Fallback::Is("random"),
            about: "who gets the next request",
        },
        PRICE,
        Key {
            name: "labels",
            kind: Kind::Map,
            fallback: Fallback::None,
            about: "labels of its pods; `app = NAME` where they are not given",
        },
        Key {
            name: "selector",
            kind: Kind::Text,
            fallback: Fallback::None,
            about: "status.selector that the HPA reads; `app=NAME` where it is not given",
        },
        POOL_START,
        Key { name: "stop", kind: Kind::Table(&STOP), fallback: Fallback::None, about: "from deleted to gone" },
        METRICS,
        POOL_SCALER,
    ],
};

/// `discipline.<kind>`.
pub static DISCIPLINE: Keys = Keys {
    keys: &[
        Key {
            name: "fifo",
            kind: Kind::Table(&NO_KEYS),
            fallback: Fallback::None,
            about: "each worker serves one request, first come first served",
        },
        Key {
            name: "processor_sharing",
            kind: Kind::Table(&PROCESSOR_SHARING),
            fallback: Fallback::None,
            about: "n requests in service each run at min(1, cores/n)",
        },
    ],
};

/// `discipline.processor_sharing`.
pub static PROCESSOR_SHARING: Keys = Keys {
    keys: &[Key {
        name: "cores",
        kind: Kind::Number,
        fallback: Fallback::None,
        about: "cores; `cpu.limit` where it is not given",
    }],
};

/// `queue`.
pub static QUEUE: Keys = Keys {
    keys: &[
        Key {
            name: "capacity",
            kind: Kind::WholeOr("unlimited"),
            fallback: Fallback::Is(r#""unlimited""#),
            about: "waiting requests per replica, with a central queue in all",
        },
        Key {
            name: "timeout",
            kind: Kind::DurationOr("none"),
            fallback: Fallback::Is(r#""none""#),
            about: "waiting longer ends as timed_out, unserved",
        },
        Key {
            name: "hold",
            kind: Kind::Duration,
            fallback: Fallback::Is(r#""0s""#),
            about: "wait for an endpoint when none is ready; then rejected",
        },
        Key {
            name: "initial",
            kind: Kind::Whole,
            fallback: Fallback::Is("0"),
            about: "requests that stand there at time 0",
        },
    ],
};

/// `cpu`.
pub static CPU: Keys = Keys {
    keys: &[
        Key {
            name: "request",
            kind: Kind::Cpu,
            fallback: Fallback::None,
            about: "without one, utilization is an error, as in Kubernetes",
        },
        Key { name: "limit", kind: Kind::Cpu, fallback: Fallback::None, about: "no limit where it is not given" },
        Key {
            name: "fraction",
            kind: Kind::Number,
            fallback: Fallback::Is("1.0"),
            about: "cores that a request keeps busy while it is served",
        },
        Key {
            name: "per_request",
            kind: Kind::Duration,
            fallback: Fallback::None,
            about: "core-time of a request, instead of `fraction`",
        },
        Key { name: "idle", kind: Kind::Cpu, fallback: Fallback::Is(r#""10m""#), about: "base load" },
        Key {
            name: "startup",
            kind: Kind::Cpu,
            fallback: Fallback::Is(r#""1""#),
            about: "use from `runtime` to ready",
        },
        Key {
            name: "cfs",
            kind: Kind::Word(&["fluid", "exact"]),
            fallback: Fallback::Is(r#""fluid""#),
            about: "how the limit is felt",
        },
    ],
};

/// `memory`.
pub static MEMORY: Keys = Keys {
    keys: &[
        Key { name: "request", kind: Kind::Size, fallback: Fallback::None, about: "request" },
        Key { name: "limit", kind: Kind::Size, fallback: Fallback::None, about: "limit" },
        Key { name: "idle", kind: Kind::Size, fallback: Fallback::Is("0"), about: "use when idle" },
        Key { name: "per_request", kind: Kind::Size, fallback: Fallback::Is("0"), about: "use per request in flight" },
    ],
};

/// A sidecar.
pub static CONTAINER: Keys = Keys {
    keys: &[
        Key { name: "name", kind: Kind::Name, fallback: Fallback::Required, about: "its name" },
        Key { name: "cpu", kind: Kind::Table(&SIDECAR_CPU), fallback: Fallback::None, about: "its CPU" },
        Key { name: "memory", kind: Kind::Table(&SIDECAR_MEMORY), fallback: Fallback::None, about: "its memory" },
    ],
};

/// A sidecar's CPU.
pub static SIDECAR_CPU: Keys = Keys {
    keys: &[
        Key { name: "request", kind: Kind::Cpu, fallback: Fallback::None, about: "request" },
        Key { name: "limit", kind: Kind::Cpu, fallback: Fallback::None, about: "limit" },
        Key { name: "idle", kind: Kind::Cpu, fallback: Fallback::Is(r#""10m""#), about: "constant use" },
    ],
};

/// A sidecar's memory.
pub static SIDECAR_MEMORY: Keys = Keys {
    keys: &[
        Key { name: "request", kind: Kind::Size, fallback: Fallback::None, about: "request" },
        Key { name: "limit", kind: Kind::Size, fallback: Fallback::None, about: "limit" },
        Key { name: "idle", kind: Kind::Size, fallback: Fallback::Is("0"), about: "constant use" },
    ],
};

/// `balancer.<kind>`.
pub static BALANCER: Keys = Keys {
    keys: &[
        Key {
            name: "random",
            kind: Kind::Table(&NO_KEYS),
            fallback: Fallback::None,
            about: "uniform over the endpoints",
        },
        Key {
            name: "round_robin",
            kind: Kind::Table(&NO_KEYS),
            fallback: Fallback::None,
            about: "the next in the list",
        },
        Key {
            name: "least_request",
            kind: Kind::Table(&LEAST_REQUEST),
            fallback: Fallback::None,
            about: "fewest in flight of some random picks",
        },
        Key {
            name: "least_request_full",
            kind: Kind::Table(&NO_KEYS),
            fallback: Fallback::None,
            about: "fewest in flight of all",
        },
        Key {
            name: "central_queue",
            kind: Kind::Table(&NO_KEYS),
            fallback: Fallback::None,
            about: "one queue that all replicas pull from",
        },
    ],
};

/// `balancer.least_request`.
pub static LEAST_REQUEST: Keys = Keys {
    keys: &[Key {
        name: "choices",
        kind: Kind::Whole,
        fallback: Fallback::Is("2"),
        about: "picks without replacement",
    }],
};

/// `[pool.start]`.
pub static START: Keys = Keys {
    keys: &[
        Key {
            name: "image",
            kind: Kind::Word(&["cached", "pulled"]),
            fallback: Fallback::Is(r#""cached""#),
            about: "pulled: every new pod draws `pull`",
        },
        Key {
            name: "reconcile",
            kind: Kind::Law,
            fallback: Fallback::Is(r#"{ lognormal = { median = "150ms", cv = 0.5 } }"#),
            about: "scale object to pod objects",
        },
        Key {
            name: "schedule",
            kind: Kind::Law,
            fallback: Fallback::Is(r#"{ lognormal = { median = "20ms", cv = 0.5 } }"#),
            about: "scheduler",
        },
        Key {
            name: "kubelet_notice",
            kind: Kind::Law,
            fallback: Fallback::Is(r#"{ uniform = { min = "50ms", max = "300ms" } }"#),
            about: "kubelet sees the pod",
        },
        Key {
            name: "sandbox",
            kind: Kind::Law,
            fallback: Fallback::Is(r#"{ lognormal = { median = "1s", cv = 0.4 } }"#),
            about: "network, volumes, cgroup",
        },
        Key {
            name: "pull",
            kind: Kind::Law,
            fallback: Fallback::Is(r#"{ lognormal = { median = "15s", cv = 0.3 } }"#),
            about: "image pull",
        },
        Key {
            name: "container",
            kind: Kind::Law,
            fallback: Fallback::Is(r#"{ lognormal = { median = "500ms", cv = 0.5 } }"#),
            about: "container start",
        },
        Key {
            name: "runtime",
            kind: Kind::Law,
            fallback: Fallback::Is(r#"{ lognormal = { median = "4s", cv = 0.4 } }"#),
            about: "imports, server start",
        },
        Key { name: "download", kind: Kind::Law, fallback: Fallback::Is(r#""0s""#), about: "model artifact" },
        Key { name: "load", kind: Kind::Law, fallback: Fallback::Is(r#""100ms""#), about: "model into memory" },
        Key {
            name: "warmup",
            kind: Kind::Law,
            fallback: Fallback::Is(r#"{ lognormal = { median = "1s", cv = 0.4 } }"#),
            about: "first inferences",
        },
        Key {
            name: "readiness_probe",
            kind: Kind::TableOr(&READINESS_PROBE, "none"),
            fallback: Fallback::None,
            about: "none: ready as soon as the container runs",
        },
        Key {
            name: "endpoints",
            kind: Kind::Law,
            fallback: Fallback::None,
            about: "ready to routed; lognormal median 300ms cv 0.8 plus uniform 0..1s where it is not given",
        },
    ],
};

/// `readiness_probe`.
pub static READINESS_PROBE: Keys = Keys {
    keys: &[
        Key {
            name: "initial_delay",
            kind: Kind::Duration,
            fallback: Fallback::Is(r#""0s""#),
            about: "no probe before this age",
        },
        Key { name: "period", kind: Kind::Duration, fallback: Fallback::Is(r#""10s""#), about: "between probes" },
        Key { name: "timeout", kind: Kind::Duration, fallback: Fallback::Is(r#""1s""#), about: "a slower probe fails" },
        Key {
            name: "success_threshold",
            kind: Kind::Whole,
            fallback: Fallback::Is("1"),
            about: "successes in a row to become ready",
        },
        Key {
            name: "failure_threshold",
            kind: Kind::Whole,
            fallback: Fallback::Is("3"),
            about: "failures in a row to become unready",
        },
    ],
};

// Keys that the end of a pool's pods and of a server's have in common.

pub(super) const PRE_STOP: Key =
    Key { name: "pre_stop", kind: Kind::Duration, fallback: Fallback::Is(r#""0s""#), about: "sleep before SIGTERM" };

pub(super) const ENDPOINT_LAG: Key = Key {
    name: "endpoint_lag",
    kind: Kind::Law,
    fallback: Fallback::None,
    about: "deletion to removal from routes; as `start.endpoints` where it is not given",
};

pub(super) const DRAIN: Key = Key {
    name: "drain",
    kind: Kind::Bool,
    fallback: Fallback::Is("true"),
    about: "true: finish what is in flight; false: it is lost",
};

/// `[pool.stop]`.
pub static STOP: Keys = Keys {
    keys: &[
        Key {
            name: "grace_period",
            kind: Kind::Duration,
            fallback: Fallback::Is(r#""30s""#),
            about: "killed this long after deletion",
        },
        PRE_STOP,
        ENDPOINT_LAG,
        DRAIN,
    ],
};

/// `metrics.<kind>`.
pub static POOL_METRICS: Keys = Keys {
    keys: &[
        Key {
            name: "resource",
            kind: Kind::Table(&NO_KEYS),
            fallback: Fallback::None,
            about: "through kubelet and metrics-server",
        },
        Key {
            name: "delay",
            kind: Kind::Table(&DELAY),
            fallback: Fallback::None,
            about: "the true mean over a window, seen late; cheap",
        },
    ],
};

/// `metrics.delay`.
pub static DELAY: Keys = Keys {
    keys: &[
        Key { name: "window", kind: Kind::Duration, fallback: Fallback::Is(r#""15s""#), about: "averaged over this" },
        Key { name: "delay", kind: Kind::Duration, fallback: Fallback::Is(r#""15s""#), about: "seen this late" },
    ],
};

// Kinds of scalers that pools, servers and models have in common.

pub(super) const FIXED: Key =
    Key { name: "fixed", kind: Kind::Table(&NO_KEYS), fallback: Fallback::None, about: "the size stays" };

pub(super) const BY_SCHEDULE: Key =
    Key { name: "schedule", kind: Kind::Table(&SCHEDULE), fallback: Fallback::None, about: "sizes by time" };

pub(super) const BY_HPA: Key = Key {
    name: "hpa",
    kind: Kind::Table(&HPA),
    fallback: Fallback::None,
    about: "the Kubernetes HorizontalPodAutoscaler",
};

/// `scaler.<kind>`.
pub static SCALER: Keys = Keys { keys: &[FIXED, BY_SCHEDULE, BY_HPA] };

/// `scaler.schedule`.
pub static SCHEDULE: Keys = Keys {
    keys: &[
        Key { name: "steps", kind: Kind::Tables(&SCHEDULE_STEP), fallback: Fallback::Required, about: "sizes by time" },
        Key { name: "repeat_every", kind: Kind::Duration, fallback: Fallback::None, about: "the steps begin again" },
    ],
};

/// A step of a schedule.
pub static SCHEDULE_STEP: Keys = Keys {
    keys: &[
        Key { name: "at", kind: Kind::Duration, fallback: Fallback::Required, about: "when" },
        Key { name: "replicas", kind: Kind::Whole, fallback: Fallback::Required, about: "size from then on" },
    ],
};

/// `scaler.hpa`: autoscaling/v2's HorizontalPodAutoscalerSpec.
pub static HPA: Keys = Keys {
    keys: &[
        Key { name: "min_replicas", kind: Kind::Whole, fallback: Fallback::Is("1"), about: "lower bound" },
        Key { name: "max_replicas", kind: Kind::Whole, fallback: Fallback::Required, about: "upper bound" },
        Key {
            name: "cpu",
            kind: Kind::ShareOrAmount,
            fallback: Fallback::None,
            about: "one Resource metric: a share is Utilization, an amount AverageValue",
        },
        Key {
            name: "memory",
            kind: Kind::ShareOrAmount,
            fallback: Fallback::None,
            about: "one Resource metric: a share is Utilization, a size AverageValue",
        },
        Key {
            name: "metrics",
            kind: Kind::Tables(&METRIC),
            fallback: Fallback::None,
            about: "cpu 80% where nothing is given",
        },
        Key { name: "behavior", kind: Kind::Table(&BEHAVIOR), fallback: Fallback::None, about: "policies and windows" },
        Key {
            name: "scale_target_ref",
            kind: Kind::Table(&OBJECT_REF),
            fallback: Fallback::None,
            about: "this pool, model or server where it is not given; another one fails as in Kubernetes",
        },
        Key {
            name: "manifest",
            kind: Kind::File,
            fallback: Fallback::None,
            about: "a YAML HorizontalPodAutoscaler in place of the keys above",
        },
        Key {
            name: "phase",
            kind: Kind::DurationOr("random"),
            fallback: Fallback::Is(r#""random""#),
            about: "time of the first reconcile; random: uniform over one sync period",
        },
        Key {
            name: "other_hpa_selectors",
            kind: Kind::Texts,
            fallback: Fallback::Is("[]"),
            about: "selectors of HPAs outside the scenario",
        },
    ],
};

/// A reference to an object.
pub static OBJECT_REF: Keys = Keys {
    keys: &[
        Key { name: "api_version", kind: Kind::Text, fallback: Fallback::Is(r#""""#), about: "group and version" },
        Key { name: "kind", kind: Kind::Text, fallback: Fallback::Required, about: "kind" },
        Key { name: "name", kind: Kind::Text, fallback: Fallback::Required, about: "name" },
    ],
};

/// `behavior`.
pub static BEHAVIOR: Keys = Keys {
    keys: &[
        Key { name: "scale_up", kind: Kind::Table(&RULES), fallback: Fallback::None, about: "up" },
        Key { name: "scale_down", kind: Kind::Table(&RULES), fallback: Fallback::None, about: "down" },
    ],
};

/// Rules of one direction.
pub static RULES: Keys = Keys {
    keys: &[
        Key {
            name: "stabilization_window",
            kind: Kind::Duration,
            fallback: Fallback::None,
            about: "up: 0s; down: downscale_stabilization",
        },
        Key {
            name: "select_policy",
            kind: Kind::Word(&["Max", "Min", "Disabled"]),
            fallback: Fallback::None,
            about: "Max",
        },
        Key { name: "tolerance", kind: Kind::Share, fallback: Fallback::None, about: "the controller's" },
        Key {
            name: "policies",
            kind: Kind::Tables(&POLICY),
            fallback: Fallback::None,
            about: "up: 4 pods and 100% each 15s; down: 100% each 15s",
        },
    ],
};

/// A policy.
pub static POLICY: Keys = Keys {
    keys: &[
        Key {
            name: "type",
            kind: Kind::Word(&["Pods", "Percent"]),
            fallback: Fallback::Required,
            about: "what is counted",
        },
        Key { name: "value", kind: Kind::Whole, fallback: Fallback::Required, about: "pods, or per cent" },
        Key { name: "period", kind: Kind::Duration, fallback: Fallback::Required, about: "within this time" },
    ],
};

/// A metric of an HPA.
pub static METRIC: Keys = Keys {
    keys: &[
        Key {
            name: "type",
            kind: Kind::Word(&["Resource", "ContainerResource", "Pods", "Object", "External"]),
            fallback: Fallback::Required,
            about: "which of the fields below",
        },
        Key {
            name: "resource",
            kind: Kind::Table(&RESOURCE_METRIC),
            fallback: Fallback::None,
            about: "cpu or memory of pods",
        },
        Key {
            name: "container_resource",
            kind: Kind::Table(&CONTAINER_RESOURCE_METRIC),
            fallback: Fallback::None,
            about: "cpu or memory of one container",
        },
        Key { name: "pods", kind: Kind::Table(&PODS_METRIC), fallback: Fallback::None, about: "a signal per pod" },
        Key {
            name: "object",
            kind: Kind::Table(&OBJECT_METRIC),
            fallback: Fallback::None,
            about: "a signal of an object",
        },
        Key {
            name: "external",
            kind: Kind::Table(&PODS_METRIC),
            fallback: Fallback::None,
            about: "a signal from outside",
        },
    ],
};

/// Resource source.
pub static RESOURCE_METRIC: Keys = Keys {
    keys: &[
        Key { name: "name", kind: Kind::Text, fallback: Fallback::Required, about: "cpu or memory" },
        Key { name: "target", kind: Kind::Table(&TARGET), fallback: Fallback::Required, about: "what it is held at" },
    ],
};

/// ContainerResource source.
pub static CONTAINER_RESOURCE_METRIC: Keys = Keys {
    keys: &[
        Key { name: "name", kind: Kind::Text, fallback: Fallback::Required, about: "cpu or memory" },
        Key { name: "container", kind: Kind::Text, fallback: Fallback::Required, about: "which container" },
        Key { name: "target", kind: Kind::Table(&TARGET), fallback: Fallback::Required, about: "what it is held at" },
    ],
};

/// Pods or External source.
pub static PODS_METRIC: Keys = Keys {
    keys: &[
        Key { name: "metric", kind: Kind::Table(&METRIC_ID), fallback: Fallback::Required, about: "which signal" },
        Key { name: "target", kind: Kind::Table(&TARGET), fallback: Fallback::Required, about: "what it is held at" },
    ],
};

/// Object source.
pub static OBJECT_METRIC: Keys = Keys {
    keys: &[
        Key {
            name: "described_object",
            kind: Kind::Table(&OBJECT_REF),
            fallback: Fallback::Required,
            about: "which object",
        },
        Key { name: "metric", kind: Kind::Table(&METRIC_ID), fallback: Fallback::Required, about: "which signal" },
        Key { name: "target", kind: Kind::Table(&TARGET), fallback: Fallback::Required, about: "what it is held at" },
    ],
};

/// Name and selector of a metric.
pub static METRIC_ID: Keys = Keys {
    keys: &[
        Key { name: "name", kind: Kind::Text, fallback: Fallback::Required, about: "its name" },
        Key { name: "selector", kind: Kind::Table(&LABEL_SELECTOR), fallback: Fallback::None, about: "label selector" },
    ],
};

/// A label selector.
pub static LABEL_SELECTOR: Keys = Keys {
    keys: &[
        Key { name: "match_labels", kind: Kind::Map, fallback: Fallback::None, about: "labels and their values" },
        Key {
            name: "match_expressions",
            kind: Kind::Tables(&MATCH_EXPRESSION),
            fallback: Fallback::None,
            about: "further requirements",
        },
    ],
};

/// One requirement of a label selector.
pub static MATCH_EXPRESSION: Keys = Keys {
    keys: &[
        Key { name: "key", kind: Kind::Text, fallback: Fallback::Required, about: "label" },
        Key {
            name: "operator",
            kind: Kind::Word(&["In", "NotIn", "Exists", "DoesNotExist"]),
            fallback: Fallback::Required,
            about: "how it is compared",
        },
        Key { name: "values", kind: Kind::Texts, fallback: Fallback::Is("[]"), about: "for In and NotIn" },
    ],
};

/// A target.
pub static TARGET: Keys = Keys {
    keys: &[
        Key {
            name: "type",
            kind: Kind::Word(&["Utilization", "Value", "AverageValue"]),
            fallback: Fallback::Required,
            about: "which of the fields below",
        },
        Key { name: "average_utilization", kind: Kind::Share, fallback: Fallback::None, about: "of the request" },
        Key { name: "average_value", kind: Kind::Quantity, fallback: Fallback::None, about: "per pod" },
        Key { name: "value", kind: Kind::Quantity, fallback: Fallback::None, about: "in all" },
    ],
};

/// `[[signal]]`.
pub static SIGNAL: Keys = Keys {
    keys: &[
        Key { name: "name", kind: Kind::Text, fallback: Fallback::Required, about: "metric name" },
        Key {
            name: "file",
            kind: Kind::File,
            fallback: Fallback::Required,
            about: "CSV with a column `t` and one of values",
        },
        Key { name: "column", kind: Kind::Text, fallback: Fallback::Is(r#""value""#), about: "which column" },
    ],
};

/// `[[event]]`.
pub static EVENT: Keys = Keys {
    keys: &[
        Key { name: "at", kind: Kind::Duration, fallback: Fallback::Required, about: "when" },
        Key { name: "set", kind: Kind::Changes, fallback: Fallback::None, about: "key paths to new values" },
        Key { name: "fault", kind: Kind::OneOf(&FAULT), fallback: Fallback::None, about: "what breaks" },
    ],
};

/// `fault.<kind>`.
pub static FAULT: Keys = Keys {
    keys: &[
        Key {
            name: "metrics_server_down",
            kind: Kind::Table(&FAULT_LASTS),
            fallback: Fallback::None,
            about: "calls fail; on return it starts empty",
        },
        Key {
            name: "prometheus_down",
            kind: Kind::Table(&FAULT_LASTS),
            fallback: Fallback::None,
            about: "queries fail; on return it starts empty",
        },
        Key {
            name: "kubelet_slow",
            kind: Kind::Table(&KUBELET_SLOW),
            fallback: Fallback::None,
            about: "scrapes of the pool's pods answer late, or time out",
        },
        Key {
            name: "scrape_fails",
            kind: Kind::Table(&SCRAPE_FAILS),
            fallback: Fallback::None,
            about: "that share of the pool's pods vanishes from scrapes",
        },
        Key {
            name: "pods_killed",
            kind: Kind::Table(&PODS_KILLED),
            fallback: Fallback::None,
            about: "at once, without grace; in flight is lost",
        },
        Key {
            name: "scheduler_restart",
            kind: Kind::Table(&NO_KEYS),
            fallback: Fallback::None,
            about: "Seldon's scheduler starts anew; traffic goes on by the last routes",
        },
        Key {
            name: "agent_crash",
            kind: Kind::Table(&SERVER_REPLICA),
            fallback: Fallback::None,
            about: "the agent of a server replica dies without a drain",
        },
        Key {
            name: "server_drain",
            kind: Kind::Table(&SERVER_REPLICA),
            fallback: Fallback::None,
            about: "a server replica is drained, as by a drain of its node",
        },
    ],
};

/// A fault that lasts.
pub static FAULT_LASTS: Keys =
    Keys { keys: &[Key { name: "lasts", kind: Kind::Duration, fallback: Fallback::Required, about: "how long" }] };

/// `fault.kubelet_slow`.
pub static KUBELET_SLOW: Keys = Keys {
    keys: &[
        Key { name: "pool", kind: Kind::Name, fallback: Fallback::Required, about: "whose pods" },
        Key { name: "lasts", kind: Kind::Duration, fallback: Fallback::Required, about: "how long" },
        Key { name: "latency", kind: Kind::Duration, fallback: Fallback::Required, about: "answer time" },
    ],
};

/// `fault.scrape_fails`.
pub static SCRAPE_FAILS: Keys = Keys {
    keys: &[
        Key { name: "pool", kind: Kind::Name, fallback: Fallback::Required, about: "whose pods" },
        Key { name: "share", kind: Kind::Share, fallback: Fallback::Is(r#""100%""#), about: "of its pods" },
        Key { name: "lasts", kind: Kind::Duration, fallback: Fallback::Required, about: "how long" },
    ],
};

/// `fault.pods_killed`.
pub static PODS_KILLED: Keys = Keys {
    keys: &[
        Key { name: "pool", kind: Kind::Name, fallback: Fallback::Required, about: "whose pods" },
        Key { name: "count", kind: Kind::Whole, fallback: Fallback::Required, about: "how many" },
    ],
};

/// `[[objective]]`.
pub static OBJECTIVE: Keys = Keys {
    keys: &[
        Key {
            name: "pool",
            kind: Kind::Name,
            fallback: Fallback::None,
            about: "whose figure; the whole run where none of the four is given",
        },
        Key { name: "model", kind: Kind::Name, fallback: Fallback::None, about: "whose figure" },
        Key { name: "server", kind: Kind::Name, fallback: Fallback::None, about: "whose figure" },
        Key { name: "pipeline", kind: Kind::Name, fallback: Fallback::None, about: "whose figure" },
        Key {
            name: "that",
            kind: Kind::Text,
            fallback: Fallback::Required,
            about: "FIGURE <= VALUE or >=, such as p95 <= 500ms",
        },
        Key {
            name: "for",
            kind: Kind::Text,
            fallback: Fallback::None,
            about: "X% of time: share of windows in which it holds",
        },
        Key {
            name: "window",
            kind: Kind::Duration,
            fallback: Fallback::Is(r#""1m""#),
            about: "aligned at 0; only with `for`",
        },
        Key {
            name: "of",
            kind: Kind::Word(&["offered", "done"]),
            fallback: Fallback::Is(r#""offered""#),
            about: "over which requests quantiles go",
        },
    ],
};
