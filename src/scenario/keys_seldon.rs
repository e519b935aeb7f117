//! The keys of Seldon Core 2 in a scenario: servers, models, pipelines, and `[core]`.
//!
//! Below `[core]` stand the paths of the Helm charts, letter for letter and with bare values as Helm has them; their defaults
//! are the charts' (`seldon-core-v2-setup` and `seldon-core-v2-servers`).

use super::keys::{
    BY_HPA, BY_SCHEDULE, DRAIN, ENDPOINT_LAG, FIXED, Fallback, Key, Keys, Kind, METRICS, NO_KEYS, POOL_CPU,
    POOL_DISCIPLINE, POOL_QUEUE, POOL_SCALER, POOL_START, PRE_STOP, PRICE, SPEED, WORKERS,
};

/// `[[server]]`.
pub static SERVER: Keys = Keys {
    keys: &[
        Key { name: "name", kind: Kind::Name, fallback: Fallback::Required, about: "its name" },
        Key {
            name: "replicas",
            kind: Kind::Whole,
            fallback: Fallback::Is("1"),
            about: "at time 0: ready, idle and measured for an hour",
        },
        Key {
            name: "min_replicas",
            kind: Kind::Whole,
            fallback: Fallback::Is("1"),
            about: "lower bound of Seldon's own scaling of servers; 0: unset",
        },
        Key {
            name: "max_replicas",
            kind: Kind::Whole,
            fallback: Fallback::Is("1"),
            about: "upper bound of Seldon's own scaling of servers, 1 as in the chart; 0: unset",
        },
        Key {
            name: "memory",
            kind: Kind::Size,
            fallback: Fallback::Required,
            about: "of one replica; models are loaded into it",
        },
        Key {
            name: "capabilities",
            kind: Kind::Texts,
            fallback: Fallback::Is("[]"),
            about: "what its replicas can serve; a model asks for it by its requirements",
        },
        WORKERS,
        POOL_DISCIPLINE,
        SPEED,
        POOL_QUEUE,
        POOL_CPU,
        PRICE,
        POOL_START,
        Key { name: "stop", kind: Kind::Table(&SERVER_STOP), fallback: Fallback::None, about: "from deleted to gone" },
        METRICS,
        POOL_SCALER,
    ],
};

