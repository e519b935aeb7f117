//! The tables of a run, written while it runs.
//!
//! One tick is open at a time. Nothing is allocated per request; a disk that fails is noticed once, in
//! [`FileRecorder::finish`].

use super::recorder::{FlowEnd, Happening, PodChange, PoolSnapshot, Recorder, RequestEnd, Snapshot, Truth};
use super::rows::{DecisionRow, EventRow, RequestRow, TimelineRow};
use super::seldon::SeldonNames;
use super::seldon_files::SeldonTables;
use super::table::{TableWriter, number};
use super::tick::OpenRequests;
use crate::scalers::{Condition, KubeEvent, MetricStep, Report, Why};
use crate::units::{Id, LoadId, ModelId, PoolId, ReplicaId, ScalerId, SimTime, Span};
use std::fmt;
use std::io::{self, Write};

/// Where a table goes.
pub type Sink = Box<dyn Write + Send>;

/// What a file recorder must know, and where it writes.
pub struct FilePlan {
    /// Row interval of the time series.
    pub tick: Span,
    /// Names of the pools in file order, Seldon servers among them.
    pub pools: Vec<String>,
    /// Models, servers and pipelines.
    pub seldon: SeldonNames,
    /// Names of the loads in file order.
    pub loads: Vec<String>,
    /// Scalers by their id.
    pub scalers: Vec<ScalerPlan>,
    /// `timeline.csv`.
    pub timeline: Sink,
    /// `decisions.csv`.
    pub decisions: Sink,
    /// `events.csv`.
    pub events: Sink,
    /// `requests.csv`, if asked for.
    pub requests: Option<Sink>,
    /// `models.csv` and `servers.csv` of a Seldon run.
    pub models_and_servers: Option<(Sink, Sink)>,
}

/// What the tables say about a scaler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalerPlan {
    /// What it scales: `deployment/chat`.
    pub object: String,
    /// Name of the pool or model that it acts on.
    pub pool: String,
    /// Its kind: `hpa`.
    pub kind: String,
}

/// A table could not be written.
#[derive(Debug)]
pub struct WriteError {
    /// Which.
    pub file: &'static str,
    /// Why.
    pub source: io::Error,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write {}: {}", self.file, self.source)
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// A recorder that writes tables.
pub struct FileRecorder {
    timeline: TableWriter<Sink>,
    decisions: TableWriter<Sink>,
    events: TableWriter<Sink>,
    requests: Option<Requests>,
    seldon: Option<SeldonTables>,
    pools: Vec<OpenTick>,
    scalers: Vec<ScalerLog>,
    last_tick: SimTime,
    decision: u64,
}

/// What `requests.csv` needs: names of loads, pools, pipelines and pods.
struct Requests {
    table: TableWriter<Sink>,
    loads: Vec<String>,
    pools: Vec<String>,
    flows: Vec<String>,
    pods: Vec<String>,
}

struct ScalerLog {
    plan: ScalerPlan,
    /// `hpa/chat`.
    object: String,
    conditions: Vec<Condition>,
}

/// One pool in the open tick.
pub(super) struct OpenTick {
    row: TimelineRow,
    requests: OpenRequests,
    before: PoolSnapshot,
}

impl FileRecorder {
    /// Writes the headers.
    pub fn new(plan: FilePlan) -> Self {
        let requests = plan.requests.map(|sink| Requests {
            table: TableWriter::for_rows::<RequestRow<'_>>(sink),
            loads: plan.loads,
            pools: plan.pools.clone(),
            flows: plan.seldon.flows,
            pods: Vec::new(),
        });
        let models = plan.seldon.models;
        let seldon = plan.models_and_servers.map(|(to_models, to_servers)| {
            SeldonTables::new(to_models, to_servers, models.into_iter().map(|model| model.name))
        });
        let scalers = plan.scalers.into_iter().map(|plan| ScalerLog {
            object: format!("{}/{}", plan.kind, plan.pool),
            plan,
            conditions: Vec::new(),
        });
        Self {
            timeline: TableWriter::for_rows::<TimelineRow>(plan.timeline),
            decisions: TableWriter::for_rows::<DecisionRow>(plan.decisions),
            events: TableWriter::for_rows::<EventRow>(plan.events),
            requests,
            seldon,
            pools: plan.pools.into_iter().map(OpenTick::new).collect(),
            scalers: scalers.collect(),
            last_tick: SimTime::ZERO,
            decision: 0,
        }
    }

