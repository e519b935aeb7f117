//! A call of a model: routed by an Envoy to a replica that has the model, received by its agent, perhaps held until the
//! model is in memory again, and then served like any request.
//!
//! Rules: Envoy clusters of `scheduler/pkg/envoy/xdscache/resource.go` (one per model version, LEAST_REQUEST, retries on
//! 5xx and connect failures), the agent's reverse proxy (`scheduler/pkg/agent/rproxy.go`): lag is counted from after a
//! reload for REST. No endpoint is an answer at once; Envoy has nobody to try again.

use super::super::Sim;
use super::super::event::{Epoch, Event};
use super::{NO_STEP, Reload, Route, Step};
use crate::random::{Law, Stream};
use crate::record::{Outcome, Recorder, RequestEnd};
use crate::seldon::agent::Infer;
use crate::seldon::lag::Wire;
use crate::serving::{Call, InQueue, List, Place, Slot};
use crate::units::{Id, LoadId, ModelId, PoolId, ReplicaId, Span};
use rand::Rng;
use rand::RngExt;

/// Envoy's longest wait before a retry, in units of the first one.
const LONGEST_BACKOFF: f64 = 10.0;

impl Call {
    fn wire(&self) -> Wire {
        if self.grpc { Wire::Grpc } else { Wire::Rest }
    }
}