/// `[server.stop]`.
pub static SERVER_STOP: Keys = Keys {
    keys: &[
        Key {
            name: "grace_period",
            kind: Kind::Duration,
            fallback: Fallback::Is(r#""2m""#),
            about: "killed this long after deletion, whether its models have moved or not",
        },
        PRE_STOP,
        ENDPOINT_LAG,
        DRAIN,
    ],
};

/// `[[model]]`.
pub static MODEL: Keys = Keys {
    keys: &[
        Key { name: "name", kind: Kind::Name, fallback: Fallback::Required, about: "its name" },
        Key {
            name: "server",
            kind: Kind::Name,
            fallback: Fallback::None,
            about: "the server that it asks for; any that fits where it is not given",
        },
        Key {
            name: "requirements",
            kind: Kind::Texts,
            fallback: Fallback::Is("[]"),
            about: "capabilities that its server must have",
        },
        Key { name: "memory", kind: Kind::Size, fallback: Fallback::Is("0"), about: "what one replica of it takes up" },
        Key {
            name: "replicas",
            kind: Kind::Whole,
            fallback: Fallback::None,
            about: "wanted at time 0; `min_replicas` where it is not given, else 1",
        },
        Key {
            name: "min_replicas",
            kind: Kind::Whole,
            fallback: Fallback::None,
            about: "lower bound of Seldon's own scaling, and enough for a partial placement; unset where it is not given",
        },
        Key {
            name: "max_replicas",
            kind: Kind::Whole,
            fallback: Fallback::None,
            about: "upper bound of Seldon's own scaling; unset where it is not given",
        },
        Key { name: "service", kind: Kind::Law, fallback: Fallback::None, about: "work of one request at speed 1" },
        Key {
            name: "cpu",
            kind: Kind::Table(&MODEL_CPU),
            fallback: Fallback::None,
            about: "CPU that its requests take on their server",
        },
        Key {
            name: "download",
            kind: Kind::Law,
            fallback: Fallback::Is(r#""0s""#),
            about: "artifact from its storage to the replica's disk",
        },
        Key { name: "load", kind: Kind::Law, fallback: Fallback::Is(r#""1s""#), about: "from disk to memory" },
        Key {
            name: "reload",
            kind: Kind::Law,
            fallback: Fallback::Is(r#""100ms""#),
            about: "from disk to memory again, after it was evicted",
        },
        Key {
            name: "scaler",
            kind: Kind::OneOf(&MODEL_SCALER),
            fallback: Fallback::Is("fixed"),
            about: "who changes its `replicas`",
        },
    ],
};

/// `model.cpu`.
pub static MODEL_CPU: Keys = Keys {
    keys: &[
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
    ],
};

/// `[model.scaler.<kind>]`.
pub static MODEL_SCALER: Keys = Keys {
    keys: &[
        FIXED,
        BY_SCHEDULE,
        BY_HPA,
        Key {
            name: "seldon_lag",
            kind: Kind::Table(&NO_KEYS),
            fallback: Fallback::None,
            about: "Seldon's own, by inference lag: models only, with `core.autoscaling.autoscalingModelEnabled`",
        },
    ],
};

/// `[[pipeline]]`.
pub static FLOW: Keys = Keys {
    keys: &[
        Key { name: "name", kind: Kind::Name, fallback: Fallback::Required, about: "its name" },
        Key {
            name: "steps",
            kind: Kind::Tables(&FLOW_STEP),
            fallback: Fallback::Required,
            about: "the models that a request passes",
        },
    ],
};

/// A step of a pipeline.
pub static FLOW_STEP: Keys = Keys {
    keys: &[
        Key { name: "model", kind: Kind::Name, fallback: Fallback::Required, about: "which model" },
        Key {
            name: "after",
            kind: Kind::Texts,
            fallback: Fallback::None,
            about: "models whose results it waits for, or the pipeline's own name for its input; the step before where it is not given",
        },
    ],
};

/// `[core]`.
pub static CORE: Keys = Keys {
    keys: &[
        Key {
            name: "version",
            kind: Kind::Word(&["2.8", "2.9", "2.10"]),
            fallback: Fallback::Is(r#""2.10""#),
            about: "it behaves as that release",
        },
        Key {
            name: "forced_off",
            kind: Kind::Bool,
            fallback: Fallback::None,
            about: "scaling by lag is off whatever is set, as in 2.10 and there alone; false with 2.10: as no release does it",
        },
        Key {
            name: "control_delay",
            kind: Kind::Law,
            fallback: Fallback::Is(r#""500ms""#),
            about: "operator and API, per action",
        },
        Key {
            name: "kafka_hop",
            kind: Kind::Law,
            fallback: Fallback::Is(r#""2ms""#),
            about: "one write and one read of a topic",
        },
        Key {
            name: "proxy_overhead",
            kind: Kind::Law,
            fallback: Fallback::Is(r#""1ms""#),
            about: "of a request, per proxy on its way",
        },
        Key {
            name: "autoscaling",
            kind: Kind::Table(&CORE_AUTOSCALING),
            fallback: Fallback::None,
            about: "Helm: what scales",
        },
        Key {
            name: "agent",
            kind: Kind::Table(&CORE_AGENT),
            fallback: Fallback::None,
            about: "Helm: the agent in every server replica",
        },
        Key { name: "kafka", kind: Kind::Table(&CORE_KAFKA), fallback: Fallback::None, about: "Helm: topics" },
        Key {
            name: "envoy",
            kind: Kind::Table(&CORE_REPLICAS),
            fallback: Fallback::None,
            about: "Helm: the proxies in front of the servers",
        },
        Key {
            name: "modelgateway",
            kind: Kind::Table(&CORE_MODELGATEWAY),
            fallback: Fallback::None,
            about: "Helm: from topics to models",
        },
        Key {
            name: "pipelinegateway",
            kind: Kind::Table(&CORE_PIPELINEGATEWAY),
            fallback: Fallback::None,
            about: "Helm: the entry to pipelines",
        },
        Key {
            name: "dataflow",
            kind: Kind::Table(&CORE_REPLICAS),
            fallback: Fallback::None,
            about: "Helm: from step to step",
        },
    ],
};

/// `core.autoscaling`.
pub static CORE_AUTOSCALING: Keys = Keys {
    keys: &[
        Key {
            name: "autoscalingModelEnabled",
            kind: Kind::Bool,
            fallback: Fallback::None,
            about: "models scale by inference lag; false where it is not given, true with 2.8",
        },
        Key {
            name: "autoscalingServerEnabled",
            kind: Kind::Bool,
            fallback: Fallback::Is("true"),
            about: "servers follow the wanted replicas of their models; since 2.9",
        },
        Key {
            name: "serverPackingEnabled",
            kind: Kind::Bool,
            fallback: Fallback::Is("false"),
            about: "a shrinking server may move models together",
        },
        Key {
            name: "serverPackingPercentage",
            kind: Kind::Number,
            fallback: Fallback::Is("0.0"),
            about: "probability of that at each occasion, 0 to 1",
        },
    ],
};

/// `core.agent`.
pub static CORE_AGENT: Keys = Keys {
    keys: &[
        Key {
            name: "scalingStatsPeriodSeconds",
            kind: Kind::Whole,
            fallback: Fallback::Is("20"),
            about: "between two looks at lag and idleness",
        },
        Key {
            name: "modelInferenceLagThreshold",
            kind: Kind::Whole,
            fallback: Fallback::Is("30"),
            about: "requests in flight at one replica that ask for one more",
        },
        Key {
            name: "modelInactiveSecondsThreshold",
            kind: Kind::Whole,
            fallback: Fallback::Is("600"),
            about: "a replica without a request for so long asks for one less",
        },
        Key {
            name: "overcommitPercentage",
            kind: Kind::Whole,
            fallback: Fallback::Is("10"),
            about: "memory that models may be registered for beyond what there is",
        },
    ],
};

/// `core.kafka`.
pub static CORE_KAFKA: Keys = Keys {
    keys: &[Key { name: "topics", kind: Kind::Table(&CORE_TOPICS), fallback: Fallback::None, about: "all topics" }],
};

/// `core.kafka.topics`.
pub static CORE_TOPICS: Keys = Keys {
    keys: &[Key {
        name: "numPartitions",
        kind: Kind::Whole,
        fallback: Fallback::Is("1"),
        about: "partitions of every topic: bounds how far gateways and dataflow scale",
    }],
};

const REPLICAS: Key = Key { name: "replicas", kind: Kind::Whole, fallback: Fallback::Is("1"), about: "how many run" };

const MAX_NUM_CONSUMERS: Key = Key {
    name: "maxNumConsumers",
    kind: Kind::Whole,
    fallback: Fallback::Is("100"),
    about: "consumers that models or pipelines are hashed to",
};

/// `core.envoy` and `core.dataflow`.
pub static CORE_REPLICAS: Keys = Keys { keys: &[REPLICAS] };

/// `core.modelgateway`.
pub static CORE_MODELGATEWAY: Keys = Keys {
    keys: &[
        REPLICAS,
        Key { name: "workers", kind: Kind::Whole, fallback: Fallback::Is("8"), about: "calls in flight per consumer" },
        MAX_NUM_CONSUMERS,
    ],
};

/// `core.pipelinegateway`.
pub static CORE_PIPELINEGATEWAY: Keys = Keys { keys: &[REPLICAS, MAX_NUM_CONSUMERS] };

/// `[advice]`.
pub static ADVICE: Keys = Keys {
    keys: &[
        Key {
            name: "one_to_one",
            kind: Kind::Bool,
            fallback: Fallback::Is("false"),
            about: "models and servers must map one to one",
        },
        Key {
            name: "prometheus",
            kind: Kind::Bool,
            fallback: Fallback::Is("true"),
            about: "Prometheus and its adapter can be run",
        },
        Key {
            name: "multi_model",
            kind: Kind::Bool,
            fallback: Fallback::Is("true"),
            about: "servers are shared by models",
        },
    ],
};

/// `fault.agent_crash` and `fault.server_drain`.
pub static SERVER_REPLICA: Keys = Keys {
    keys: &[
        Key { name: "server", kind: Kind::Name, fallback: Fallback::Required, about: "of which server" },
        Key { name: "ordinal", kind: Kind::Whole, fallback: Fallback::Required, about: "which replica, from 0" },
    ],
};
