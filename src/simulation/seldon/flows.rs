//! Pipelines: a request goes from model to model over Kafka and ends when the last step has answered.
//!
//! Law: a request keeps its partition all the way, so a pipeline's parallelism is bounded by partitions and by the workers of
//! the model gateway's consumers, whatever the number of model replicas. Work of every step is drawn at birth.
//!
//! Latency is the pipeline gateway's proxy, for each step two Kafka hops, the gateway's queue and the call, and one hop back.
//! Joins take no time of their own: upstream gives no figure. A step that fails ends the request with the step's outcome.

use super::super::Sim;
use super::super::event::Event;
use super::super::requests::{NO_LOAD, NO_USER};
use crate::random::{Law, Stream, Streams};
use crate::record::{FlowEnd, Outcome, Recorder};
use crate::scenario::SeldonSpec;
use crate::seldon::gateway::{FINAL_HOPS, HOPS_PER_STEP, ModelGateway, Service, Sharing};
use crate::serving::{Link, Place, Request, Slot};
use crate::units::{FlowId, Id, LoadId, ModelId, PoolId, ReplicaId, SimTime, Slab, Span, Table};
use rand::Rng;
use std::collections::VecDeque;

/// All pipelines of a run.
pub(in super::super) struct Flows {
    flows: Table<FlowId, Flow>,
    gateway: ModelGateway,
    /// Who takes in calls of which pipeline.
    entrance: Sharing,
    journeys: Slab<Journey>,
    /// The most steps that a pipeline has: journeys keep what they know of their steps this far apart.
    stride: usize,
    /// Of every step of every journey.
    steps: Vec<StepState>,
    messages: Slab<Message>,
    hop: Law,
    hops: Stream,
    worker_timeout: Span,
    /// Calls by the time at which their workers give up; answered ones are dropped when they come to the front.
    deadlines: VecDeque<(SimTime, u32, u64)>,
}

/// A pipeline.
struct Flow {
    steps: Vec<StepPlan>,
    /// Steps that read the pipeline's own input.
    first: Vec<usize>,
    /// Steps whose answers make the pipeline's.
    outputs: u32,
    /// Its place among the keys of the pipeline gateway.
    key: u32,
    partitions: Stream,
    in_flight: u64,
}

/// A step of a pipeline.
struct StepPlan {
    model: ModelId,
    inputs: u32,
    followers: Vec<usize>,
    is_output: bool,
    demands: Stream,
}

/// A request on its way through a pipeline.
#[derive(Clone, Copy, Debug)]
struct Journey {
    slot: Slot,
    flow: FlowId,
    partition: u32,
    outputs_left: u32,
    /// Messages and calls that are under way for it.
    under_way: u32,
    failed: bool,
}

/// What a journey knows of one of its steps.
#[derive(Clone, Copy, Debug, Default)]
struct StepState {
    inputs_left: u32,
    demand: Span,
    ticket: u32,
    /// Number of its call, 0 while a worker has none in hand.
    call: u64,
}

/// What goes over Kafka, or waits for its turn within an instant.
#[derive(Clone, Copy, Debug)]
enum Message {
    /// To the first steps.
    Enters { journey: u32 },
    /// Inputs of a step, to the model gateway.
    ToStep { step: u32 },
    /// A worker takes a call in hand.
    Begins { step: u32 },
    /// The answer, to the client.
    Answer { journey: u32, outcome: Outcome },
    /// Workers may have waited long enough.
    Deadline,
}

