//! A run: the clock moves from event to event until the end.

use super::Sim;
use super::event::Event;
use crate::record::{Recorder, Snapshot};
use crate::scenario::Scenario;
use crate::workload::{RowSource, TraceError};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a run that came to its end says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunStats {
    /// Events of the kernel, stale ones included.
    pub events: u64,
    /// Requests born.
    pub requests: u64,
}

/// Why a run did not come to its end.
#[derive(Debug)]
pub enum RunError {
    /// A trace could not be read on, or is no longer the file that was checked.
    Trace(TraceError),
    /// Somebody asked to stop.
    Interrupted,
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trace(error) => error.fmt(f),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for RunError {}

impl From<Box<TraceError>> for RunError {
    fn from(error: Box<TraceError>) -> Self {
        Self::Trace(*error)
    }
}

impl From<TraceError> for RunError {
    fn from(error: TraceError) -> Self {
        Self::Trace(error)
    }
}

/// Where a run's traces come from: the open file behind each load that replays one, by the load's index.
pub type Traces<'a> = &'a mut dyn FnMut(usize) -> Result<Box<dyn RowSource>, TraceError>;

/// Simulates a scenario with a seed, telling `recorder` everything. `stop` ends it early.
///
/// # Errors
/// A trace that cannot be read to its end, or `stop`.
pub fn run<R: Recorder>(
    scenario: &Scenario,
    seed: u64,
    traces: Traces<'_>,
    stop: &AtomicBool,
    recorder: &mut R,
) -> Result<RunStats, RunError> {
    let mut sim = Sim::new(scenario, seed, traces, recorder)?;
    sim.begin();
    sim.go_on(stop)?;
    sim.finish();
    Ok(RunStats { events: sim.events, requests: sim.born })
}

impl<R: Recorder> Sim<'_, R> {
    /// Handles events up to the end of the run; what is due at that very instant still happens.
    fn go_on(&mut self, stop: &AtomicBool) -> Result<(), RunError> {
        /// Asking at each event would be dear; 65,536 of them take some milliseconds.
        const EVENTS_BETWEEN_LOOKS: u64 = 1 << 16;
        while let Some((at, event)) = self.queue.pop() {
            debug_assert!(at >= self.now, "the clock never goes back");
            if at > self.end {
                break;
            }
            self.now = at;
            self.events += 1;
            if self.events.is_multiple_of(EVENTS_BETWEEN_LOOKS) && stop.load(Ordering::Relaxed) {
                return Err(RunError::Interrupted);
            }
            self.handle(event)?;
        }
        Ok(())
    }

    #[inline(always)]
    fn handle(&mut self, event: Event) -> Result<(), Box<TraceError>> {
        match event {
            Event::RequestArrives { load } => self.request_arrives(load)?,
            Event::ServiceEnds { replica, epoch } => self.service_ends(replica, epoch),
            Event::TimeoutDue { class } => self.timeout_due(class),
            Event::PodPhaseEnds { replica, epoch } => self.pod_phase_ends(replica, epoch),
            Event::Terminates { replica } => self.terminates(replica),
            Event::RoutesChange { replica } => self.leaves_routes(replica),
            Event::KillAtGraceEnd { replica } => self.killed_at_grace_end(replica),
            Event::Housekeeping { replica } => self.housekeeping(replica),
            Event::Sample { pool } => self.sample(pool),
            Event::SeldonStepDue { step } => self.seldon_step_due(step),
            Event::RoutesPublished => self.routes_published(),
            Event::MessageArrives { message } => self.message_arrives(message),
            Event::CallArrives { slot, epoch } => self.call_arrives(slot, epoch),
            Event::AgentTicks { replica, epoch } => self.agent_ticks(replica, epoch),
            Event::Scrape { pipeline } => self.scrape(pipeline),
            Event::Store { epoch, .. } => self.store(epoch),
            Event::ScalerWakes { scaler, epoch } => self.scaler_wakes(scaler, epoch),
            Event::ScaleApplied { pool } => self.scale_applied(pool),
            Event::Intervention { number } => self.intervention(number),
            Event::FaultEnds { number } => self.fault_ends(number),
            Event::RecorderTicks => self.recorder_ticks(),
        }
        Ok(())
    }

    /// A row of the time series is due.
    fn recorder_ticks(&mut self) {
        self.tick();
        if self.now < self.end {
            self.queue.push((self.now + self.scenario.tick).min(self.end), Event::RecorderTicks);
        }
    }

    fn tick(&mut self) {
        let mut snapshots = std::mem::take(&mut self.snapshots);
        snapshots.clear();
        for pool in self.pools.ids() {
            snapshots.push(self.snapshot(pool));
        }
        let mut models = std::mem::take(&mut self.model_snapshots);
        let mut servers = std::mem::take(&mut self.server_snapshots);
        let mut flows = std::mem::take(&mut self.flow_snapshots);
        self.model_snapshots(&mut models);
        self.server_snapshots(&mut servers);
        self.flow_snapshots(&mut flows);
        let state =
            Snapshot { pools: &snapshots, models: &models, servers: &servers, flows: &flows, events: self.events };
        self.recorder.tick(self.now, &state);
        self.snapshots = snapshots;
        (self.model_snapshots, self.server_snapshots, self.flow_snapshots) = (models, servers, flows);
    }

    /// Everything of the last instant has happened.
    fn finish(&mut self) {
        self.now = self.end;
        self.end_unfinished();
    }
}
