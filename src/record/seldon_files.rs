//! The two tables that only a Seldon run has: `models.csv` and `servers.csv`, a row each per tick.

use super::files::{OpenTick, Sink};
use super::recorder::{ModelSnapshot, RequestEnd, ServerSnapshot, Snapshot};
use super::rows::{ModelRow, ServerRow, TimelineRow};
use super::table::TableWriter;
use super::tick::OpenRequests;
use crate::units::{Id, ModelId, PoolId, SimTime, Span};

/// Both tables, and the models' open tick.
pub(super) struct SeldonTables {
    pub models: TableWriter<Sink>,
    pub servers: TableWriter<Sink>,
    open: Vec<OpenModel>,
    /// Used again for each row.
    server: ServerRow,
}

/// One model in the open tick.
struct OpenModel {
    row: ModelRow,
    requests: OpenRequests,
}

impl SeldonTables {
    /// Writes the headers.
    pub fn new(models: Sink, servers: Sink, names: impl Iterator<Item = String>) -> Self {
        let open = |model| OpenModel { row: ModelRow { model, ..ModelRow::default() }, requests: OpenRequests::new() };
        Self {
            models: TableWriter::for_rows::<ModelRow>(models),
            servers: TableWriter::for_rows::<ServerRow>(servers),
            open: names.map(open).collect(),
            server: ServerRow::default(),
        }
    }

    pub fn called(&mut self, model: ModelId) {
        if let Some(open) = self.open.get_mut(model.index()) {
            open.requests.offered += 1;
        }
    }

    pub fn ended(&mut self, model: ModelId, end: &RequestEnd) {
        if let Some(open) = self.open.get_mut(model.index()) {
            open.requests.ended(end.outcome, end.at.saturating_since(end.arrived));
        }
    }

    /// Rows of a tick, once the rows of its pools are closed.
    pub fn tick(&mut self, now: SimTime, length: Span, state: &Snapshot<'_>, pools: &[OpenTick]) {
        let pool_row = |pool: Option<PoolId>| pool.and_then(|pool| pools.get(pool.index())).map(OpenTick::row);
        for (open, state) in self.open.iter_mut().zip(state.models) {
            let server = pool_row(state.server).map_or("", |row| &row.pool);
            self.models.row(open.close(now, length, state, server));
        }
        for state in state.servers {
            if let Some(pool) = pool_row(state.pool) {
                fill(&mut self.server, now, state, pool);
                self.servers.row(&self.server);
            }
        }
    }
}

impl OpenModel {
    /// The tick's row; opens the next tick.
    fn close(&mut self, now: SimTime, length: Span, state: &ModelSnapshot, server: &str) -> &ModelRow {
        let rates = self.requests.take(length);
        let row = &mut self.row;
        row.time_s = now.as_secs_f64();
        server.clone_into(&mut row.server);
        state.state.clone_into(&mut row.state);
        row.wanted = state.wanted;
        row.available = state.available;
        row.offered_rps = rates.offered;
        row.done_rps = rates.done;
        row.rejected_rps = rates.rejected;
        row.timed_out_rps = rates.timed_out;
        row.lost_rps = rates.lost;
        row.queue = state.queue;
        row.in_flight = state.in_flight;
        [row.latency_p50_s, row.latency_p95_s, row.latency_p99_s] = rates.latency_s;
        row.reloads = state.reloads;
        &self.row
    }
}

fn fill(row: &mut ServerRow, now: SimTime, state: &ServerSnapshot, pool: &TimelineRow) {
    row.time_s = now.as_secs_f64();
    row.server.clone_from(&pool.pool);
    row.expected = state.expected;
    row.connected = state.connected;
    row.starting = pool.replicas_starting;
    row.draining = pool.replicas_draining;
    row.models_loaded = state.models_loaded;
    row.models_registered = state.models_registered;
    row.memory_bytes = state.memory_bytes;
    row.memory_used_bytes = state.memory_used_bytes;
    row.evictions = state.evictions;
    row.reloads = state.reloads;
    row.utilization_ratio = pool.utilization_ratio;
    row.cost_usd = pool.cost_usd;
}