impl Flows {
    pub fn new(spec: &SeldonSpec, streams: &Streams) -> Self {
        let data = &spec.core.dataflow;
        let mut gateway = ModelGateway::new(data, spec.models.iter().map(|model| model.spec.name.as_str()));
        let resources = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let running = |service: Service, count: usize| service.asked(data).min(service.limit(resources(count), data));
        let mut moved = Vec::new();
        for ordinal in 0..running(Service::ModelGateway, spec.models.len()) {
            gateway.join(ordinal, &mut moved);
        }
        let mut keys: Vec<String> = Vec::new();
        let flows = spec.flows.iter().map(|pipeline| {
            let key = Service::PipelineGateway.key(&pipeline.name, data.max_num_consumers);
            let place = keys.iter().position(|other| *other == key).unwrap_or_else(|| {
                keys.push(key);
                keys.len() - 1
            });
            Flow::new(pipeline, spec, place as u32, streams)
        });
        let flows: Table<FlowId, Flow> = flows.collect();
        for consumer in 0..resources(gateway.sharing().len()) {
            gateway.resume(consumer, &mut Vec::new());
        }
        let mut entrance = Sharing::new(Service::PipelineGateway, data, keys);
        for ordinal in 0..running(Service::PipelineGateway, spec.flows.len()) {
            entrance.join(ordinal, &mut moved);
        }
        Self {
            stride: flows.iter().map(|(_, flow)| flow.steps.len()).max().unwrap_or(0),
            flows,
            gateway,
            entrance,
            journeys: Slab::default(),
            steps: Vec::new(),
            messages: Slab::default(),
            hop: data.hop.clone(),
            hops: streams.named("seldon/kafka"),
            worker_timeout: data.worker_timeout,
            deadlines: VecDeque::new(),
        }
    }

    pub const fn len(&self) -> usize {
        self.flows.len()
    }

    pub fn in_flight(&self, flow: FlowId) -> u64 {
        self.flows[flow].in_flight
    }

    fn handle(&self, journey: u32, step: usize) -> u32 {
        u32::try_from(journey as usize * self.stride + step).expect("fewer than 2^32 steps under way")
    }

    const fn of_handle(&self, handle: u32) -> (u32, usize) {
        ((handle as usize / self.stride) as u32, handle as usize % self.stride)
    }

    /// Time on the way over so many topics.
    fn hops(&mut self, count: u32) -> Span {
        match &self.hop {
            Law::Constant(seconds) => Span::from_drawn_secs(f64::from(count) * seconds),
            law => Span::from_drawn_secs((0..count).map(|_| law.sample(&mut self.hops)).sum()),
        }
    }
}

impl Flow {
    fn new(pipeline: &crate::seldon::spec::PipelineSpec, spec: &SeldonSpec, key: u32, streams: &Streams) -> Self {
        let place = |name: &str| pipeline.steps.iter().position(|step| step.model == name);
        let outputs = pipeline.outputs();
        let steps = pipeline.steps.iter().enumerate().map(|(index, step)| {
            let model = spec.models.iter().position(|model| model.spec.name == step.model);
            let followers = pipeline.steps.iter().enumerate();
            let followers = followers.filter(|(_, other)| other.after.contains(&step.model)).map(|(place, _)| place);
            StepPlan {
                model: ModelId::from_index(model.expect("a checked pipeline names models that are there")),
                inputs: u32::try_from(step.after.iter().filter(|name| place(name).is_some()).count())
                    .expect("fewer than 2^32 inputs"),
                followers: followers.collect(),
                is_output: outputs.contains(&index),
                demands: streams.named(&format!("pipeline/{}/{}/demand", pipeline.name, step.model)),
            }
        });
        let steps: Vec<StepPlan> = steps.collect();
        Self {
            first: (0..steps.len()).filter(|&step| steps[step].inputs == 0).collect(),
            outputs: outputs.len() as u32,
            steps,
            key,
            partitions: streams.named(&format!("pipeline/{}/partition", pipeline.name)),
            in_flight: 0,
        }
    }
}

