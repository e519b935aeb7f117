//! Reads `[[pool]]`: serving, pods, metrics, scaler.

use super::laws::Of;
use super::read_hpa;
use super::read_hpa::Owner;
use super::reader::Section;
use super::spec::PoolSpec;
use super::tree::Value;
use crate::cluster::{Endpoints, ImageState, ReadinessProbe, SidecarSpec, StartSpec, StopSpec, WorkloadKind};
use crate::metrics::{DelaySpec, PoolMetricsSpec};
use crate::random::Law;
use crate::scalers::{ScalerSpec, ScheduleSpec};
use crate::serving::{BalancerSpec, Cfs, CpuSpec, DisciplineSpec, MemorySpec, QueueSpec};
use std::collections::BTreeMap;
use std::path::Path;

/// Those who wait at the start are in memory together.
const MOST_WAITING: u64 = 10_000_000;

/// Reads one pool; `None` if it is too broken to go on with.
pub(super) fn pool(section: &Section<'_>, folder: &Path) -> Option<PoolSpec> {
    let name = section.name("name");
    let kind = section.choice(
        "kind",
        &[
            ("Deployment", WorkloadKind::Deployment),
            ("StatefulSet", WorkloadKind::StatefulSet),
            ("ReplicaSet", WorkloadKind::ReplicaSet),
        ],
    );
    let replicas = section.count("replicas");
    let service = section.law("service", Of::Time, folder);
    let owner = Owner::of_pool(kind.unwrap_or(WorkloadKind::Deployment), name.as_deref().unwrap_or_default());
    let fraction = |cpu: &Section<'_>| cpu_fraction(cpu, service.as_ref());
    let pods = pods(section, &fraction, &owner, folder);
    let memory = memory(&section.table("memory"));
    let containers: Vec<SidecarSpec> = section.tables("containers").iter().filter_map(sidecar).collect();
    let container = section.text("container").or_else(|| name.clone());
    let balancer = balancer(section);
    let labels = section.map("labels").map_or_else(
        || name.iter().map(|name| ("app".to_owned(), name.clone())).collect::<BTreeMap<_, _>>(),
        |pairs| pairs.into_iter().collect(),
    );
    let selector = section.text("selector").or_else(|| name.as_ref().map(|name| format!("app={name}")));
    let pods = pods?;
    Some(PoolSpec {
        name: name?,
        kind: kind?,
        replicas: replicas?,
        workers: pods.workers,
        discipline: pods.discipline,
        service,
        speed: pods.speed,
        queue: pods.queue,
        cpu: pods.cpu,
        memory: memory?,
        containers,
        container: container?,
        balancer: balancer?,
        price_usd_per_hour: pods.price_usd_per_hour,
        labels,
        selector: selector?,
        start: pods.start,
        stop: pods.stop,
        metrics: pods.metrics,
        scaler: pods.scaler,
    })
}

/// What a pool and a Seldon server say alike about their pods.
pub(super) struct Pods {
    pub(super) workers: Option<u32>,
    pub(super) discipline: DisciplineSpec,
    pub(super) speed: Law,
    pub(super) queue: QueueSpec,
    pub(super) cpu: CpuSpec,
    pub(super) price_usd_per_hour: f64,
    pub(super) start: StartSpec,
    pub(super) stop: StopSpec,
    pub(super) metrics: PoolMetricsSpec,
    pub(super) scaler: ScalerSpec,
}

