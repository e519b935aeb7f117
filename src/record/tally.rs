//! The totals of a run, gathered in memory that does not grow with the number of requests.
//!
//! Requests count if they arrive after the warm-up. What the simulation integrates over time (replicas, usage, cost) counts
//! from the first tick that ends at or after the warm-up. Only the windows of objectives grow with the length of the run.
//!
//! A pool, a model and a pipeline each count all that they were asked. The run as a whole counts what clients sent: the sum
//! over the pools, or, where pipelines make calls of their own, a tally of its own without those.

use super::counts::{RequestTally, SECONDS_PER_HOUR, ScalerTally, Tick, latency_totals};
use super::judge::{Judge, TickState, WindowTally, share_reached, together};
use super::latency::{Latencies, billionths, rank};
use super::objective::{ConditionSpec, Figure, Objective, ObjectiveScope, Population};
use super::recorder::{FlowEnd, Outcome, PoolSnapshot, Recorder, RequestEnd, Snapshot, Truth};
use super::rows::LatencyRow;
use super::seldon::{ModelTally, SeldonNames, ServerBounds, ServerTally};
use super::story::ScalingStory;
use super::totals::{ObjectiveResult, PipelineTotals, PoolTotals, PooledLatency, RunTotals};
use super::words::{clock, exact_percent, percent};
use crate::scalers::Report;
use crate::units::{FlowId, Id, LoadId, ModelId, PoolId, ScalerId, SimTime, Span};

/// What a tally must know of a scenario.
#[derive(Clone, Debug)]
pub struct TallyPlan {
    /// Scenario.
    pub scenario: String,
    /// Seed.
    pub seed: u64,
    /// Simulated time.
    pub duration: Span,
    /// Left out.
    pub warmup: Span,
    /// Row interval of the time series.
    pub tick: Span,
    /// Pools in file order, Seldon servers among them.
    pub pools: Vec<TallyPool>,
    /// Models, servers and pipelines.
    pub seldon: SeldonNames,
    /// Objectives in file order.
    pub objectives: Vec<Objective>,
}

/// What a tally must know of a pool.
#[derive(Clone, Debug)]
pub struct TallyPool {
    /// Its name.
    pub name: String,
    /// Kind of its scaler.
    pub scaler: String,
    /// Price of a replica.
    pub price_usd_per_hour: f64,
    /// Does it have a CPU request or limit, so that usage has something to be compared with?
    pub has_reference: bool,
}

/// A recorder that keeps totals.
#[derive(Clone, Debug)]
pub struct Tally {
    plan: TallyPlan,
    warmup: SimTime,
    pools: Vec<PoolTally>,
    models: Vec<ModelTally>,
    servers: Vec<ServerTally>,
    bounds: ServerBounds,
    flows: Vec<RequestTally>,
    /// What clients sent themselves; kept only where there are pipelines.
    clients: Option<Box<RequestTally>>,
    judges: Vec<Option<Judge>>,
    /// The instant from which integrals count, once it has come.
    measured_from: Option<SimTime>,
    last_tick: SimTime,
    replicas_max: u32,
    events: u64,
}

#[derive(Clone, Debug, Default)]
struct PoolTally {
    requests: RequestTally,
    at_start: PoolSnapshot,
    now: PoolSnapshot,
    replicas: Option<(u32, u32)>,
    queue_max: u64,
    scaler: ScalerTally,
}

impl PoolTally {
    fn since_start(&self, of: impl Fn(&PoolSnapshot) -> f64) -> f64 {
        of(&self.now) - of(&self.at_start)
    }

    fn utilization(&self) -> Option<f64> {
        let requested = self.since_start(|state| state.cpu_requested_core_s);
        (requested > 0.0).then(|| self.since_start(|state| state.cpu_core_s) / requested)
    }
}

impl Tally {
    /// Nothing has happened yet.
    pub fn new(plan: TallyPlan) -> Self {
        let judges =
            plan.objectives.iter().map(|objective| Judge::new(objective, plan.duration, plan.warmup)).collect();
        let names: Vec<String> = plan.pools.iter().map(|pool| pool.name.clone()).collect();
        let seldon = &plan.seldon;
        Self {
            warmup: SimTime::ZERO + plan.warmup,
            pools: vec![PoolTally::default(); plan.pools.len()],
            models: vec![ModelTally::default(); seldon.models.len()],
            servers: vec![ServerTally::default(); seldon.servers.len()],
            bounds: ServerBounds::new(seldon, &names),
            flows: vec![RequestTally::default(); seldon.flows.len()],
            clients: (!seldon.flows.is_empty()).then(Box::default),
            judges,
            measured_from: plan.warmup.is_zero().then_some(SimTime::ZERO),
            last_tick: SimTime::ZERO,
            replicas_max: 0,
            events: 0,
            plan,
        }
    }

    /// Latencies of a pool's done requests, to be pooled with those of other seeds.
    pub fn histogram(&self, pool: PoolId) -> &Latencies {
        &self.pools[pool.index()].requests.done
    }

    /// What the scaler of a pool did.
    pub fn story(&self, pool: PoolId) -> ScalingStory {
        self.pools[pool.index()].scaler.story.story()
    }

    /// The stories of all pools in file order, then those of all models.
    pub fn stories(&self) -> Vec<ScalingStory> {
        let scalers = self.pools.iter().map(|pool| &pool.scaler).chain(self.models.iter().map(|model| &model.scaler));
        scalers.map(|scaler| scaler.story.story()).collect()
    }

    /// The distribution of each pool, then of each model, then of each pipeline that has any done request: every percent,
    /// then ever closer to the greatest.
    pub fn latency_rows(&self) -> Vec<LatencyRow> {
        let percents = (0..100).map(|percent| f64::from(percent) / 100.0);
        let quantiles: Vec<f64> = percents.chain([0.999, 0.9999, 1.0]).collect();
        let mut rows = Vec::new();
        for (name, done) in self.latencies() {
            for &quantile in &quantiles {
                let rank = rank(billionths(quantile), done.count());
                let Some(latency_s) = done.ranked_s(rank) else {
                    continue;
                };
                let count = done.count_up_to_rank(rank);
                rows.push(LatencyRow { pool: name.to_owned(), quantile, latency_s, count });
            }
        }
        rows
    }