    /// Writes out what is buffered.
    ///
    /// # Errors
    /// The first error of the first table that has one.
    pub fn finish(self) -> Result<(), WriteError> {
        let end = |file, table: TableWriter<Sink>| match table.finish().and_then(|mut sink| sink.flush()) {
            Ok(()) => Ok(()),
            Err(source) => Err(WriteError { file, source }),
        };
        end("timeline.csv", self.timeline)?;
        end("decisions.csv", self.decisions)?;
        end("events.csv", self.events)?;
        if let Some(seldon) = self.seldon {
            end("models.csv", seldon.models)?;
            end("servers.csv", seldon.servers)?;
        }
        self.requests.map_or(Ok(()), |requests| end("requests.csv", requests.table))
    }

    /// What a pass did to the scaler's conditions, and what it emitted.
    fn scaler_events(&mut self, now: SimTime, scaler: ScalerId, report: &Report) {
        let Some(log) = self.scalers.get_mut(scaler.index()) else {
            return;
        };
        let (object, kind) = (&log.object, &log.plan.kind);
        for KubeEvent { warning, reason, message } in &report.events {
            write_event(&mut self.events, now, &Event { object, kind, warning: *warning, reason, message });
        }
        for condition in log.changes(&report.status.conditions) {
            let truth = if condition.status { "True" } else { "False" };
            let message = format!("{} is {truth}: {}", condition.kind, condition.message);
            let reason = &condition.reason;
            write_event(&mut self.events, now, &Event { object, kind, warning: false, reason, message: &message });
        }
        log.remember(&report.status.conditions);
    }

    fn decision_rows(&mut self, now: SimTime, scaler: ScalerId, report: &Report, truth: &Truth) {
        let (object, kind) = match self.scalers.get(scaler.index()) {
            Some(log) => (log.plan.object.clone(), log.plan.kind.clone()),
            None => return,
        };
        let trail = &report.trail;
        let head = DecisionRow {
            decision: self.decision,
            time_s: now.as_secs_f64(),
            object,
            scaler: kind,
            replicas_now: trail.now,
            ..DecisionRow::default()
        };
        for step in &report.metrics {
            self.decisions.row(&metric_row(&head, step, truth));
        }
        self.decisions.row(&DecisionRow {
            after_window: trail.after_window,
            after_policies: trail.after_policies,
            after_bounds: trail.after_bounds,
            decided: trail.decided,
            truth_needed: truth.needed,
            why: trail.why.iter().copied().map(Why::as_str).collect::<Vec<_>>().join(";"),
            detail: trail.detail.clone(),
            ..head
        });
    }
}

/// A row of `events.csv` in the making.
struct Event<'a> {
    object: &'a str,
    kind: &'a str,
    warning: bool,
    reason: &'a str,
    message: &'a str,
}

fn write_event(table: &mut TableWriter<Sink>, now: SimTime, event: &Event<'_>) {
    table.row(&EventRow {
        time_s: number(now.as_secs_f64()),
        object: event.object.to_owned(),
        kind: event.kind.to_owned(),
        severity: if event.warning { "Warning" } else { "Normal" }.to_owned(),
        reason: event.reason.to_owned(),
        message: event.message.to_owned(),
    });
}

fn metric_row(head: &DecisionRow, step: &MetricStep, truth: &Truth) -> DecisionRow {
    DecisionRow {
        metric: step.metric.clone(),
        seen: step.seen,
        target: step.target,
        seen_at_s: step.seen_at.map(SimTime::as_secs_f64),
        truth: if step.metric == "cpu" { truth.utilization } else { None },
        raw: step.raw,
        after_tolerance: step.proposal,
        why: step.why.map(Why::as_str).unwrap_or_default().to_owned(),
        detail: step.detail.clone(),
        ..head.clone()
    }
}