/// Reads what a pool and a Seldon server say alike; `fraction` finds how many cores a request keeps busy.
pub(super) fn pods(
    section: &Section<'_>,
    fraction: &dyn Fn(&Section<'_>) -> Option<f64>,
    owner: &Owner<'_>,
    folder: &Path,
) -> Option<Pods> {
    let cpu = cpu(&section.table("cpu"), fraction);
    let discipline = discipline(section, cpu.as_ref());
    let workers = workers(section, discipline);
    let speed = section.law("speed", Of::Number, folder).filter(|speed| {
        if speed.mean() <= 0.0 {
            section.wrong(
                "speed",
                "a replica of speed 0 never ends a request",
                "not positive",
                "write a positive number",
            );
        }
        speed.mean() > 0.0
    });
    let queue = queue(&section.table("queue"));
    let price = section.price("price");
    let start = start(&section.table("start"), folder);
    let stop = stop(&section.table("stop"), folder);
    let metrics = pool_metrics(section);
    let scaler = scaler(section, owner, folder);
    Some(Pods {
        workers: workers?,
        discipline: discipline?,
        speed: speed?,
        queue: queue?,
        cpu: cpu?,
        price_usd_per_hour: price?,
        start: start?,
        stop: stop?,
        metrics: metrics?,
        scaler: scaler?,
    })
}

fn cpu(section: &Section<'_>, fraction: &dyn Fn(&Section<'_>) -> Option<f64>) -> Option<CpuSpec> {
    let request_millis = section.cpu("request");
    let limit_millis = section.cpu("limit");
    if let (Some(request), Some(limit)) = (request_millis, limit_millis)
        && request > limit
    {
        section.wrong(
            "request",
            "`cpu.request` is larger than `cpu.limit`",
            "more than the limit",
            "lower the request or raise the limit",
        );
    }
    if limit_millis == Some(0) {
        section.wrong("limit", "a CPU limit of 0 lets nothing run", "zero", "raise it, or leave it out for no limit");
    }
    let fraction = fraction(section);
    let idle_millis = section.cpu("idle");
    let startup_millis = section.cpu("startup");
    let cfs = section.choice("cfs", &[("fluid", Cfs::Fluid), ("exact", Cfs::Exact)]);
    if cfs == Some(Cfs::Exact) && limit_millis.is_none() {
        section.wrong(
            "cfs",
            "`cfs = \"exact\"` without `cpu.limit`",
            "there is no quota to enforce",
            "add `limit`, or leave `cfs` out",
        );
    }
    let bound = limit_millis.unwrap_or(u64::MAX);
    Some(CpuSpec {
        request_millis,
        limit_millis,
        fraction: fraction?,
        idle_millis: idle_millis?.min(bound),
        startup_millis: startup_millis?.min(bound),
        cfs: cfs?,
    })
}

/// Cores that a request keeps busy, as such or by the core-time of a request.
pub(super) fn cpu_fraction(section: &Section<'_>, service: Option<&Law>) -> Option<f64> {
    let mut fraction = section.number_from("fraction", 0.0, false);
    if let Some(per_request) = section.duration("per_request") {
        if section.has("fraction") {
            section.wrong(
                "per_request",
                "`cpu.per_request` beside `cpu.fraction`",
                "two answers to one question",
                "keep one of them",
            );
        }
        match service.map(Law::mean) {
            Some(mean) if mean > 0.0 => fraction = Some(per_request.as_secs_f64() / mean),
            _ => section.wrong(
                "per_request",
                "`cpu.per_request` needs a `service` law with a mean above 0",
                "nothing to divide by",
                "give it a `service`, or write `cpu.fraction`",
            ),
        }
    }
    fraction
}

fn discipline(section: &Section<'_>, cpu: Option<&CpuSpec>) -> Option<DisciplineSpec> {
    let choice = section.one_of("discipline")?;
    if choice.kind == "fifo" {
        choice.inside.empty("fifo");
        return Some(DisciplineSpec::Fifo);
    }
    let inner = choice.inside.table("processor_sharing");
    let cores = inner.number_from("cores", 0.0, true);
    let limit = cpu.and_then(|cpu| cpu.limit_millis).map(|millis| millis as f64 / 1_000.0);
    if cores.is_none() && limit.is_none() && !inner.has("cores") {
        inner.wrong(
            "cores",
            "processor sharing knows neither `cores` nor `cpu.limit`",
            "how many cores are shared?",
            "write `discipline.processor_sharing = { cores = 2 }`, or give the pool a `cpu.limit`",
        );
    }
    cores.or(limit).map(|cores| DisciplineSpec::ProcessorSharing { cores })
}

fn workers(section: &Section<'_>, discipline: Option<DisciplineSpec>) -> Option<Option<u32>> {
    if !section.has("workers") {
        section.whole_or("workers", "unlimited");
        return Some(if matches!(discipline, Some(DisciplineSpec::ProcessorSharing { .. })) { None } else { Some(1) });
    }
    let workers = section.whole_or("workers", "unlimited")?;
    match workers {
        None => Some(None),
        Some(0) => {
            section.wrong("workers", "a replica without workers serves nothing", "zero", "write at least 1");
            None
        }
        Some(count) if count > 100_000 => {
            section.wrong("workers", "more than 100,000 workers per replica", "too many", "write \"unlimited\"");
            None
        }
        Some(count) => Some(u32::try_from(count).ok()),
    }
}