    /// Latencies of done requests of each pool, then of each model, then of each pipeline.
    fn latencies(&self) -> impl Iterator<Item = (&str, &Latencies)> {
        let (plan, seldon) = (&self.plan, &self.plan.seldon);
        let pools = plan.pools.iter().zip(&self.pools).map(|(plan, pool)| (&plan.name, &pool.requests));
        let models = seldon.models.iter().zip(&self.models).map(|(plan, model)| (&plan.name, &model.requests));
        let all = pools.chain(models).chain(seldon.flows.iter().zip(&self.flows));
        all.map(|(name, requests)| (name.as_str(), &requests.done))
    }

    /// The latencies of runs of one scenario under several seeds, taken together; only what has any done request.
    pub fn pooled_latencies<'a>(mut tallies: impl Iterator<Item = &'a Self>) -> Vec<PooledLatency> {
        let Some(first) = tallies.next() else { return Vec::new() };
        let mut pooled: Vec<(&str, Latencies)> = first.latencies().map(|(name, done)| (name, done.clone())).collect();
        for tally in tallies {
            for ((_, all), (_, done)) in pooled.iter_mut().zip(tally.latencies()) {
                all.merge(done);
            }
        }
        let told = |(name, all): (&str, Latencies)| {
            latency_totals(&all).map(|latency| PooledLatency { name: name.to_owned(), latency })
        };
        pooled.into_iter().filter_map(told).collect()
    }

    /// The totals so far.
    pub fn totals(&self) -> RunTotals {
        let with_for: Vec<&Judge> =
            self.judges.iter().flatten().filter(|judge| judge.objective.share_of_time.is_some()).collect();
        let together = together(&with_for);
        let good_time_ratio = together.and_then(|(good, _)| good);
        let recovery_s = together.map(|(_, longest)| longest.as_secs_f64());
        let run_figures = RunFigures { tally: self, good_time_ratio, recovery_s };
        let objectives = self.plan.objectives.iter().zip(&self.judges);
        let seldon = &self.plan.seldon;
        let pool_name = |pool: PoolId| self.plan.pools.get(pool.index()).map(|pool| pool.name.clone());
        RunTotals {
            scenario: self.plan.scenario.clone(),
            seed: self.plan.seed,
            duration_s: self.plan.duration.as_secs_f64(),
            warmup_s: self.plan.warmup.as_secs_f64(),
            objectives: objectives.map(|(objective, judge)| run_figures.result(objective, judge.as_ref())).collect(),
            good_time_ratio,
            recovery_s,
            clients: self.clients.as_ref().map(|clients| clients.totals()),
            pools: (0..self.pools.len()).map(|index| self.pool_totals(index)).collect(),
            models: seldon.models.iter().zip(&self.models).map(|(name, model)| model.totals(name, pool_name)).collect(),
            servers: seldon
                .servers
                .iter()
                .zip(&self.servers)
                .map(|(name, server)| server.totals(name, pool_name(name.pool).unwrap_or_default()))
                .collect(),
            pipelines: seldon
                .flows
                .iter()
                .zip(&self.flows)
                .map(|(name, flow)| PipelineTotals { pipeline: name.clone(), requests: flow.totals() })
                .collect(),
            departures: self.plan.seldon.departures.clone(),
            events: self.events,
        }
    }

    fn pool_totals(&self, index: usize) -> PoolTotals {
        let (pool, plan) = (&self.pools[index], &self.plan.pools[index]);
        let requests = pool.requests.totals();
        let (replicas_min, replicas_max) = pool.replicas.unwrap_or((pool.now.replicas_min, pool.now.replicas_max));
        let cost_usd = pool.since_start(|state| state.cost_usd);
        let done_millions = requests.done as f64 / 1e6;
        PoolTotals {
            pool: plan.name.clone(),
            scaler: plan.scaler.clone(),
            requests,
            replicas_min,
            replicas_mean: self.replicas_mean(pool),
            replicas_max,
            utilization_ratio: if plan.has_reference { pool.utilization() } else { None },
            queue_max: pool.queue_max,
            replica_hours: pool.since_start(|state| state.paid_s) / SECONDS_PER_HOUR,
            idle_replica_hours: pool.since_start(|state| state.idle_s) / SECONDS_PER_HOUR,
            cost_usd,
            cost_per_million_usd: (done_millions > 0.0).then(|| cost_usd / done_millions),
            decisions: pool.scaler.decisions,
            scale_actions: pool.scaler.scale_actions,
            conditions: pool.scaler.conditions.clone(),
        }
    }

    fn replicas_mean(&self, pool: &PoolTally) -> f64 {
        let from = self.measured_from.unwrap_or(self.last_tick);
        let length_s = self.last_tick.saturating_since(from).as_secs_f64();
        if length_s > 0.0 { pool.since_start(|state| state.replica_s) / length_s } else { 0.0 }
    }

    /// What a tick did to what a judge looks at.
    fn tick_state(&self, scope: ObjectiveScope, now: SimTime, state: &Snapshot<'_>) -> TickState {
        let mut sum = TickState { from: self.last_tick, to: now, ..TickState::default() };
        let only = match scope {
            ObjectiveScope::Run => None,
            ObjectiveScope::Pool(pool) => Some(pool.index()),
            ObjectiveScope::Model(model) => {
                sum.queue_max = state.models.get(model.index()).map_or(0, |model| model.queue);
                return sum;
            }
            ObjectiveScope::Flow(_) => return sum,
        };
        for (index, state) in state.pools.iter().enumerate() {
            if only.is_some_and(|only| only != index) {
                continue;
            }
            sum.queue_max = sum.queue_max.max(state.queue_max);
            if self.plan.pools[index].has_reference {
                let before = &self.pools[index].now;
                sum.cpu_core_s += state.cpu_core_s - before.cpu_core_s;
                sum.cpu_requested_core_s += state.cpu_requested_core_s - before.cpu_requested_core_s;
            }
        }
        sum
    }

    /// A tick of models and servers.
    fn tick_seldon(&mut self, tick: Tick, state: &Snapshot<'_>) {
        let measured = self.measured_from.is_some();
        for (index, (model, state)) in self.models.iter_mut().zip(state.models).enumerate() {
            match measured {
                true => model.tick(tick, state, self.bounds.of(index, state.server)),
                false => model.skip(state),
            }
        }
        for (server, state) in self.servers.iter_mut().zip(state.servers) {
            match measured {
                true => server.tick(tick, state),
                false => server.skip(state),
            }
        }
    }
}

impl Recorder for Tally {
    #[inline(always)]
    fn arrived(&mut self, now: SimTime, _load: LoadId, pool: PoolId) {
        if now >= self.warmup {
            self.pools[pool.index()].requests.offered += 1;
        }
    }