impl<R: Recorder> Sim<'_, R> {
    fn flows(&mut self) -> &mut Flows {
        &mut self.seldon_mut().flows
    }

    /// A client calls a pipeline.
    pub(in super::super) fn birth_of_flow(&mut self, load: LoadId, flow: FlowId, user: u32) {
        self.born += 1;
        let slot = self.requests.insert(Request {
            number: self.born,
            arrived: self.now,
            started: SimTime::NEVER,
            waits_since: self.now,
            demand: Span::ZERO,
            end_mark: 0,
            load,
            pool: PoolId::new(u32::MAX),
            replica: ReplicaId::new(u32::MAX),
            call: None,
            user,
            place: Place::InFlow,
            client_waits: self.loads[load].client.is_some(),
            ended: false,
            in_queue: Link::NONE,
            in_class: Link::NONE,
            in_wait: Link::NONE,
        });
        self.recorder.flow_arrived(self.now, load, flow);
        self.client_waits_for(load, slot);
        let journey = self.journey_begins(slot, flow);
        let seldon = self.seldon_mut();
        let proxy = Span::from_drawn_secs(seldon.core.proxy_overhead.sample(&mut seldon.proxies));
        self.send(proxy, Message::Enters { journey });
    }

    /// Draws what the request brings: its partition, and the work of each step.
    fn journey_begins(&mut self, slot: Slot, flow: FlowId) -> u32 {
        let seldon = self.seldon_mut();
        let flows = &mut seldon.flows;
        let plan = &mut flows.flows[flow];
        plan.in_flight += 1;
        let draw = plan.partitions.next_u64();
        let shares = flows.entrance.shares(plan.key);
        let readers: &[u32] = shares.replicas();
        let reader = ((draw >> 32) as usize * readers.len()) >> 32;
        let partition = readers.get(reader).and_then(|&reader| shares.pick(reader, draw as u32)).unwrap_or(0);
        let journey = flows.journeys.insert(Journey {
            slot,
            flow,
            partition,
            outputs_left: plan.outputs,
            under_way: 0,
            failed: false,
        });
        let begin = journey as usize * flows.stride;
        if flows.steps.len() < begin + flows.stride {
            flows.steps.resize(begin + flows.stride, StepState::default());
        }
        for (step, plan) in plan.steps.iter_mut().enumerate() {
            let law = seldon.models[plan.model].resource.service.as_ref();
            let demand = law.map_or(0.0, |law| law.sample(&mut plan.demands));
            flows.steps[begin + step] =
                StepState { inputs_left: plan.inputs, demand: Span::from_drawn_secs(demand), ..StepState::default() };
        }
        journey
    }

    fn send(&mut self, delay: Span, message: Message) {
        let at = self.now + delay;
        let flows = self.flows();
        match message {
            Message::Enters { journey } | Message::Answer { journey, .. } => flows.journeys[journey].under_way += 1,
            Message::ToStep { step } => {
                let (journey, _) = flows.of_handle(step);
                flows.journeys[journey].under_way += 1;
            }
            Message::Begins { .. } | Message::Deadline => {}
        }
        let slot = flows.messages.insert(message);
        self.queue.push(at, Event::MessageArrives { message: slot });
    }

    /// A message is where it was sent.
    pub(in super::super) fn message_arrives(&mut self, slot: u32) {
        let flows = self.flows();
        let message = flows.messages[slot];
        flows.messages.release(slot);
        match message {
            Message::Enters { journey } => {
                let flow = self.flows().journeys[journey].flow;
                for place in 0..self.flows().flows[flow].first.len() {
                    let step = self.flows().flows[flow].first[place];
                    self.send_to_step(journey, step);
                }
                self.journey_goes_on(journey);
            }
            Message::ToStep { step } => self.submit(step),
            Message::Begins { step } => self.begins_call(step),
            Message::Answer { journey, outcome } => {
                let slot = self.flows().journeys[journey].slot;
                if !self.requests[slot].ended {
                    self.end(slot, outcome);
                }
                self.journey_goes_on(journey);
            }
            Message::Deadline => self.workers_give_up(),
        }
    }

    fn send_to_step(&mut self, journey: u32, step: usize) {
        let flows = self.flows();
        let (delay, step) = (flows.hops(HOPS_PER_STEP), flows.handle(journey, step));
        self.send(delay, Message::ToStep { step });
    }

    /// The model gateway reads the inputs of a step.
    fn submit(&mut self, step: u32) {
        let flows = self.flows();
        let (journey, index) = flows.of_handle(step);
        let Journey { flow, partition, .. } = flows.journeys[journey];
        let submitted = flows.gateway.submit(flows.flows[flow].steps[index].model, partition, step);
        flows.steps[step as usize].ticket = submitted.ticket;
        if submitted.starts {
            self.begins_call(step);
        }
    }

    /// A worker of the model gateway calls the model. The gateway speaks gRPC.
    fn begins_call(&mut self, step: u32) {
        let now = self.now;
        let flows = self.flows();
        let (journey, index) = flows.of_handle(step);
        let model = flows.flows[flows.journeys[journey].flow].steps[index].model;
        let demand = flows.steps[step as usize].demand;
        let slot = self.enter_call(NO_LOAD, model, demand, NO_USER, false, true, step);
        let number = self.requests[slot].number;
        let flows = self.flows();
        flows.steps[step as usize].call = number;
        while flows.deadlines.front().is_some_and(|&(_, step, call)| flows.steps[step as usize].call != call) {
            flows.deadlines.pop_front();
        }
        let (idle, due) = (flows.deadlines.is_empty(), now + flows.worker_timeout);
        flows.deadlines.push_back((due, step, number));
        if idle {
            self.send(due.since(now), Message::Deadline);
        }
        self.route_call(slot);
    }

    /// Workers whose models have not answered in time: the step has failed, whatever comes of the call.
    fn workers_give_up(&mut self) {
        while let Some(&(due, step, call)) = self.flows().deadlines.front() {
            if self.flows().steps[step as usize].call == call {
                if due > self.now {
                    let wait = due.since(self.now);
                    return self.send(wait, Message::Deadline);
                }
                self.step_over(step, Outcome::TimedOut);
            }
            self.flows().deadlines.pop_front();
        }
    }

    /// A call of a pipeline's step has ended.
    pub(super) fn step_answered(&mut self, step: u32, number: u64, outcome: Outcome) {
        if self.flows().steps[step as usize].call == number {
            self.step_over(step, outcome);
        }
    }

    /// A step is over: its worker takes the next call, and what waits for its answer goes on.
    fn step_over(&mut self, step: u32, outcome: Outcome) {
        let flows = self.flows();
        let state = &mut flows.steps[step as usize];
        state.call = 0;
        let ticket = state.ticket;
        if let Some(next) = flows.gateway.finish(ticket) {
            // A turn of its own: a queue of calls that all fail at once must not nest.
            self.send(Span::ZERO, Message::Begins { step: next.request });
        }
        let flows = self.flows();
        let (journey, index) = flows.of_handle(step);
        let flow = flows.journeys[journey].flow;
        if outcome != Outcome::Done {
            if !flows.journeys[journey].failed {
                flows.journeys[journey].failed = true;
                let delay = flows.hops(FINAL_HOPS);
                self.send(delay, Message::Answer { journey, outcome });
            }
        } else if !flows.journeys[journey].failed {
            self.answer_goes_on(journey, flow, index);
        }
        self.journey_goes_on(journey);
    }

    fn answer_goes_on(&mut self, journey: u32, flow: FlowId, index: usize) {
        for place in 0..self.flows().flows[flow].steps[index].followers.len() {
            let flows = self.flows();
            let follower = flows.flows[flow].steps[index].followers[place];
            let handle = flows.handle(journey, follower);
            let state = &mut flows.steps[handle as usize];
            state.inputs_left -= 1;
            if state.inputs_left == 0 {
                self.send_to_step(journey, follower);
            }
        }
        let flows = self.flows();
        if flows.flows[flow].steps[index].is_output {
            flows.journeys[journey].outputs_left -= 1;
            if flows.journeys[journey].outputs_left == 0 {
                let delay = flows.hops(FINAL_HOPS);
                self.send(delay, Message::Answer { journey, outcome: Outcome::Done });
            }
        }
    }

    /// One message or call of a journey is no longer under way; with the last one the journey ends.
    fn journey_goes_on(&mut self, journey: u32) {
        let flows = self.flows();
        let state = &mut flows.journeys[journey];
        state.under_way -= 1;
        if state.under_way > 0 {
            return;
        }
        let (slot, flow) = (state.slot, state.flow);
        flows.journeys.release(journey);
        flows.flows[flow].in_flight -= 1;
        self.requests[slot].place = Place::Nowhere;
        self.requests.release(slot);
    }

    /// The end of a request to a pipeline, as its client sees it.
    pub(in super::super) fn end_of_flow(&mut self, slot: Slot, outcome: Outcome) {
        let Request { number, load, arrived, user, client_waits, .. } = self.requests[slot];
        self.requests[slot].ended = true;
        let flow = match self.loads[load].target {
            crate::scenario::LoadTarget::Flow(flow) => flow,
            _ => unreachable!("only a load to a pipeline makes such requests"),
        };
        self.recorder.flow_ended(&FlowEnd { at: self.now, request: number, load, flow, arrived, outcome });
        if outcome != Outcome::Unfinished {
            self.client_hears(slot, load, user, client_waits);
        }
    }
}