impl ScalerLog {
    /// Those that are new, or have another status or reason than before.
    fn changes<'a>(&self, now: &'a [Condition]) -> Vec<&'a Condition> {
        let same = |a: &Condition, b: &Condition| a.kind == b.kind && a.status == b.status && a.reason == b.reason;
        now.iter().filter(|condition| !self.conditions.iter().any(|before| same(before, condition))).collect()
    }

    fn remember(&mut self, now: &[Condition]) {
        if self.conditions != now {
            self.conditions.clear();
            self.conditions.extend_from_slice(now);
        }
    }
}

impl OpenTick {
    fn new(pool: String) -> Self {
        Self {
            row: TimelineRow { pool, ..TimelineRow::default() },
            requests: OpenRequests::new(),
            before: PoolSnapshot::default(),
        }
    }

    /// The row of the tick that was closed last; its pool's name stands in it from the beginning.
    pub fn row(&self) -> &TimelineRow {
        &self.row
    }

    /// The tick's row; opens the next tick.
    fn close(&mut self, now: SimTime, length: Span, state: &PoolSnapshot) -> &TimelineRow {
        let rates = self.requests.take(length);
        let row = &mut self.row;
        row.time_s = now.as_secs_f64();
        row.offered_rps = rates.offered;
        row.done_rps = rates.done;
        row.rejected_rps = rates.rejected;
        row.timed_out_rps = rates.timed_out;
        row.lost_rps = rates.lost;
        row.queue = state.queue;
        row.in_flight = state.in_flight;
        row.replicas_desired = state.desired;
        row.replicas_ready = state.ready;
        row.replicas_starting = state.starting;
        row.replicas_draining = state.draining;
        row.capacity_rps = state.capacity_rps;
        let requested = state.cpu_requested_core_s - self.before.cpu_requested_core_s;
        row.utilization_ratio = (requested > 0.0).then(|| (state.cpu_core_s - self.before.cpu_core_s) / requested);
        row.utilization_seen_ratio = state.seen_utilization;
        row.utilization_seen_age_s = state.seen_at.map(|seen_at| now.saturating_since(seen_at).as_secs_f64());
        [row.latency_p50_s, row.latency_p95_s, row.latency_p99_s] = rates.latency_s;
        row.cost_usd = state.cost_usd;
        self.before = *state;
        &self.row
    }
}

impl Requests {
    fn row(&mut self, end: &RequestEnd) {
        let load = self.loads.get(end.load.index()).map_or("", String::as_str);
        let pool = self.pools.get(end.pool.index()).map_or("", String::as_str);
        let pod = end.replica.and_then(|replica| self.pods.get(replica.index())).map(String::as_str);
        let latency = end.at.saturating_since(end.arrived);
        self.table.row(&RequestRow {
            request: end.request,
            load,
            pool,
            replica: pod,
            arrived_s: end.arrived.as_secs_f64(),
            started_s: end.started.map(SimTime::as_secs_f64),
            ended_s: end.at.as_secs_f64(),
            outcome: end.outcome.as_str(),
            demand_s: end.demand.as_secs_f64(),
            latency_s: latency.as_secs_f64(),
        });
    }

    /// A pipeline has neither pods nor work of its own.
    fn flow_row(&mut self, end: &FlowEnd) {
        let load = self.loads.get(end.load.index()).map_or("", String::as_str);
        let flow = self.flows.get(end.flow.index()).map_or("", String::as_str);
        self.table.row(&RequestRow {
            request: end.request,
            load,
            pool: flow,
            replica: None,
            arrived_s: end.arrived.as_secs_f64(),
            started_s: None,
            ended_s: end.at.as_secs_f64(),
            outcome: end.outcome.as_str(),
            demand_s: 0.0,
            latency_s: end.at.saturating_since(end.arrived).as_secs_f64(),
        });
    }

    fn pod(&mut self, replica: ReplicaId, name: &str) {
        let index = replica.index();
        if index >= self.pods.len() {
            self.pods.resize(index + 1, String::new());
        }
        if self.pods[index].is_empty() {
            self.pods[index].push_str(name);
        }
    }
}

impl Recorder for FileRecorder {
    #[inline(always)]
    fn arrived(&mut self, _now: SimTime, _load: LoadId, pool: PoolId) {
        self.pools[pool.index()].requests.offered += 1;
    }