    fn called(&mut self, now: SimTime, model: ModelId) {
        if let Some(model) = self.models.get_mut(model.index()) {
            model.calls += 1;
            model.requests.offered += u64::from(now >= self.warmup);
        }
    }

    fn flow_arrived(&mut self, now: SimTime, _load: LoadId, flow: FlowId) {
        if let Some(flow) = self.flows.get_mut(flow.index()).filter(|_| now >= self.warmup) {
            flow.offered += 1;
        }
    }

    fn flow_ended(&mut self, end: &FlowEnd) {
        for judge in self.judges.iter_mut().flatten() {
            judge.flow_ended(end);
        }
        if end.arrived < self.warmup {
            return;
        }
        let age = end.at.saturating_since(end.arrived);
        if let Some(flow) = self.flows.get_mut(end.flow.index()) {
            flow.ended(end.outcome, age);
        }
        if let Some(clients) = &mut self.clients {
            clients.offered += 1;
            clients.ended(end.outcome, age);
        }
    }

    #[inline(always)]
    fn ended(&mut self, end: &RequestEnd) {
        for judge in self.judges.iter_mut().flatten() {
            judge.ended(end);
        }
        if end.arrived < self.warmup {
            return;
        }
        let age = end.at.saturating_since(end.arrived);
        self.pools[end.pool.index()].requests.ended(end.outcome, age);
        if let Some(model) = end.model.and_then(|model| self.models.get_mut(model.index())) {
            model.requests.ended(end.outcome, age);
        }
        if let Some(clients) = self.clients.as_mut().filter(|_| !end.inner) {
            clients.offered += 1;
            clients.ended(end.outcome, age);
        }
    }

    fn decision(&mut self, now: SimTime, _scaler: ScalerId, report: &Report, truth: &Truth) {
        if now < self.warmup {
            return;
        }
        let scaler = match truth.model {
            Some(model) => self.models.get_mut(model.index()).map(|model| &mut model.scaler),
            None => self.pools.get_mut(truth.pool as usize).map(|pool| &mut pool.scaler),
        };
        if let Some(scaler) = scaler {
            scaler.pass(now, report);
        }
    }

    fn tick(&mut self, now: SimTime, state: &Snapshot<'_>) {
        let mut judges = std::mem::take(&mut self.judges);
        for judge in judges.iter_mut().flatten() {
            judge.tick(&self.tick_state(judge.objective.scope, now, state));
        }
        self.judges = judges;
        self.tick_seldon(Tick { from: self.last_tick, to: now }, state);
        let measured = self.measured_from.is_some();
        let mut replicas_max = 0;
        for (pool, state) in self.pools.iter_mut().zip(state.pools) {
            pool.now = *state;
            replicas_max += state.replicas_max;
            if measured {
                let (least, most) = pool.replicas.unwrap_or((state.replicas_min, state.replicas_max));
                pool.replicas = Some((least.min(state.replicas_min), most.max(state.replicas_max)));
                pool.queue_max = pool.queue_max.max(state.queue_max);
            } else {
                pool.at_start = *state;
            }
        }
        if measured {
            self.replicas_max = self.replicas_max.max(replicas_max);
        } else if now >= self.warmup {
            self.measured_from = Some(now);
        }
        self.last_tick = now;
        self.events = state.events;
    }
}

/// Figures of the whole run, and how objectives about them came out.
struct RunFigures<'a> {
    tally: &'a Tally,
    good_time_ratio: Option<f64>,
    recovery_s: Option<f64>,
}