fn queue(section: &Section<'_>) -> Option<QueueSpec> {
    let capacity = section.whole_or("capacity", "unlimited");
    let timeout = section.duration_or("timeout", "none");
    if timeout == Some(Some(crate::units::Span::ZERO)) {
        section.wrong(
            "timeout",
            "a queue timeout of zero lets nothing wait",
            "zero",
            "write `capacity = 0` for no waiting room, or a positive duration",
        );
    }
    let hold = section.duration("hold");
    let initial = section.whole("initial");
    if initial.is_some_and(|initial| initial > MOST_WAITING) {
        section.wrong("initial", "more than 10 million requests that wait at the start", "too many", "lower it");
    }
    Some(QueueSpec { capacity: capacity?, timeout: timeout?, hold: hold?, initial: initial? })
}

fn memory(section: &Section<'_>) -> Option<MemorySpec> {
    let (request_bytes, limit_bytes) = (section.size("request"), section.size("limit"));
    let (idle, per_request) = (section.size("idle"), section.size("per_request"));
    if let (Some(request), Some(limit)) = (request_bytes, limit_bytes)
        && request > limit
    {
        section.wrong(
            "request",
            "`memory.request` is larger than `memory.limit`",
            "more than the limit",
            "lower the request or raise the limit",
        );
    }
    Some(MemorySpec { request_bytes, limit_bytes, idle_bytes: idle?, per_request_bytes: per_request? })
}

fn sidecar(section: &Section<'_>) -> Option<SidecarSpec> {
    let name = section.name("name");
    let cpu = section.table("cpu");
    let memory = section.table("memory");
    let (cpu_request_millis, cpu_limit_millis, idle) = (cpu.cpu("request"), cpu.cpu("limit"), cpu.cpu("idle"));
    let (memory_request_bytes, memory_limit_bytes) = (memory.size("request"), memory.size("limit"));
    let memory_idle = memory.size("idle");
    Some(SidecarSpec {
        name: name?,
        cpu_request_millis,
        cpu_limit_millis,
        cpu_idle_millis: idle?.min(cpu_limit_millis.unwrap_or(u64::MAX)),
        memory_request_bytes,
        memory_limit_bytes,
        memory_idle_bytes: memory_idle?,
    })
}

fn balancer(section: &Section<'_>) -> Option<BalancerSpec> {
    let choice = section.one_of("balancer")?;
    if choice.kind != "least_request" {
        choice.inside.empty(choice.kind);
    }
    Some(match choice.kind {
        "random" => BalancerSpec::Random,
        "round_robin" => BalancerSpec::RoundRobin,
        "least_request_full" => BalancerSpec::LeastRequestFull,
        "central_queue" => BalancerSpec::CentralQueue,
        _ => {
            let inner = choice.inside.table("least_request");
            let choices = inner.count("choices")?;
            if choices < 2 {
                inner.wrong(
                    "choices",
                    "least request needs at least 2 choices",
                    "too few",
                    "write 2, or take `balancer.random = {}`",
                );
                return None;
            }
            BalancerSpec::LeastRequest { choices }
        }
    })
}

fn start(section: &Section<'_>, folder: &Path) -> Option<StartSpec> {
    let image = section.choice("image", &[("cached", ImageState::Cached), ("pulled", ImageState::Pulled)]);
    if image == Some(ImageState::Cached) && section.has("pull") {
        section.suspicious(
            "pull",
            "`pull` is skipped, since the image is cached",
            "not used",
            "write `image = \"pulled\"`",
        );
    }
    let law = |name: &str| section.law(name, Of::Time, folder);
    let (reconcile, schedule, kubelet_notice) = (law("reconcile"), law("schedule"), law("kubelet_notice"));
    let (sandbox, pull, container) = (law("sandbox"), law("pull"), law("container"));
    let (runtime, download, load, warmup) = (law("runtime"), law("download"), law("load"), law("warmup"));
    let readiness_probe = readiness_probe(section);
    let endpoints = endpoints(section, "endpoints", folder);
    Some(StartSpec {
        reconcile: reconcile?,
        schedule: schedule?,
        kubelet_notice: kubelet_notice?,
        sandbox: sandbox?,
        pull: pull?,
        container: container?,
        runtime: runtime?,
        download: download?,
        load: load?,
        warmup: warmup?,
        endpoints: endpoints?,
        image: image?,
        readiness_probe: readiness_probe?,
    })
}