    #[inline(always)]
    fn ended(&mut self, end: &RequestEnd) {
        self.pools[end.pool.index()].requests.ended(end.outcome, end.at.saturating_since(end.arrived));
        if let Some(model) = end.model
            && let Some(seldon) = &mut self.seldon
        {
            seldon.ended(model, end);
        }
        if let Some(requests) = &mut self.requests {
            requests.row(end);
        }
    }

    fn called(&mut self, _now: SimTime, model: ModelId) {
        if let Some(seldon) = &mut self.seldon {
            seldon.called(model);
        }
    }

    fn flow_ended(&mut self, end: &FlowEnd) {
        if let Some(requests) = &mut self.requests {
            requests.flow_row(end);
        }
    }

    fn pod(&mut self, now: SimTime, change: &PodChange<'_>) {
        if let Some(requests) = &mut self.requests {
            requests.pod(change.replica, change.name);
        }
        let object = format!("pod/{}", change.name);
        let PodChange { warning, reason, message, .. } = *change;
        write_event(&mut self.events, now, &Event { object: &object, kind: "pod", warning, reason, message });
    }

    fn decision(&mut self, now: SimTime, scaler: ScalerId, report: &Report, truth: &Truth) {
        self.decision += 1;
        self.decision_rows(now, scaler, report, truth);
        self.scaler_events(now, scaler, report);
    }

    fn happened(&mut self, now: SimTime, what: &Happening<'_>) {
        let Happening { object, kind, warning, reason, message } = *what;
        write_event(&mut self.events, now, &Event { object, kind, warning, reason, message });
    }