impl RunFigures<'_> {
    fn result(&self, objective: &Objective, judge: Option<&Judge>) -> ObjectiveResult {
        let scope = match objective.scope {
            ObjectiveScope::Run => String::new(),
            ObjectiveScope::Pool(pool) => self.tally.plan.pools[pool.index()].name.clone(),
            ObjectiveScope::Model(model) => self.tally.plan.seldon.models[model.index()].name.clone(),
            ObjectiveScope::Flow(flow) => self.tally.plan.seldon.flows[flow.index()].clone(),
        };
        let windows = judge.map(Judge::windows).unwrap_or_default();
        let mut result = match (judge, objective.share_of_time) {
            (Some(_), Some(share)) => over_windows(share, &windows),
            _ => self.over_the_run(objective, judge),
        };
        result.objective = in_words(objective);
        result.scope = scope;
        if let Some(judge) = judge.filter(|_| !result.met) {
            result.note = why_missed(judge, &windows);
        }
        result
    }

    fn over_the_run(&self, objective: &Objective, judge: Option<&Judge>) -> ObjectiveResult {
        let value = self.value(objective, judge);
        let met = match judge {
            Some(judge) => judge.held_as_a_whole().unwrap_or(true),
            None => self.holds(objective, value),
        };
        ObjectiveResult { met, value: value.map(|value| on_its_side(objective, met, value)), ..nothing_measured() }
    }

    /// What cannot be measured is missed if there was something to serve, and holds if there was nothing.
    fn holds(&self, objective: &Objective, value: Option<f64>) -> bool {
        match (objective.figure, value) {
            (_, Some(value)) => objective.condition.holds(value),
            (Figure::CostPerMillion, None) if objective.scope.has(objective.figure) => {
                self.requests(objective.scope).iter().all(|requests| requests.offered == 0)
            }
            (_, None) => true,
        }
    }

    /// The pools that an objective speaks of.
    fn pools(&self, scope: ObjectiveScope) -> &[PoolTally] {
        let pools = &self.tally.pools;
        match scope {
            ObjectiveScope::Run => pools,
            ObjectiveScope::Pool(pool) => std::slice::from_ref(&pools[pool.index()]),
            ObjectiveScope::Model(_) | ObjectiveScope::Flow(_) => &[],
        }
    }

    /// The requests that an objective speaks of.
    fn requests(&self, scope: ObjectiveScope) -> Vec<&RequestTally> {
        match (scope, &self.tally.clients) {
            (ObjectiveScope::Run, Some(clients)) => vec![clients],
            (ObjectiveScope::Model(model), _) => vec![&self.tally.models[model.index()].requests],
            (ObjectiveScope::Flow(flow), _) => vec![&self.tally.flows[flow.index()]],
            (ObjectiveScope::Run | ObjectiveScope::Pool(_), _) => {
                self.pools(scope).iter().map(|pool| &pool.requests).collect()
            }
        }
    }

    fn sum(&self, scope: ObjectiveScope, of: impl Fn(&PoolTally) -> f64) -> f64 {
        self.pools(scope).iter().map(of).sum()
    }

    fn value(&self, objective: &Objective, judge: Option<&Judge>) -> Option<f64> {
        let scope = objective.scope;
        if !scope.has(objective.figure) {
            return None;
        }
        if let ObjectiveScope::Model(model) = scope {
            let model = &self.tally.models[model.index()];
            match objective.figure {
                Figure::ReplicaHours => return Some(model.available.hours()),
                Figure::ReplicasMax => return Some(model.available.most() as f64),
                Figure::ScaleActions => return Some(model.scaler.scale_actions as f64),
                _ => {}
            }
        }
        let hours = |of: fn(&PoolSnapshot) -> f64| self.sum(scope, |pool| pool.since_start(of)) / SECONDS_PER_HOUR;
        let cost = self.sum(scope, |pool| pool.since_start(|state| state.cost_usd));
        match objective.figure {
            Figure::Quantile(quantile) => self.quantile_s(objective, quantile),
            Figure::Mean => judge?.whole.mean_s(),
            Figure::Errors => judge?.whole.errors(),
            Figure::Utilization => judge?.whole.utilization(),
            Figure::Queue => judge.map(|judge| judge.whole.queue_max as f64),
            Figure::ReplicaHours => Some(hours(|state| state.paid_s)),
            Figure::IdleReplicaHours => Some(hours(|state| state.idle_s)),
            Figure::Cost => Some(cost),
            Figure::CostPerMillion => {
                let done: u64 = self.requests(scope).iter().map(|requests| requests.outcome(Outcome::Done)).sum();
                (done > 0).then(|| cost / (done as f64 / 1e6))
            }
            Figure::ReplicasMax => match scope {
                ObjectiveScope::Pool(pool) => self.tally.pools[pool.index()].replicas.map(|(_, most)| f64::from(most)),
                _ => Some(f64::from(self.tally.replicas_max)),
            },
            Figure::ScaleActions => {
                let of_models: u64 = match scope {
                    ObjectiveScope::Run => self.tally.models.iter().map(|model| model.scaler.scale_actions).sum(),
                    _ => 0,
                };
                Some(self.sum(scope, |pool| pool.scaler.scale_actions as f64) + of_models as f64)
            }
            Figure::GoodTime => self.good_time_ratio,
            Figure::Recovery => self.recovery_s,
        }
    }

    /// A latency quantile of the run; infinite if too many requests failed.
    fn quantile_s(&self, objective: &Objective, quantile: f64) -> Option<f64> {
        let mut latencies = Latencies::new();
        let mut failed = 0;
        for requests in self.requests(objective.scope) {
            latencies.merge(&requests.done);
            if objective.of == Population::Offered {
                latencies.merge(&requests.unfinished);
                failed += requests.failed();
            }
        }
        let all = latencies.count() + failed;
        let rank = rank(billionths(quantile), all);
        if all == 0 { None } else { Some(latencies.ranked_s(rank).unwrap_or(f64::INFINITY)) }
    }
}

fn nothing_measured() -> ObjectiveResult {
    ObjectiveResult {
        objective: String::new(),
        scope: String::new(),
        met: true,
        value: None,
        windows: None,
        first_missed_s: None,
        longest_missed_s: None,
        note: String::new(),
    }
}

fn over_windows(share: f64, windows: &WindowTally) -> ObjectiveResult {
    let enough = share_reached(windows.held, windows.counted, billionths(share));
    ObjectiveResult {
        met: enough,
        value: (windows.counted > 0).then(|| windows.held as f64 / windows.counted as f64),
        windows: Some(windows.counted),
        first_missed_s: windows.first_missed.map(SimTime::as_secs_f64),
        longest_missed_s: Some(windows.longest_missed.as_secs_f64()),
        ..nothing_measured()
    }
}

/// A histogram may put a quantile on the wrong side of the value that the counters compared it with.
fn on_its_side(objective: &Objective, met: bool, value: f64) -> f64 {
    match (objective.figure, objective.condition, met) {
        (Figure::Quantile(_), ConditionSpec::AtMost(limit), true)
        | (Figure::Quantile(_), ConditionSpec::AtLeast(limit), false) => value.min(limit),
        (Figure::Quantile(_), ConditionSpec::AtMost(limit), false)
        | (Figure::Quantile(_), ConditionSpec::AtLeast(limit), true) => value.max(limit),
        _ => value,
    }
}

/// `p95 <= 500ms for 99% of time`.
fn in_words(objective: &Objective) -> String {
    let mut words = objective.that.clone();
    if objective.of == Population::Done && matches!(objective.figure, Figure::Quantile(_)) {
        words.push_str(" of done requests");
    }
    if let Some(share) = objective.share_of_time {
        words.push_str(&format!(" for {} of time", exact_percent(share)));
    }
    words
}