impl<R: Recorder> Sim<'_, R> {
    /// A client calls a model.
    pub(in super::super) fn birth_of_call(&mut self, load: LoadId, model: ModelId, demand: Span, user: u32) {
        let (client_waits, grpc) = (self.loads[load].client.is_some(), self.loads[load].grpc);
        let slot = self.enter_call(load, model, demand, user, client_waits, grpc, NO_STEP);
        self.client_waits_for(load, slot);
        self.route_call(slot);
    }

    /// A call comes into the world.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn enter_call(
        &mut self,
        load: LoadId,
        model: ModelId,
        demand: Span,
        user: u32,
        client_waits: bool,
        grpc: bool,
        step: u32,
    ) -> Slot {
        let now = self.now;
        let state = &mut self.seldon_mut().models[model];
        state.offered += 1;
        state.in_flight += 1;
        if let Some(tap) = &mut state.tap {
            tap.pool.shift_in_flight(now, 1.0);
        }
        state.work_s += demand.as_secs_f64();
        let (home, cpu_fraction) = (state.home, state.resource.cpu_fraction as f32);
        let call = Call {
            model,
            cpu_fraction,
            version: 0,
            routed: false,
            received: false,
            retrying: false,
            retries: 0,
            grpc,
            step,
        };
        let slot = self.enter(load, home, demand, user, client_waits, Some(call));
        self.recorder.called(self.now, model);
        slot
    }

    /// One call of a model more or fewer waits.
    pub(in super::super) fn model_waits(&mut self, model: ModelId, by: f64) {
        let now = self.now;
        let state = &mut self.seldon_mut().models[model];
        state.waiting = state.waiting.saturating_add_signed(by as i64);
        if let Some(tap) = &mut state.tap {
            tap.pool.shift_queue(now, by);
        }
    }

    fn call(&self, slot: Slot) -> Call {
        self.requests[slot].call.expect("only calls of models come here")
    }

    fn call_mut(&mut self, slot: Slot) -> &mut Call {
        self.requests[slot].call.as_mut().expect("only calls of models come here")
    }

    /// An Envoy chooses a replica; spends exactly one draw.
    pub(super) fn route_call(&mut self, slot: Slot) {
        let (model, number) = (self.call(slot).model, self.requests[slot].number);
        let replicas = self.replicas.len();
        let seldon = self.seldon.as_deref_mut().expect("a model is part of Seldon");
        let state = &mut seldon.models[model];
        let draw = state.routing.next_u64();
        let envoy = (number % state.envoys.len() as u64) as usize;
        let view = &mut state.envoys[envoy];
        if view.active.len() < replicas {
            view.active.resize(replicas, 0);
        }
        let chosen = choose(&mut state.routes, draw)
            .and_then(|route| Some((route.version, route.balancer.route(draw, &view.active)?)));
        let Some((version, replica)) = chosen else {
            self.requests[slot].place = Place::Nowhere;
            return self.turn_away(slot);
        };
        view.active[replica.index()] += 1;
        let delay = through_proxies(&seldon.core.proxy_overhead, &mut seldon.proxies);
        let call = self.call_mut(slot);
        call.version = version;
        call.routed = true;
        let request = &mut self.requests[slot];
        request.place = Place::Travelling;
        request.replica = replica;
        self.moves_to(slot, self.replicas[replica].pool);
        let epoch = number as u32;
        if delay.is_zero() {
            return self.call_arrives(slot, epoch);
        }
        self.queue.push(self.now + delay, Event::CallArrives { slot, epoch });
    }

    /// A call goes to another server than the one it was charged to.
    fn moves_to(&mut self, slot: Slot, pool: PoolId) {
        let before = std::mem::replace(&mut self.requests[slot].pool, pool);
        if before == pool {
            return;
        }
        for (pool, by) in [(before, -1.0), (pool, 1.0)] {
            let state = &mut self.pools[pool];
            state.in_flight = state.in_flight.saturating_add_signed(by as i64);
            if let Some(tap) = &mut state.tap {
                tap.pool.shift_in_flight(self.now, by);
            }
        }
    }

    /// A call has passed the proxies.
    pub(in super::super) fn call_arrives(&mut self, slot: Slot, epoch: Epoch) {
        let request = &self.requests[slot];
        if request.place != Place::Travelling || request.number as u32 != epoch {
            return; // given up on its way
        }
        let (replica, pool, call) = (request.replica, request.pool, self.call(slot));
        let key = self.seldon_ref().key(call.model, call.version);
        let now = self.now;
        let state = &mut self.replicas[replica];
        let Some(agent) = state.agent.as_mut().filter(|agent| agent.connected && state.accepts) else {
            return self.call_failed(slot, Outcome::Rejected);
        };
        if call.grpc {
            agent.lag.start(key, now, Wire::Grpc);
            self.call_mut(slot).received = true;
        }
        let mut evicted = std::mem::take(&mut self.seldon_mut().evicted);
        evicted.clear();
        let agent = self.replicas[replica].agent.as_mut().expect("it was there just now");
        let found = agent.memory.infer(key, &mut evicted);
        self.seldon_mut().evicted = evicted;
        match found {
            Infer::Hit => self.receive(slot),
            Infer::Wait | Infer::Reload => {
                self.waits_for_reload(slot, pool, key);
                if found == Infer::Reload {
                    self.begins_reload(replica, key);
                }
            }
            Infer::NoRoom | Infer::Unknown => self.call_failed(slot, Outcome::Rejected),
        }
    }

    fn waits_for_reload(&mut self, slot: Slot, pool: PoolId, key: ModelId) {
        let replica = self.requests[slot].replica;
        let agent = self.replicas[replica].agent.as_mut().expect("whoever waits at an agent has one");
        let place = agent.reloads.iter().position(|reload| reload.key == key).unwrap_or_else(|| {
            agent.reloads.push(Reload { key, waiting: List::<InQueue>::default() });
            agent.reloads.len() - 1
        });
        agent.reloads[place].waiting.push(slot, &mut self.requests);
        self.requests[slot].place = Place::Reloading;
        self.waits(slot, pool);
    }

    fn begins_reload(&mut self, replica: ReplicaId, key: ModelId) {
        let (model, _) = self.seldon_ref().model_of(key);
        let state = &mut self.seldon_mut().models[model];
        let nth = state.reloads;
        state.reloads += 1;
        let (law, name) = (state.resource.spec.reload.clone(), state.resource.spec.name.clone());
        let mut stream = self.streams.keyed(&format!("model/{name}/reload"), nth);
        let takes = Span::from_drawn_secs(law.sample(&mut stream));
        self.step_after(takes, Step::Reloaded { replica, key });
    }

    /// A model is in memory again: those who waited for it go on.
    pub(super) fn model_reloaded(&mut self, replica: ReplicaId, key: ModelId) {
        let Some(agent) = &mut self.replicas[replica].agent else { return };
        agent.memory.loaded(key);
        let Some(place) = agent.reloads.iter().position(|reload| reload.key == key) else { return };
        let mut reload = agent.reloads.remove(place);
        while let Some(slot) = reload.waiting.pop(&mut self.requests) {
            self.waits_no_longer(slot, self.requests[slot].pool);
            self.receive(slot);
        }
    }

    /// The agent passes a call on to the inference server.
    fn receive(&mut self, slot: Slot) {
        let (replica, pool, call) = (self.requests[slot].replica, self.requests[slot].pool, self.call(slot));
        if !call.grpc {
            let key = self.seldon_ref().key(call.model, call.version);
            let now = self.now;
            if let Some(agent) = &mut self.replicas[replica].agent {
                agent.lag.start(key, now, Wire::Rest);
            }
            self.call_mut(slot).received = true;
        }
        self.requests[slot].place = Place::Nowhere;
        self.offer(slot, pool, replica);
    }

    /// A call is taken out of those that wait for a reload.
    pub(in super::super) fn leave_reload(&mut self, slot: Slot) {
        let (replica, call) = (self.requests[slot].replica, self.call(slot));
        let key = self.seldon_ref().key(call.model, call.version);
        if let Some(agent) = &mut self.replicas[replica].agent
            && let Some(reload) = agent.reloads.iter_mut().find(|reload| reload.key == key)
        {
            reload.waiting.remove(slot, &mut self.requests);
        }
        self.requests[slot].place = Place::Nowhere;
    }

    /// A pod is gone, and with it whatever waited in it for a reload.
    pub(in super::super) fn lose_reloads(&mut self, replica: ReplicaId) {
        let Some(agent) = &mut self.replicas[replica].agent else { return };
        for mut reload in std::mem::take(&mut agent.reloads) {
            while let Some(slot) = reload.waiting.pop(&mut self.requests) {
                self.waits_no_longer(slot, self.requests[slot].pool);
                self.requests[slot].place = Place::Nowhere;
                self.call_failed(slot, Outcome::Lost);
            }
        }
    }

    /// A server error, or nobody answers: the Envoy tries again, elsewhere if there is another endpoint, or passes it on.
    pub(in super::super) fn call_failed(&mut self, slot: Slot, outcome: Outcome) {
        self.let_go(slot);
        self.requests[slot].place = Place::Nowhere;
        if self.requests[slot].ended {
            return self.forget(slot);
        }
        let (call, number) = (self.call(slot), self.requests[slot].number);
        let seldon = self.seldon_mut();
        let base_s = seldon.core.envoy.retry_base.as_secs_f64();
        let (retries, at_once) = (seldon.core.envoy.retries, seldon.core.envoy.parallel_retries);
        let view = seldon.models[call.model].view_of(number);
        if u32::from(call.retries) >= retries || view.retrying >= at_once {
            self.end(slot, outcome);
            return self.forget(slot);
        }
        view.retrying += 1;
        let call = self.call_mut(slot);
        call.retrying = true;
        call.retries += 1;
        let retries = call.retries;
        self.requests[slot].place = Place::BackingOff;
        let mut stream = self.streams.keyed("seldon/retry", number.wrapping_mul(8) + u64::from(retries));
        let most_s = base_s * f64::from((1_u32 << retries) - 1).min(LONGEST_BACKOFF);
        let wait = Span::from_drawn_secs(stream.random::<f64>() * most_s);
        self.step_after(wait, Step::Retries { slot, number });
    }

    /// An Envoy tries a call again.
    pub(super) fn retry_call(&mut self, slot: Slot, number: u64) {
        let request = &self.requests[slot];
        if request.place != Place::BackingOff || request.number != number {
            return; // given up meanwhile
        }
        if request.ended {
            return self.forget(slot);
        }
        self.route_call(slot);
    }

    /// Whoever counts this call as unfinished does so no longer.
    fn let_go(&mut self, slot: Slot) {
        let (replica, number, call) = (self.requests[slot].replica, self.requests[slot].number, self.call(slot));
        if call.received {
            let key = self.seldon_ref().key(call.model, call.version);
            if let Some(agent) = &mut self.replicas[replica].agent {
                agent.lag.end(key, call.wire());
                agent.answered(key);
            }
        }
        let view = self.seldon_mut().models[call.model].view_of(number);
        if call.routed {
            view.active[replica.index()] -= 1;
        }
        view.retrying -= u32::from(call.retrying);
        let call = self.call_mut(slot);
        (call.received, call.routed, call.retrying) = (false, false, false);
    }

    /// The server has nothing more to do with a call.
    pub(in super::super) fn call_forgotten(&mut self, slot: Slot) {
        self.let_go(slot);
        let model = self.call(slot).model;
        let now = self.now;
        let state = &mut self.seldon_mut().models[model];
        state.in_flight -= 1;
        if let Some(tap) = &mut state.tap {
            tap.pool.shift_in_flight(now, -1.0);
        }
        self.requests[slot].place = Place::Nowhere;
    }

    /// A call has ended as its client sees it; a step of a pipeline goes on.
    pub(in super::super) fn model_call_ended(&mut self, slot: Slot, model: ModelId, end: &RequestEnd) {
        let state = &mut self.seldon_mut().models[model];
        if let Some(tap) = &mut state.tap
            && end.replica.is_some()
        {
            tap.ended(end.at.since(end.arrived));
        }
        let ended = &mut state.ended;
        match end.outcome {
            Outcome::Done => ended.done += 1,
            Outcome::Unfinished => {}
            Outcome::Rejected | Outcome::TimedOut | Outcome::Lost => ended.failed += 1,
        }
        ended.served += u64::from(end.replica.is_some());
        let step = self.call(slot).step;
        if step != NO_STEP && end.outcome != Outcome::Unfinished {
            self.step_answered(step, end.request, end.outcome);
        }
    }

    /// Calls that are in no queue when the run ends.
    pub(in super::super) fn add_calls_under_way(&self, left: &mut Vec<Slot>) {
        let under_way = [Place::Travelling, Place::Reloading, Place::BackingOff, Place::InFlow];
        left.extend(self.requests.slots().filter(|&slot| under_way.contains(&self.requests[slot].place)));
    }
}

/// The cluster that a call goes to, by weight.
fn choose(routes: &mut [Route], draw: u64) -> Option<&mut Route> {
    if routes.len() < 2 {
        return routes.first_mut();
    }
    let total: u64 = routes.iter().map(|route| u64::from(route.weight)).sum();
    // Other bits than those that choose the endpoint.
    let bits = draw.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32) >> 32;
    let mut point = (bits * total) >> 32;
    for route in routes.iter_mut() {
        if point < u64::from(route.weight) {
            return Some(route);
        }
        point -= u64::from(route.weight);
    }
    None
}

/// Envoy and the agent's proxy: one delay each.
fn through_proxies(law: &Law, stream: &mut Stream) -> Span {
    match law {
        Law::Constant(seconds) => Span::from_drawn_secs(2.0 * seconds),
        law => Span::from_drawn_secs(law.sample(stream) + law.sample(stream)),
    }
}