    fn tick(&mut self, now: SimTime, state: &Snapshot<'_>) {
        let length = now.saturating_since(self.last_tick);
        for (pool, state) in self.pools.iter_mut().zip(state.pools) {
            self.timeline.row(pool.close(now, length, state));
        }
        if let Some(seldon) = &mut self.seldon {
            seldon.tick(now, length, state, &self.pools);
        }
        self.last_tick = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{
        ModelName, ModelRow, ModelSnapshot, Outcome, ServerName, ServerRow, ServerSnapshot, TableReader, TimelineRow,
    };
    use crate::scalers::{Status, Trail};
    use crate::units::FlowId;
    use std::sync::{Arc, Mutex};

    /// A file that can be looked at afterwards.
    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("one writer").write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Paper {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().expect("one writer").clone()).expect("text in, text out")
        }
    }

    #[derive(Default)]
    struct Folder {
        timeline: Paper,
        decisions: Paper,
        events: Paper,
        requests: Paper,
        models: Paper,
        servers: Paper,
    }

    impl Folder {
        fn recorder(&self) -> FileRecorder {
            FileRecorder::new(plan(
                Box::new(self.timeline.clone()),
                Box::new(self.decisions.clone()),
                Box::new(self.events.clone()),
                Some(Box::new(self.requests.clone())),
            ))
        }
    }

    fn plan(timeline: Sink, decisions: Sink, events: Sink, requests: Option<Sink>) -> FilePlan {
        FilePlan {
            tick: Span::from_secs(5),
            pools: vec!["chat".to_owned()],
            seldon: SeldonNames::default(),
            loads: vec!["web".to_owned()],
            scalers: vec![ScalerPlan {
                object: "deployment/chat".to_owned(),
                pool: "chat".to_owned(),
                kind: "hpa".to_owned(),
            }],
            timeline,
            decisions,
            events,
            requests,
            models_and_servers: None,
        }
    }

    /// Pool `chat` is a server with two models, and there is a pipeline.
    fn seldon_recorder(folder: &Folder) -> FileRecorder {
        let model = |name: &str| ModelName { name: name.to_owned(), ..ModelName::default() };
        let server = ServerName { pool: PoolId::new(0), max_replicas: Some(2), max_is_default: false };
        FileRecorder::new(FilePlan {
            seldon: SeldonNames {
                models: vec![model("embed"), model("generate")],
                servers: vec![server],
                departures: Vec::new(),
                flows: vec!["answer".to_owned()],
            },
            models_and_servers: Some((Box::new(folder.models.clone()), Box::new(folder.servers.clone()))),
            ..plan(
                Box::new(folder.timeline.clone()),
                Box::new(io::sink()),
                Box::new(io::sink()),
                Some(Box::new(folder.requests.clone())),
            )
        })
    }

    fn end(request: u64, at_ms: u64, latency_ms: u64, outcome: Outcome) -> RequestEnd {
        let at = SimTime::ZERO + Span::from_millis(at_ms);
        RequestEnd {
            at,
            request,
            load: LoadId::new(0),
            pool: PoolId::new(0),
            model: None,
            inner: false,
            replica: Some(ReplicaId::new(2)),
            arrived: at.saturating_sub(Span::from_millis(latency_ms)),
            started: Some(at),
            demand: Span::from_millis(80),
            outcome,
        }
    }

    fn tick(recorder: &mut FileRecorder, at_s: u64, state: PoolSnapshot) {
        recorder.tick(
            SimTime::from_secs(at_s),
            &Snapshot { pools: &[state], models: &[], servers: &[], flows: &[], events: 0 },
        );
    }

    #[test]
    fn a_tick_is_a_row_of_rates_states_and_exact_quantiles() {
        let folder = Folder::default();
        let mut recorder = folder.recorder();
        for latency_ms in (1..=100).rev() {
            recorder.arrived(SimTime::ZERO, LoadId::new(0), PoolId::new(0));
            recorder.ended(&end(1, 1_000, latency_ms, Outcome::Done));
        }
        recorder.ended(&end(1, 1_000, 9_000, Outcome::Rejected));
        let state = PoolSnapshot {
            queue: 3,
            in_flight: 4,
            ready: 2,
            cpu_core_s: 6.0,
            cpu_requested_core_s: 10.0,
            seen_utilization: Some(0.5),
            seen_at: Some(SimTime::ZERO),
            cost_usd: 0.25,
            ..PoolSnapshot::default()
        };
        tick(&mut recorder, 5, state);
        // The last tick is short; nothing happened in it, and all CPU seconds are from before.
        tick(&mut recorder, 7, state);
        recorder.finish().expect("paper takes all");
        let text = folder.timeline.text();
        let mut lines = text.lines().skip(1);
        assert_eq!(lines.next(), Some("5,chat,20,20,0.2,0,0,3,4,0,2,0,0,0,0.6,0.5,5,0.05,0.095,0.099,0.25"));
        assert_eq!(lines.next(), Some("7,chat,0,0,0,0,0,3,4,0,2,0,0,0,,0.5,7,,,,0.25"));
        assert_eq!(lines.next(), None);
        let table = TableReader::new(text.as_bytes()).expect("own table");
        assert_eq!(table.rows::<TimelineRow>().filter_map(Result::ok).count(), 2);
    }

    #[test]
    fn models_and_servers_have_a_row_each_per_tick() {
        let folder = Folder::default();
        let mut recorder = seldon_recorder(&folder);
        let (load, pool, embed) = (LoadId::new(0), PoolId::new(0), ModelId::new(0));
        for latency_ms in 1..=10 {
            recorder.arrived(SimTime::ZERO, load, pool);
            recorder.called(SimTime::ZERO, embed);
            let inner = latency_ms > 5;
            recorder.ended(&RequestEnd { model: Some(embed), inner, ..end(1, 1_000, latency_ms, Outcome::Done) });
        }
        recorder.called(SimTime::ZERO, ModelId::new(1));
        recorder.ended(&RequestEnd { model: Some(ModelId::new(1)), ..end(1, 1_000, 0, Outcome::Rejected) });
        let state = PoolSnapshot {
            starting: 1,
            draining: 2,
            cpu_core_s: 1.0,
            cpu_requested_core_s: 4.0,
            cost_usd: 0.5,
            ..PoolSnapshot::default()
        };
        let loaded = ModelSnapshot {
            server: Some(pool),
            state: "ModelAvailable",
            wanted: 2,
            available: 1,
            queue: 3,
            in_flight: 4,
            reloads: 7,
        };
        let nowhere = ModelSnapshot { state: "ScheduleFailed", wanted: 1, ..ModelSnapshot::default() };
        let server = ServerSnapshot {
            pool: Some(pool),
            expected: 3,
            connected: 2,
            models_loaded: 1,
            models_registered: 4,
            memory_bytes: 1_000,
            memory_used_bytes: 600,
            evictions: 8,
            reloads: 7,
        };
        let (pools, models, servers) = ([state], [loaded, nowhere], [server]);
        let shown = Snapshot { pools: &pools, models: &models, servers: &servers, flows: &[0], events: 0 };
        recorder.tick(SimTime::from_secs(5), &shown);
        recorder.tick(SimTime::from_secs(7), &shown);
        recorder.finish().expect("paper takes all");
        assert_eq!(
            folder.models.text(),
            "time_s,model,server,state,wanted,available,offered_rps,done_rps,rejected_rps,timed_out_rps,lost_rps,\
             queue,in_flight,latency_p50_s,latency_p95_s,latency_p99_s,reloads\n\
             5,embed,chat,ModelAvailable,2,1,2,2,0,0,0,3,4,0.005,0.01,0.01,7\n\
             5,generate,,ScheduleFailed,1,0,0.2,0,0.2,0,0,0,0,,,,0\n\
             7,embed,chat,ModelAvailable,2,1,0,0,0,0,0,3,4,,,,7\n\
             7,generate,,ScheduleFailed,1,0,0,0,0,0,0,0,0,,,,0\n"
        );
        assert_eq!(
            folder.servers.text(),
            "time_s,server,expected,connected,starting,draining,models_loaded,models_registered,memory_bytes,\
             memory_used_bytes,evictions,reloads,utilization_ratio,cost_usd\n\
             5,chat,3,2,1,2,1,4,1000,600,8,7,0.25,0.5\n\
             7,chat,3,2,1,2,1,4,1000,600,8,7,,0.5\n"
        );
        let (models, servers) = (folder.models.text(), folder.servers.text());
        let models = TableReader::new(models.as_bytes()).expect("own table").rows::<ModelRow>();
        let servers = TableReader::new(servers.as_bytes()).expect("own table").rows::<ServerRow>();
        assert_eq!((models.filter_map(Result::ok).count(), servers.filter_map(Result::ok).count()), (4, 2));
        assert_eq!(folder.timeline.text().lines().nth(1).map(|row| row.starts_with("5,chat,2,2,0.2,")), Some(true));
    }

    #[test]
    fn a_pipelines_request_is_a_request() {
        let folder = Folder::default();
        let mut recorder = seldon_recorder(&folder);
        recorder.flow_ended(&FlowEnd {
            at: SimTime::from_secs(3),
            request: 9,
            load: LoadId::new(0),
            flow: FlowId::new(0),
            arrived: SimTime::from_secs(1),
            outcome: Outcome::TimedOut,
        });
        recorder.finish().expect("paper takes all");
        assert_eq!(folder.requests.text().lines().nth(1), Some("9,web,answer,,1,,3,timed_out,0,2"));
    }

    #[test]
    fn a_decision_is_a_row_per_metric_and_a_final_one() {
        let folder = Folder::default();
        let mut recorder = folder.recorder();
        let report = Report {
            metrics: vec![
                MetricStep {
                    metric: "cpu".to_owned(),
                    seen: Some(0.68),
                    target: Some(0.7),
                    seen_at: Some(SimTime::from_secs(10)),
                    raw: Some(6),
                    proposal: Some(6),
                    why: Some(Why::Tolerance),
                    detail: "ready=6;ratio=0.97".to_owned(),
                },
                MetricStep { metric: "queue".to_owned(), why: Some(Why::Failed), ..MetricStep::default() },
            ],
            trail: Trail {
                now: Some(6),
                proposal: Some(6),
                after_window: Some(9),
                after_policies: Some(8),
                after_bounds: Some(7),
                decided: Some(7),
                scaled: true,
                why: vec![Why::Stabilized, Why::RateLimited],
                detail: String::new(),
            },
            ..Report::default()
        };
        let truth = Truth { utilization: Some(1.0), needed: Some(29), ..Truth::default() };
        recorder.decision(SimTime::from_secs(75), ScalerId::new(0), &report, &truth);
        recorder.finish().expect("paper takes all");
        let rows: Vec<String> = folder.decisions.text().lines().skip(1).map(str::to_owned).collect();
        assert_eq!(
            rows,
            [
                "1,75,deployment/chat,hpa,cpu,0.68,0.7,10,1,6,6,6,,,,,,tolerance,ready=6;ratio=0.97",
                "1,75,deployment/chat,hpa,queue,,,,,6,,,,,,,,failed,",
                "1,75,deployment/chat,hpa,,,,,,6,,,9,8,7,7,29,stabilized;rate limited,",
            ]
        );
    }

    #[test]
    fn events_tell_of_pods_scalers_and_interventions() {
        let folder = Folder::default();
        let mut recorder = folder.recorder();
        let at = |millis| SimTime::ZERO + Span::from_millis(millis);
        let change = PodChange {
            pool: PoolId::new(0),
            replica: ReplicaId::new(2),
            name: "chat-2",
            warning: false,
            reason: "Started",
            message: "Started container",
        };
        recorder.pod(at(7_500), &change);
        let condition = |status| Condition {
            kind: "AbleToScale".to_owned(),
            status,
            reason: "ReadyForNewScale".to_owned(),
            message: "recommended size matches current size".to_owned(),
            changed: at(0),
        };
        let warning =
            KubeEvent { warning: true, reason: "FailedGetScale".to_owned(), message: "no, really".to_owned() };
        for (seconds, status, events) in [(15, true, vec![]), (30, true, vec![warning]), (45, false, vec![])] {
            let status = Status { conditions: vec![condition(status)], ..Status::default() };
            let report = Report { status, events, ..Report::default() };
            recorder.decision(SimTime::from_secs(seconds), ScalerId::new(0), &report, &Truth::default());
        }
        recorder.happened(
            SimTime::from_secs(60),
            &Happening { object: "deployment/chat", kind: "scale", warning: false, reason: "Set", message: "to 3" },
        );
        recorder.finish().expect("paper takes all");
        let rows: Vec<String> = folder.events.text().lines().skip(1).map(str::to_owned).collect();
        assert_eq!(
            rows,
            [
                "7.5,pod/chat-2,pod,Normal,Started,Started container",
                "15,hpa/chat,hpa,Normal,ReadyForNewScale,AbleToScale is True: recommended size matches current size",
                "30,hpa/chat,hpa,Warning,FailedGetScale,\"no, really\"",
                "45,hpa/chat,hpa,Normal,ReadyForNewScale,AbleToScale is False: recommended size matches current size",
                "60,deployment/chat,scale,Normal,Set,to 3",
            ]
        );
    }

    #[test]
    fn requests_are_written_only_if_asked_for() {
        let folder = Folder::default();
        let mut recorder = folder.recorder();
        let change = PodChange {
            pool: PoolId::new(0),
            replica: ReplicaId::new(2),
            name: "chat-2",
            warning: false,
            reason: "Ready",
            message: "",
        };
        recorder.pod(SimTime::ZERO, &change);
        recorder.ended(&end(1, 1_500, 250, Outcome::Done));
        recorder.ended(&RequestEnd { replica: None, started: None, ..end(2, 2_000, 0, Outcome::Rejected) });
        recorder.finish().expect("paper takes all");
        assert_eq!(
            folder.requests.text(),
            "request,load,pool,replica,arrived_s,started_s,ended_s,outcome,demand_s,latency_s\n\
             1,web,chat,chat-2,1.25,1.5,1.5,done,0.08,0.25\n\
             2,web,chat,,2,,2,rejected,0.08,0\n"
        );
        let without = FileRecorder::new(plan(Box::new(io::sink()), Box::new(io::sink()), Box::new(io::sink()), None));
        without.finish().expect("sinks take all");
    }

    #[test]
    fn a_full_disk_is_told_at_the_end() {
        let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else {
            return; // only Linux has one
        };
        let sinks = || Box::new(io::sink());
        let mut recorder = FileRecorder::new(plan(sinks(), sinks(), Box::new(full), None));
        for second in 0..10_000 {
            let what =
                Happening { object: "metrics-server", kind: "fault", warning: true, reason: "Down", message: "down" };
            recorder.happened(SimTime::from_secs(second), &what);
        }
        let error = recorder.finish().expect_err("a full disk");
        assert_eq!((error.file, error.source.kind()), ("events.csv", io::ErrorKind::StorageFull));
        assert!(error.to_string().starts_with("cannot write events.csv: "));
    }
}