fn readiness_probe(section: &Section<'_>) -> Option<Option<ReadinessProbe>> {
    if let Some(entry) = section.entry("readiness_probe")
        && let Value::Text(word) = &entry.node.value
    {
        if word == "none" {
            section.read("readiness_probe", |_| Ok(()));
            return Some(None);
        }
        section.wrong(
            "readiness_probe",
            format!("\"{word}\" is no readiness probe"),
            "neither a table nor \"none\"",
            "write `{ period = \"5s\" }` or \"none\"",
        );
        return None;
    }
    let probe = section.table_or("readiness_probe");
    let (initial_delay, period, timeout) =
        (probe.duration("initial_delay"), probe.some_time("period"), probe.some_time("timeout"));
    let (success_threshold, failure_threshold) = (probe.count("success_threshold"), probe.count("failure_threshold"));
    for (name, value) in [("success_threshold", success_threshold), ("failure_threshold", failure_threshold)] {
        if value == Some(0) {
            probe.wrong(name, format!("`{name}` of 0"), "zero", "write at least 1");
        }
    }
    Some(Some(ReadinessProbe {
        initial_delay: initial_delay?,
        period: period?,
        timeout: timeout?,
        success_threshold: success_threshold?,
        failure_threshold: failure_threshold?,
    }))
}

fn endpoints(section: &Section<'_>, name: &str, folder: &Path) -> Option<Endpoints> {
    if section.has(name) {
        return section.law(name, Of::Time, folder).map(Endpoints::Given);
    }
    let propagation = Law::lognormal_median_cv(0.3, 0.8).expect("a median and a cv above 0 make a lognormal law");
    Some(Endpoints::PropagationAndSync(propagation))
}

fn stop(section: &Section<'_>, folder: &Path) -> Option<StopSpec> {
    let (grace_period, pre_stop) = (section.duration("grace_period"), section.duration("pre_stop"));
    let endpoint_lag = endpoints(section, "endpoint_lag", folder);
    let drain = section.yes("drain");
    if let (Some(grace), Some(pre)) = (grace_period, pre_stop)
        && pre > grace
    {
        section.suspicious(
            "pre_stop",
            "`pre_stop` outlasts the grace period",
            "killed before it ends",
            "raise `grace_period`",
        );
    }
    Some(StopSpec { grace_period: grace_period?, pre_stop: pre_stop?, endpoint_lag: endpoint_lag?, drain: drain? })
}

fn pool_metrics(section: &Section<'_>) -> Option<PoolMetricsSpec> {
    let choice = section.one_of("metrics")?;
    if choice.kind == "resource" {
        choice.inside.empty("resource");
        return Some(PoolMetricsSpec::Resource);
    }
    let inner = choice.inside.table("delay");
    let (window, delay) = (inner.some_time("window"), inner.duration("delay"));
    Some(PoolMetricsSpec::Delay(DelaySpec { window: window?, delay: delay? }))
}

/// Reads `scaler.<kind>` of whoever is scaled.
pub(super) fn scaler(section: &Section<'_>, owner: &Owner<'_>, folder: &Path) -> Option<ScalerSpec> {
    let choice = section.one_of("scaler")?;
    match choice.kind {
        "fixed" => {
            choice.inside.empty("fixed");
            Some(ScalerSpec::Fixed)
        }
        "seldon_lag" => {
            choice.inside.empty("seldon_lag");
            Some(ScalerSpec::SeldonLag)
        }
        "schedule" => schedule(&choice.inside.table("schedule")).map(ScalerSpec::Schedule),
        _ => read_hpa::hpa(&choice.inside.table("hpa"), owner, folder).map(|hpa| ScalerSpec::Hpa(Box::new(hpa))),
    }
}

fn schedule(section: &Section<'_>) -> Option<ScheduleSpec> {
    let mut steps = Vec::new();
    let mut last = None;
    let tables = section.tables("steps");
    for step in &tables {
        let (Some(at), Some(replicas)) = (step.duration("at"), step.count("replicas")) else { continue };
        if last.is_some_and(|last| at <= last) {
            step.wrong(
                "at",
                "the steps of a schedule are not in order of time",
                "not later than the step before",
                "sort them by `at`",
            );
            continue;
        }
        last = Some(at);
        steps.push((at, replicas));
    }
    let repeat_every = if section.has("repeat_every") { section.some_time("repeat_every") } else { None };
    if tables.is_empty() {
        section.wrong("steps", "a schedule without steps", "no step", "add `steps = [{ at = \"1h\", replicas = 5 }]`");
        return None;
    }
    if let (Some(repeat), Some(last)) = (repeat_every, last)
        && last >= repeat
    {
        section.wrong(
            "repeat_every",
            "the schedule repeats before its last step",
            "too short",
            "raise it above the last `at`",
        );
        return None;
    }
    Some(ScheduleSpec { steps, repeat_every })
}