/// Which failures there were and when they were too many, or that nothing was done at all.
fn why_missed(judge: &Judge, windows: &WindowTally) -> String {
    if judge.whole.offered > 0 && judge.whole.done == 0 {
        return "no request was done".to_owned();
    }
    if judge.objective.figure != Figure::Errors || !matches!(judge.objective.condition, ConditionSpec::AtMost(_)) {
        return String::new();
    }
    let ended = judge.whole.done + judge.whole.failed;
    let mut kinds =
        [Outcome::Rejected, Outcome::TimedOut, Outcome::Lost].map(|kind| (judge.outcomes[kind as usize], kind));
    kinds.sort_by_key(|&(count, kind)| (std::cmp::Reverse(count), kind));
    let mut note = String::new();
    for (count, kind) in kinds.into_iter().filter(|&(count, _)| count > 0) {
        if !note.is_empty() {
            note.push_str(", ");
        }
        let word = match kind {
            Outcome::TimedOut => "timed out",
            other => other.as_str(),
        };
        note.push_str(&format!("{word} {}", percent(count as f64 / ended as f64)));
    }
    if let (Some(first), Some(last)) = (windows.first_missed, windows.last_missed_end) {
        note.push_str(&format!(" between {} and {}", clock(first.as_secs_f64()), clock(last.as_secs_f64())));
    }
    note
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{ModelName, ModelSnapshot, ServerName, ServerSnapshot};
    use crate::scalers::Trail;

    fn plan(duration_s: u64, warmup_s: u64, objectives: Vec<Objective>) -> TallyPlan {
        let pool = |name: &str| TallyPool {
            name: name.to_owned(),
            scaler: "hpa".to_owned(),
            price_usd_per_hour: 1.0,
            has_reference: name == "chat",
        };
        TallyPlan {
            scenario: "test".to_owned(),
            seed: 42,
            duration: Span::from_secs(duration_s),
            warmup: Span::from_secs(warmup_s),
            tick: Span::from_secs(10),
            pools: vec![pool("chat"), pool("rank")],
            seldon: SeldonNames::default(),
            objectives,
        }
    }

    fn objective(that: &str, figure: Figure, condition: ConditionSpec, share_of_time: Option<f64>) -> Objective {
        Objective {
            scope: ObjectiveScope::Run,
            that: that.to_owned(),
            figure,
            condition,
            share_of_time,
            window: Span::from_secs(60),
            of: Population::Offered,
        }
    }

    fn at_most(that: &str, figure: Figure, limit: f64) -> Objective {
        objective(that, figure, ConditionSpec::AtMost(limit), None)
    }

    fn request(tally: &mut Tally, pool: u32, arrived_s: u64, latency_ms: u64, outcome: Outcome) {
        let arrived = SimTime::from_secs(arrived_s);
        tally.arrived(arrived, LoadId::new(0), PoolId::new(pool));
        tally.ended(&RequestEnd {
            at: arrived + Span::from_millis(latency_ms),
            request: 1,
            load: LoadId::new(0),
            pool: PoolId::new(pool),
            model: None,
            inner: false,
            replica: None,
            arrived,
            started: None,
            demand: Span::ZERO,
            outcome,
        });
    }

    /// Cumulative values of a pool of `replicas` that is half used and a quarter idle since time 0.
    fn steady(replicas: u32, now_s: f64) -> PoolSnapshot {
        let replica_s = f64::from(replicas) * now_s;
        PoolSnapshot {
            replicas_min: replicas,
            replicas_max: replicas,
            cpu_core_s: replica_s,
            cpu_requested_core_s: 2.0 * replica_s,
            replica_s,
            paid_s: replica_s,
            idle_s: replica_s / 4.0,
            cost_usd: replica_s / 3600.0,
            ..PoolSnapshot::default()
        }
    }

    fn tick(tally: &mut Tally, now_s: u64, pools: &[PoolSnapshot]) {
        tally
            .tick(SimTime::from_secs(now_s), &Snapshot { pools, models: &[], servers: &[], flows: &[], events: now_s });
    }

    #[test]
    fn quantiles_of_several_seeds_are_those_of_all_their_requests() {
        // 90 quick requests in one seed and 10 slow ones in another: the median is quick, the mean of medians is not.
        let mut quick = Tally::new(plan(1000, 0, vec![]));
        let mut slow = Tally::new(plan(1000, 0, vec![]));
        (0..90).for_each(|second| request(&mut quick, 0, second, 100, Outcome::Done));
        (0..10).for_each(|second| request(&mut slow, 0, second, 10_000, Outcome::Done));
        let pooled = Tally::pooled_latencies([&quick, &slow].into_iter());
        let [PooledLatency { name, latency }] = pooled.as_slice() else { panic!("{pooled:?}") };
        assert_eq!(name, "chat");
        assert!((latency.p50_s - 0.1).abs() < 0.002 && (latency.p95_s - 10.0).abs() < 0.2, "{latency:?}");
        assert!((latency.mean_s - 1.09).abs() < 1e-9 && latency.max_s == 10.0, "{latency:?}");
        assert_eq!(Tally::pooled_latencies(std::iter::empty()), []);
    }

    #[test]
    fn all_that_arrive_after_the_warm_up_are_accounted_for() {
        let mut tally = Tally::new(plan(100, 10, vec![]));
        request(&mut tally, 0, 9, 5_000, Outcome::Done); // arrived before
        for (at, outcome) in (10..).zip(Outcome::ALL) {
            request(&mut tally, 0, at, 1_000, outcome);
        }
        request(&mut tally, 0, 20, 3_000, Outcome::Done);
        let totals = tally.totals();
        let chat = &totals.pools[0];
        assert_eq!(chat.requests.offered, 6);
        assert_eq!(
            (
                chat.requests.done,
                chat.requests.rejected,
                chat.requests.timed_out,
                chat.requests.lost,
                chat.requests.unfinished
            ),
            (2, 1, 1, 1, 1)
        );
        assert_eq!(
            chat.requests.offered,
            chat.requests.done
                + chat.requests.rejected
                + chat.requests.timed_out
                + chat.requests.lost
                + chat.requests.unfinished
        );
        assert_eq!(chat.requests.errors_ratio, Some(0.6)); // 3 of 5 ended
        let latency = chat.requests.latency.expect("two done");
        assert_eq!((latency.mean_s, latency.p50_s, latency.max_s), (2.0, 1.0, 3.0));
        assert_eq!(
            (totals.pools[1].requests.offered, totals.pools[1].requests.errors_ratio, totals.pools[1].requests.latency),
            (0, None, None)
        );
    }

    #[test]
    fn integrals_count_from_the_first_tick_after_the_warm_up() {
        let mut tally = Tally::new(plan(3620, 15, vec![]));
        let crowd = PoolSnapshot { replicas_max: 99, queue_max: 99, ..steady(2, 10.0) };
        tick(&mut tally, 10, &[crowd, steady(1, 10.0)]);
        tick(&mut tally, 20, &[PoolSnapshot { queue_max: 50, ..steady(2, 20.0) }, steady(1, 20.0)]);
        tick(&mut tally, 3620, &[PoolSnapshot { queue_max: 7, ..steady(2, 3620.0) }, steady(1, 3620.0)]);
        let totals = tally.totals();
        let chat = &totals.pools[0];
        assert_eq!((chat.replicas_min, chat.replicas_mean, chat.replicas_max), (2, 2.0, 2));
        assert_eq!((chat.replica_hours, chat.idle_replica_hours), (2.0, 0.5));
        assert!((chat.cost_usd - 2.0).abs() < 1e-12);
        assert_eq!((chat.queue_max, chat.utilization_ratio, totals.events), (7, Some(0.5), 3620));
        assert_eq!(totals.pools[1].utilization_ratio, None, "nothing to compare with");
    }

    #[test]
    fn nothing_is_integrated_while_the_warm_up_lasts() {
        let mut tally = Tally::new(plan(100, 50, vec![]));
        tick(&mut tally, 40, &[steady(2, 40.0), steady(1, 40.0)]);
        let chat = &tally.totals().pools[0];
        assert_eq!(
            (chat.replica_hours, chat.cost_usd, chat.replicas_mean, chat.utilization_ratio),
            (0.0, 0.0, 0.0, None)
        );
    }

    #[test]
    fn without_warm_up_everything_counts() {
        let mut tally = Tally::new(plan(20, 0, vec![]));
        tick(&mut tally, 20, &[steady(3, 20.0), steady(1, 20.0)]);
        let chat = &tally.totals().pools[0];
        assert_eq!((chat.replicas_min, chat.replicas_mean, chat.replicas_max), (3, 3.0, 3));
        assert_eq!(chat.replica_hours, 60.0 / 3600.0);
    }

    #[test]
    fn figures_of_the_run_are_judged() {
        let objectives = vec![
            at_most("cost <= $3", Figure::Cost, 3.0),
            at_most("replica_hours <= 2", Figure::ReplicaHours, 2.0),
            at_most("replicas_max <= 3", Figure::ReplicasMax, 3.0),
            at_most("cost_per_million <= $1", Figure::CostPerMillion, 1.0),
            objective("idle_replica_hours >= 1", Figure::IdleReplicaHours, ConditionSpec::AtLeast(1.0), None),
            at_most("good_time <= 1", Figure::GoodTime, 1.0),
            Objective { scope: ObjectiveScope::Pool(PoolId::new(1)), ..at_most("cost <= $1", Figure::Cost, 1.0) },
        ];
        let mut tally = Tally::new(plan(3600, 0, objectives));
        tick(&mut tally, 3600, &[steady(2, 3600.0), steady(1, 3600.0)]);
        let results = tally.totals().objectives;
        let seen: Vec<_> = results.iter().map(|result| (result.met, result.value)).collect();
        let expected = [
            (true, Some(3.0)),
            (false, Some(3.0)),
            (true, Some(3.0)),
            (true, None),
            (false, Some(0.75)),
            (true, None),
            (true, Some(1.0)),
        ];
        assert_eq!(seen, expected);
        assert_eq!((results[0].scope.as_str(), results[6].scope.as_str()), ("", "rank"));
        request(&mut tally, 0, 1, 1, Outcome::Rejected);
        assert!(!tally.totals().objectives[3].met, "paid, and nothing done");
    }

    #[test]
    fn a_quantile_of_the_run_is_infinite_if_too_many_fail() {
        let p90 = |of| Objective { of, ..at_most("p90 <= 1s", Figure::Quantile(0.9), 1.0) };
        let mut tally = Tally::new(plan(100, 0, vec![p90(Population::Offered), p90(Population::Done)]));
        for _ in 0..8 {
            request(&mut tally, 0, 1, 1_000, Outcome::Done);
        }
        request(&mut tally, 1, 1, 1_000, Outcome::Unfinished);
        request(&mut tally, 1, 1, 1_000, Outcome::Rejected);
        let [offered, done] = &tally.totals().objectives[..] else { panic!("two objectives") };
        assert_eq!((offered.met, offered.value), (true, Some(1.0))); // 9 of 10 within 1 s
        assert_eq!((done.met, done.value), (true, Some(1.0)));
        assert_eq!(done.objective, "p90 <= 1s of done requests");
        request(&mut tally, 1, 1, 1_000, Outcome::Rejected);
        let [offered, done] = &tally.totals().objectives[..] else { panic!("two objectives") };
        assert_eq!((offered.met, offered.value), (false, Some(f64::INFINITY)));
        assert_eq!((done.met, done.value), (true, Some(1.0)));
    }

    #[test]
    fn the_value_said_never_contradicts_the_verdict() {
        // 499.9 ms shares a bucket of the histogram with values above 500 ms.
        let mut tally = Tally::new(plan(100, 0, vec![at_most("p50 <= 499.9ms", Figure::Quantile(0.5), 0.4999)]));
        for _ in 0..3 {
            request(&mut tally, 0, 1, 499, Outcome::Done);
        }
        request(&mut tally, 0, 1, 900, Outcome::Done);
        let result = &tally.totals().objectives[0];
        assert!(result.met);
        assert!(result.value.expect("measured") <= 0.4999);
    }

    #[test]
    fn errors_are_told_with_kind_and_time() {
        let errors = at_most("errors <= 10%", Figure::Errors, 0.1);
        let mut tally = Tally::new(plan(600, 0, vec![errors]));
        for minute in 0..10 {
            for _ in 0..2 {
                request(&mut tally, 0, minute * 60, 10, Outcome::Done);
            }
        }
        for (at, outcome) in
            [(120, Outcome::Rejected), (180, Outcome::Rejected), (250, Outcome::TimedOut), (250, Outcome::Rejected)]
        {
            request(&mut tally, 0, at, 10, outcome);
        }
        request(&mut tally, 0, 599, 10, Outcome::Unfinished);
        let result = &tally.totals().objectives[0];
        assert_eq!((result.met, result.value), (false, Some(4.0 / 24.0)));
        assert_eq!(result.note, "rejected 12.5%, timed out 4.2% between 0:02:00 and 0:05:00");
        assert_eq!(result.windows, None);
    }

    #[test]
    fn good_time_is_the_share_of_windows_in_which_all_hold() {
        let objectives = vec![
            objective("p95 <= 500ms", Figure::Quantile(0.95), ConditionSpec::AtMost(0.5), Some(0.9)),
            objective("errors <= 0", Figure::Errors, ConditionSpec::AtMost(0.0), Some(0.5)),
            at_most("recovery <= 1m", Figure::Recovery, 60.0),
            objective("good_time >= 60%", Figure::GoodTime, ConditionSpec::AtLeast(0.6), None),
        ];
        let mut tally = Tally::new(plan(600, 0, objectives));
        for minute in 0..10 {
            request(&mut tally, 0, minute * 60, if minute == 3 { 501 } else { 500 }, Outcome::Done);
        }
        request(&mut tally, 0, 200, 1, Outcome::Rejected); // in the same minute
        request(&mut tally, 0, 241, 1, Outcome::Rejected); // and in the next one, where 1 of 2 is late too
        let totals = tally.totals();
        assert_eq!((totals.good_time_ratio, totals.recovery_s), (Some(0.8), Some(120.0)));
        let p95 = &totals.objectives[0];
        assert_eq!(p95.objective, "p95 <= 500ms for 90% of time");
        assert_eq!((p95.met, p95.value, p95.windows), (false, Some(0.8), Some(10)));
        assert_eq!((p95.first_missed_s, p95.longest_missed_s), (Some(180.0), Some(120.0)));
        let met: Vec<_> = totals.objectives.iter().map(|result| result.met).collect();
        assert_eq!(met, [false, true, false, true]);
    }

    #[test]
    fn a_share_of_time_is_compared_exactly() {
        let mut tally = Tally::new(plan(
            6_000,
            0,
            vec![objective("p50 <= 1s", Figure::Quantile(0.5), ConditionSpec::AtMost(1.0), Some(99.0 / 100.0))],
        ));
        for minute in 0..100 {
            request(&mut tally, 0, minute * 60, if minute == 50 { 1_001 } else { 1 }, Outcome::Done);
        }
        assert!(tally.totals().objectives[0].met, "99 of 100 are 99 %");
    }

    #[test]
    fn decisions_count_after_the_warm_up() {
        let mut tally = Tally::new(plan(100, 10, vec![at_most("scale_actions <= 1", Figure::ScaleActions, 1.0)]));
        let mut pass = |at, now, decided| {
            let trail = Trail { now: Some(now), decided: Some(decided), scaled: now != decided, ..Trail::default() };
            let report = Report { trail, ..Report::default() };
            tally.decision(SimTime::from_secs(at), ScalerId::new(0), &report, &Truth { pool: 1, ..Truth::default() });
        };
        pass(5, 1, 2);
        pass(20, 2, 2);
        pass(35, 2, 4);
        pass(50, 4, 3);
        let totals = tally.totals();
        assert_eq!((totals.pools[1].decisions, totals.pools[1].scale_actions), (3, 2));
        assert!(!totals.objectives[0].met);
        assert_eq!(tally.story(PoolId::new(1)).up.map(|up| (up.from, up.to)), Some((2, 4)));
        assert_eq!(tally.story(PoolId::new(0)), ScalingStory::default());
    }

    #[test]
    fn the_distribution_ends_with_all_requests() {
        let mut tally = Tally::new(plan(100, 0, vec![]));
        for latency_ms in 1..=200 {
            request(&mut tally, 1, 1, latency_ms, Outcome::Done);
        }
        let rows = tally.latency_rows();
        assert_eq!(rows.len(), 103);
        assert!(rows.iter().all(|row| row.pool == "rank"));
        assert_eq!((rows[0].quantile, rows[0].latency_s, rows[0].count), (0.0, 0.001, 1));
        let median = &rows[50];
        assert_eq!((median.quantile, median.count), (0.5, 100));
        assert!((median.latency_s / 0.1 - 1.0).abs() < 0.01);
        let last = &rows[102];
        assert_eq!((last.quantile, last.latency_s, last.count), (1.0, 0.2, 200));
        assert!(rows.is_sorted_by(|a, b| a.latency_s <= b.latency_s && a.count <= b.count));
    }

    #[test]
    fn unfinished_requests_at_the_end_are_in_the_last_window() {
        let p50 = objective("p50 <= 1s", Figure::Quantile(0.5), ConditionSpec::AtMost(1.0), Some(1.0));
        let mut tally = Tally::new(plan(120, 0, vec![p50]));
        request(&mut tally, 0, 119, 1_000, Outcome::Unfinished);
        request(&mut tally, 0, 119, 500, Outcome::Done);
        request(&mut tally, 0, 120, 0, Outcome::Unfinished);
        let result = &tally.totals().objectives[0];
        assert_eq!((result.met, result.windows), (true, Some(1)));
    }

    /// Pool `chat` is a server with two models and a pipeline through both.
    fn seldon_plan(objectives: Vec<Objective>) -> TallyPlan {
        let model = |name: &str| ModelName {
            name: name.to_owned(),
            server: Some("chat".to_owned()),
            scaler: "seldon_lag".to_owned(),
        };
        let server = ServerName { pool: PoolId::new(0), max_replicas: Some(1), max_is_default: true };
        TallyPlan {
            seldon: SeldonNames {
                models: vec![model("embed"), model("generate")],
                servers: vec![server],
                departures: Vec::new(),
                flows: vec!["answer".to_owned()],
            },
            ..plan(100, 10, objectives)
        }
    }

    fn call(tally: &mut Tally, model: u32, inner: bool, arrived_s: u64, latency_ms: u64, outcome: Outcome) {
        let arrived = SimTime::from_secs(arrived_s);
        tally.arrived(arrived, LoadId::new(0), PoolId::new(0));
        tally.called(arrived, ModelId::new(model));
        tally.ended(&RequestEnd {
            at: arrived + Span::from_millis(latency_ms),
            request: 1,
            load: LoadId::new(0),
            pool: PoolId::new(0),
            model: Some(ModelId::new(model)),
            inner,
            replica: None,
            arrived,
            started: None,
            demand: Span::ZERO,
            outcome,
        });
    }

    fn flow(tally: &mut Tally, arrived_s: u64, latency_ms: u64, outcome: Outcome) {
        let (arrived, load, flow) = (SimTime::from_secs(arrived_s), LoadId::new(0), FlowId::new(0));
        tally.flow_arrived(arrived, load, flow);
        let at = arrived + Span::from_millis(latency_ms);
        tally.flow_ended(&FlowEnd { at, request: 1, load, flow, arrived, outcome });
    }

    fn seldon_tick(tally: &mut Tally, now_s: u64, model: ModelSnapshot) {
        let pools = [steady(1, now_s as f64), steady(1, now_s as f64)];
        let models = [model, ModelSnapshot { wanted: 1, available: 1, state: "ModelAvailable", ..model }];
        let servers = [ServerSnapshot { pool: Some(PoolId::new(0)), connected: 1, ..ServerSnapshot::default() }];
        let state = Snapshot { pools: &pools, models: &models, servers: &servers, flows: &[0], events: now_s };
        tally.tick(SimTime::from_secs(now_s), &state);
    }

    #[test]
    fn a_call_counts_for_its_model_and_server_and_the_pipeline_for_the_run() {
        let run = |that, figure, limit| at_most(that, figure, limit);
        let objectives = vec![
            run("errors <= 50%", Figure::Errors, 0.5),
            run("p50 <= 1s", Figure::Quantile(0.5), 1.0),
            Objective { scope: ObjectiveScope::Model(ModelId::new(1)), ..run("mean <= 1s", Figure::Mean, 1.0) },
            Objective { scope: ObjectiveScope::Flow(FlowId::new(0)), ..run("p50 <= 1s", Figure::Quantile(0.5), 1.0) },
            Objective { scope: ObjectiveScope::Model(ModelId::new(0)), ..run("cost <= $0", Figure::Cost, 0.0) },
        ];
        let mut tally = Tally::new(seldon_plan(objectives));
        call(&mut tally, 0, false, 5, 1_000, Outcome::Done); // before the warm-up is over
        flow(&mut tally, 5, 1_000, Outcome::Done);
        // A pipeline's request of 3 s in two calls, one client's call, one pool's request that fails.
        call(&mut tally, 0, true, 20, 1_000, Outcome::Done);
        call(&mut tally, 1, true, 21, 2_000, Outcome::Done);
        flow(&mut tally, 20, 3_000, Outcome::Done);
        call(&mut tally, 0, false, 30, 500, Outcome::Done);
        request(&mut tally, 1, 40, 100, Outcome::Rejected);
        let totals = tally.totals();
        let clients = totals.clients.as_ref().expect("there is a pipeline");
        assert_eq!((clients.offered, clients.done, clients.rejected), (3, 2, 1));
        assert_eq!((totals.pools[0].requests.offered, totals.pools[1].requests.offered), (3, 1));
        let offered: Vec<_> = totals.models.iter().map(|model| (&*model.model, model.requests.offered)).collect();
        assert_eq!(offered, [("embed", 2), ("generate", 1)]);
        let answer = &totals.pipelines[0];
        assert_eq!((&*answer.pipeline, answer.requests.offered, answer.requests.done), ("answer", 1, 1));
        let results: Vec<_> =
            totals.objectives.iter().map(|result| (&*result.scope, result.met, result.value)).collect();
        assert_eq!(
            results,
            [
                ("", true, Some(1.0 / 3.0)),
                ("", false, Some(3.0)), // 0.5 s, 3 s, never
                ("generate", false, Some(2.0)),
                ("answer", false, Some(3.0)),
                ("embed", true, None), // a model costs nothing
            ]
        );
        let mut named: Vec<String> = tally.latency_rows().into_iter().map(|row| row.pool).collect();
        named.dedup();
        assert_eq!(named, ["chat", "embed", "generate", "answer"]);
    }

    #[test]
    fn models_are_read_at_the_ends_of_ticks() {
        let hours = Objective {
            scope: ObjectiveScope::Model(ModelId::new(0)),
            ..at_most("replica_hours <= 0.02", Figure::ReplicaHours, 0.02)
        };
        let queue =
            Objective { scope: ObjectiveScope::Model(ModelId::new(0)), ..at_most("queue <= 6", Figure::Queue, 6.0) };
        let queue = Objective { share_of_time: Some(1.0), ..queue };
        let mut tally = Tally::new(seldon_plan(vec![hours, queue]));
        let failed = ModelSnapshot {
            state: "ScheduleFailed",
            wanted: 3,
            available: 1,
            queue: 7,
            reloads: 4,
            ..ModelSnapshot::default()
        };
        call(&mut tally, 0, false, 0, 1, Outcome::Done);
        seldon_tick(&mut tally, 10, failed); // the warm-up: does not count
        seldon_tick(&mut tally, 20, ModelSnapshot { reloads: 6, queue: 2, ..failed });
        call(&mut tally, 0, false, 65, 1, Outcome::Done);
        seldon_tick(
            &mut tally,
            100,
            ModelSnapshot { wanted: 0, available: 0, state: "ModelScaledDown", reloads: 6, ..failed },
        );
        let totals = tally.totals();
        let embed = &totals.models[0];
        assert_eq!(
            (embed.server.as_deref(), &*embed.scaler, &*embed.state),
            (Some("chat"), "seldon_lag", "ModelScaledDown")
        );
        assert_eq!((embed.model_replica_hours, embed.queue_max, embed.reloads), (10.0 / 3600.0, 7, 2));
        assert_eq!((embed.wanted.max, embed.wanted.mean), (3, 30.0 / 90.0));
        assert_eq!(embed.schedule_failed.map(|spell| (spell.since_s, spell.total_s)), Some((10.0, 10.0)));
        assert_eq!(embed.beyond_server.map(|spell| spell.total_s), Some(10.0), "3 wanted, the server may have 1");
        assert_eq!(embed.at_zero_with_demand.map(|spell| (spell.since_s, spell.until_s)), Some((20.0, 100.0)));
        assert_eq!(totals.models[1].beyond_server, None);
        assert_eq!((totals.servers[0].server.as_str(), totals.servers[0].connected.max), ("chat", 1));
        assert_eq!((totals.objectives[0].met, totals.objectives[0].value), (true, Some(10.0 / 3600.0)));
        // Only the minute from 1:00 counts, and its queue is 7: the first begins in the warm-up.
        assert_eq!((totals.objectives[1].met, totals.objectives[1].windows), (false, Some(1)));
    }

    #[test]
    fn a_models_scaler_is_not_its_servers() {
        let mut tally = Tally::new(seldon_plan(vec![at_most("scale_actions <= 1", Figure::ScaleActions, 1.0)]));
        for (at, model) in [(20, None), (30, Some(ModelId::new(1))), (40, Some(ModelId::new(1)))] {
            let trail = Trail { now: Some(1), decided: Some(2), scaled: true, ..Trail::default() };
            let report = Report { trail, ..Report::default() };
            tally.decision(
                SimTime::from_secs(at),
                ScalerId::new(0),
                &report,
                &Truth { pool: 0, model, ..Truth::default() },
            );
        }
        let totals = tally.totals();
        assert_eq!((totals.pools[0].scale_actions, totals.models[1].scale_actions), (1, 2));
        assert_eq!((totals.objectives[0].met, totals.objectives[0].value), (false, Some(3.0)));
        let risen: Vec<bool> = tally.stories().iter().map(|story| story.up.is_some()).collect();
        assert_eq!(risen, [true, false, false, true], "pools first, then models");
    }

    #[test]
    fn a_run_without_seldon_says_nothing_of_it() {
        let mut tally = Tally::new(plan(20, 0, vec![]));
        request(&mut tally, 0, 1, 10, Outcome::Done);
        tick(&mut tally, 20, &[steady(1, 20.0), steady(1, 20.0)]);
        let value = serde_json::to_value(tally.totals()).expect("totals are JSON");
        for key in ["clients", "models", "servers", "pipelines"] {
            assert_eq!(value.get(key), None, "{key}");
        }
        let back: RunTotals = serde_json::from_value(value).expect("and back");
        assert_eq!(back, tally.totals());
    }
}
