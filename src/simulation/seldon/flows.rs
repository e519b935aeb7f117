//! Pipelines: a request goes from model to model over Kafka.
use super::super::Sim;
use crate::random::Streams;
use crate::record::{Outcome, Recorder};
use crate::scenario::{Scenario, SeldonSpec};
use crate::units::{FlowId, Id, LoadId, Span};

pub(in super::super) struct Flows {
    in_flight: Vec<u64>,
}
impl Flows {
    pub fn new(_s: &Scenario, spec: &SeldonSpec, _streams: &Streams) -> Self {
        Self { in_flight: vec![0; spec.flows.len()] }
    }
    pub fn len(&self) -> usize {
        self.in_flight.len()
    }
    pub fn in_flight(&self, flow: FlowId) -> u64 {
        self.in_flight[flow.index()]
    }
}
impl<R: Recorder> Sim<'_, R> {
    pub(in super::super) fn birth_of_flow(&mut self, _load: LoadId, _flow: FlowId, _demand: Span, _user: u32) {}
    pub(in super::super) fn message_arrives(&mut self, _m: u32) {}
    pub(super) fn step_answered(&mut self, _step: u32, _o: Outcome) {}
}
