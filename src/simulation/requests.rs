//! The life of a request: born by its load, routed, admitted or turned away, served, ended exactly once.

use super::event::{Epoch, Event};
use super::seldon::NO_STEP;
use super::{LoadState, Sim};
use crate::record::{Outcome, Recorder, RequestEnd};
use crate::scenario::LoadTarget;
use crate::serving::{Admission, BalancerSpec, Call, Caller, Due, Link, Place, Request, Slot};
use crate::units::{Id, LoadId, PoolId, ReplicaId, SimTime, Span};
use crate::workload::TraceError;
use rand::Rng;

/// A request that no closed-loop user waits for.
pub(super) const NO_USER: u32 = u32::MAX;

/// A request that stood in the queue when the run began.
pub(super) const NO_LOAD: LoadId = LoadId::new(u32::MAX);

impl<R: Recorder> Sim<'_, R> {
    /// Schedules the load's next arrival, if it is earlier than what is scheduled.
    #[inline(always)]
    pub(super) fn arm_load(&mut self, load: LoadId) {
        let state = &mut self.loads[load];
        if let Some(at) = state.arrivals.next_at()
            && at < state.armed
        {
            state.armed = at;
            self.queue.push(at, Event::RequestArrives { load });
        }
    }

    /// The load's clock strikes: a request is born, or its number of users changes.
    #[inline(always)]
    pub(super) fn request_arrives(&mut self, load: LoadId) -> Result<(), Box<TraceError>> {
        let state = &mut self.loads[load];
        if state.armed != self.now {
            return Ok(()); // overtaken by an earlier one, which has armed whatever comes next
        }
        state.armed = SimTime::NEVER;
        if state.arrivals.next_at() == Some(self.now) {
            let born = state.arrivals.fire(self.now)?;
            if let Some(arrival) = born {
                let demand = match arrival.demand {
                    Some(demand) => demand,
                    None => state.arrivals.demand(&state.law, arrival.user),
                };
                self.birth(load, demand, arrival.user.unwrap_or(NO_USER));
            }
        }
        self.arm_load(load);
        Ok(())
    }

    /// A request comes into the world and is sent on its way.
    #[inline(always)]
    fn birth(&mut self, load: LoadId, demand: Span, user: u32) {
        let pool = match self.loads[load].target {
            LoadTarget::Pool(pool) => pool,
            LoadTarget::Model(model) => return self.birth_of_call(load, model, demand, user),
            LoadTarget::Flow(flow) => return self.birth_of_flow(load, flow, user),
        };
        let client_waits = self.loads[load].client.is_some();
        let slot = self.enter(load, pool, demand, user, client_waits, None);
        self.client_waits_for(load, slot);
        self.route(slot, pool);
    }

    /// The client will give up on this request, if it gives up on any.
    #[inline]
    pub(super) fn client_waits_for(&mut self, load: LoadId, slot: Slot) {
        if let Some(class) = &mut self.loads[load].client
            && let Some(at) = class.join(self.now, slot, &mut self.requests)
        {
            self.queue.push(at, Event::TimeoutDue { class: load.number() });
        }
    }

    /// A request that stands there when the run begins: nobody's, and nobody gives up on it.
    pub(super) fn birth_in_queue(&mut self, pool: PoolId, demand: Span) {
        let slot = self.enter(NO_LOAD, pool, demand, NO_USER, false, None);
        self.route(slot, pool);
    }

    #[inline(always)]
    pub(super) fn enter(
        &mut self,
        load: LoadId,
        pool: PoolId,
        demand: Span,
        user: u32,
        client_waits: bool,
        call: Option<Call>,
    ) -> Slot {
        self.born += 1;
        let slot = self.requests.insert(Request {
            number: self.born,
            arrived: self.now,
            started: SimTime::NEVER,
            waits_since: self.now,
            demand,
            end_mark: 0,
            load,
            pool,
            replica: ReplicaId::new(u32::MAX),
            call,
            user,
            place: Place::Nowhere,
            client_waits,
            ended: false,
            in_queue: Link::NONE,
            in_class: Link::NONE,
            in_wait: Link::NONE,
        });
        self.recorder.arrived(self.now, load, pool);
        let state = &mut self.pools[pool];
        state.offered += 1;
        state.in_flight += 1;
        if let Some(tap) = &mut state.tap {
            tap.pool.shift_in_flight(self.now, 1.0);
        }
        state.work_s += demand.as_secs_f64();
        slot
    }

    /// Finds a place for a request; spends exactly one draw.
    #[inline(always)]
    fn route(&mut self, slot: Slot, pool: PoolId) {
        let state = &mut self.pools[pool];
        let draw = state.routing.next_u64();
        if state.balancer.endpoints().is_empty() {
            self.hold(slot, pool);
        } else if state.spec.balancer == BalancerSpec::CentralQueue {
            self.route_centrally(slot, pool, draw);
        } else if let Some(replica) = self.endpoint(slot, pool, draw) {
            self.offer(slot, pool, replica);
        }
    }

    /// Where the balancer, or the connection that the client keeps, sends a request.
    #[inline(always)]
    fn endpoint(&mut self, slot: Slot, pool: PoolId, draw: u64) -> Option<ReplicaId> {
        let load = self.requests[slot].load;
        if load == NO_LOAD || self.loads[load].connections.is_none() {
            return self.pools[pool].balancer.route(draw, &self.active);
        }
        self.over_connection(slot, load, pool, draw)
    }

    fn over_connection(&mut self, slot: Slot, load: LoadId, pool: PoolId, draw: u64) -> Option<ReplicaId> {
        let user = self.requests[slot].user;
        let LoadState { arrivals, connections, .. } = &mut self.loads[load];
        let connections = connections.as_mut()?;
        let sender = if user == NO_USER { None } else { arrivals.sender(user) };
        let connection = connections.next(sender.map(|(user, stay)| Caller { user, stay }));
        let stands = |replica: &ReplicaId| self.replicas[*replica].routed && self.replicas[*replica].accepts;
        if let Some(replica) = connections.leads_to(connection, self.now).filter(stands) {
            return Some(replica);
        }
        let replica = self.pools[pool].balancer.route(draw, &self.active)?;
        connections.opened(connection, self.now, replica);
        Some(replica)
    }

    /// One queue for all: any replica with a free worker, else the queue.
    #[inline(always)]
    fn route_centrally(&mut self, slot: Slot, pool: PoolId, draw: u64) {
        let state = &mut self.pools[pool];
        if let Some(replica) = state.free.pick(draw) {
            self.start_at(slot, pool, replica);
        } else if state.spec.queue.capacity.is_some_and(|capacity| u64::from(state.central.len()) >= capacity) {
            self.turn_away(slot);
        } else {
            self.requests[slot].place = Place::Central;
            state.central.push(slot, &mut self.requests);
            self.begins_to_wait(slot, pool);
        }
    }

    /// Service begins at a replica that has a free worker.
    #[inline(always)]
    fn start_at(&mut self, slot: Slot, pool: PoolId, replica: ReplicaId) {
        self.requests[slot].replica = replica;
        self.joins(replica);
        let station = &mut self.replicas[replica].station;
        station.start(self.now, slot, &mut self.requests);
        if !station.has_free_worker() {
            self.pools[pool].free.remove(replica);
        }
        self.arm_service(replica);
    }

    /// A balancer has chosen this replica.
    #[inline]
    pub(super) fn offer(&mut self, slot: Slot, pool: PoolId, replica: ReplicaId) {
        let state = &mut self.replicas[replica];
        if !state.accepts {
            return self.refuse(slot);
        }
        self.requests[slot].replica = replica;
        match state.station.offer(self.now, slot, &mut self.requests) {
            Admission::Started => {
                self.joins(replica);
                self.arm_service(replica);
            }
            Admission::Queued => {
                self.joins(replica);
                self.begins_to_wait(slot, pool);
            }
            Admission::Full => self.refuse(slot),
        }
    }

    /// A replica takes no more: the proxy of a model may try again, any other balancer passes the answer on.
    fn refuse(&mut self, slot: Slot) {
        if self.requests[slot].call.is_some() {
            self.call_failed(slot, Outcome::Rejected)
        } else {
            self.turn_away(slot)
        }
    }

    /// A replica has one more unfinished request.
    #[inline(always)]
    fn joins(&mut self, replica: ReplicaId) {
        self.active[replica.index()] += 1;
        if let Some(tap) = &mut self.replicas[replica].tap {
            tap.shift_in_flight(self.now, 1.0);
        }
    }

    #[inline(always)]
    fn leaves(&mut self, replica: ReplicaId, latency: Span) {
        self.active[replica.index()] -= 1;
        if let Some(tap) = &mut self.replicas[replica].tap {
            tap.shift_in_flight(self.now, -1.0);
            tap.serve(latency);
        }
    }

    #[inline]
    pub(super) fn waits(&mut self, slot: Slot, pool: PoolId) {
        if let Some(call) = self.requests[slot].call {
            self.model_waits(call.model, 1.0);
        }
        let state = &mut self.pools[pool];
        state.waiting += 1;
        state.waiting_max = state.waiting_max.max(state.waiting);
        if state.tap.is_some() {
            self.tap_queue(slot, pool, 1.0);
        }
    }

    #[inline]
    pub(super) fn waits_no_longer(&mut self, slot: Slot, pool: PoolId) {
        if let Some(call) = self.requests[slot].call {
            self.model_waits(call.model, -1.0);
        }
        let state = &mut self.pools[pool];
        state.waiting -= 1;
        if state.tap.is_some() {
            self.tap_queue(slot, pool, -1.0);
        }
    }

    fn tap_queue(&mut self, slot: Slot, pool: PoolId, by: f64) {
        let request = &self.requests[slot];
        if let Some(tap) = &mut self.pools[pool].tap {
            tap.pool.shift_queue(self.now, by);
        }
        if request.place == Place::Waiting
            && let Some(tap) = &mut self.replicas[request.replica].tap
        {
            tap.shift_queue(self.now, by);
        }
    }

    #[inline]
    fn begins_to_wait(&mut self, slot: Slot, pool: PoolId) {
        self.waits(slot, pool);
        if let Some(class) = &mut self.pools[pool].queue_timeout {
            self.requests[slot].waits_since = self.now;
            if let Some(at) = class.join(self.now, slot, &mut self.requests) {
                self.queue.push(at, Event::TimeoutDue { class: self.loads.len() as u32 + 2 * pool.number() });
            }
        }
    }

    #[inline]
    fn no_longer_waits(&mut self, slot: Slot, pool: PoolId) {
        self.waits_no_longer(slot, pool);
        if let Some(class) = &mut self.pools[pool].queue_timeout {
            class.leave(slot, &mut self.requests);
        }
    }

    /// No endpoint: wait for one, or be turned away.
    fn hold(&mut self, slot: Slot, pool: PoolId) {
        let state = &mut self.pools[pool];
        let Some(class) = &mut state.hold_timeout else {
            return self.turn_away(slot);
        };
        self.requests[slot].place = Place::Held;
        self.requests[slot].waits_since = self.now;
        state.held.push(slot, &mut self.requests);
        if let Some(at) = class.join(self.now, slot, &mut self.requests) {
            self.queue.push(at, Event::TimeoutDue { class: self.loads.len() as u32 + 2 * pool.number() + 1 });
        }
        self.waits(slot, pool);
    }

    pub(super) fn turn_away(&mut self, slot: Slot) {
        self.end(slot, Outcome::Rejected);
        self.forget(slot);
    }

    /// Makes sure that the replica's next end of service has its event.
    #[inline(always)]
    pub(super) fn arm_service(&mut self, replica: ReplicaId) {
        if let Some((at, epoch)) = self.replicas[replica].station.arm() {
            self.queue.push(at, Event::ServiceEnds { replica, epoch });
        }
    }

    /// A service may have ended: let it go, and begin the next.
    #[inline(always)]
    pub(super) fn service_ends(&mut self, replica: ReplicaId, epoch: Epoch) {
        if !self.replicas[replica].station.disarm(epoch) {
            return;
        }
        let mut freed = false;
        while let Some(slot) = self.replicas[replica].station.finish(self.now) {
            freed = true;
            if let Some(call) = &self.requests[slot].call {
                self.replicas[replica].station.lighten(call.cpu_fraction);
            }
            if !self.requests[slot].ended {
                self.end(slot, Outcome::Done);
            }
            self.forget(slot);
        }
        if freed {
            self.pull(replica);
        }
        self.arm_service(replica);
        if freed {
            self.leave_if_idle(replica);
        }
    }

    /// Free workers take the next requests: of the replica's own queue, or of the central one.
    #[inline(always)]
    pub(super) fn pull(&mut self, replica: ReplicaId) {
        let pool = self.replicas[replica].pool;
        // Most often nobody waits here, and looking is cheaper than calling.
        while self.replicas[replica].station.waiting() > 0
            && let Some(slot) = self.replicas[replica].station.pull(self.now, &mut self.requests)
        {
            self.no_longer_waits(slot, pool);
        }
        if self.pools[pool].spec.balancer == BalancerSpec::CentralQueue && self.replicas[replica].accepts {
            self.pull_centrally(replica, pool);
        }
    }

    #[inline(always)]
    fn pull_centrally(&mut self, replica: ReplicaId, pool: PoolId) {
        while self.replicas[replica].station.has_free_worker() {
            let Some(slot) = self.pools[pool].central.pop(&mut self.requests) else {
                if self.replicas[replica].routed {
                    self.pools[pool].free.add(replica);
                }
                return;
            };
            self.no_longer_waits(slot, pool);
            self.requests[slot].replica = replica;
            self.joins(replica);
            self.replicas[replica].station.start(self.now, slot, &mut self.requests);
        }
    }

    /// An endpoint has appeared: those who waited for one are routed now.
    pub(super) fn release_held(&mut self, pool: PoolId) {
        while let Some(slot) = self.pools[pool].held.pop(&mut self.requests) {
            self.waits_no_longer(slot, pool);
            if let Some(class) = &mut self.pools[pool].hold_timeout {
                class.leave(slot, &mut self.requests);
            }
            self.route(slot, pool);
        }
    }

    /// The end of a request, as its client sees it.
    #[inline(always)]
    pub(super) fn end(&mut self, slot: Slot, outcome: Outcome) {
        let request = &mut self.requests[slot];
        if request.place == Place::InFlow {
            return self.end_of_flow(slot, outcome);
        }
        request.ended = true;
        let served_by = matches!(request.place, Place::Waiting | Place::InService).then_some(request.replica);
        let (client_waits, user) = (request.client_waits, request.user);
        let end = RequestEnd {
            at: self.now,
            request: request.number,
            load: request.load,
            pool: request.pool,
            model: request.call.map(|call| call.model),
            inner: request.call.is_some_and(|call| call.step != NO_STEP),
            replica: served_by,
            arrived: request.arrived,
            started: (request.started != SimTime::NEVER).then_some(request.started),
            demand: request.demand,
            outcome,
        };
        if let Some(replica) = served_by {
            self.leaves(replica, end.at.since(end.arrived));
        }
        self.recorder.ended(&end);
        let pool = &mut self.pools[end.pool];
        pool.count(&end);
        if let Some(tap) = &mut pool.tap
            && served_by.is_some()
        {
            tap.ended(end.at.since(end.arrived));
        }
        if let Some(model) = end.model {
            self.model_call_ended(slot, model, &end);
        }
        if outcome == Outcome::Unfinished || end.load == NO_LOAD {
            return; // the run is over, or nobody waits for it
        }
        self.client_hears(slot, end.load, user, client_waits);
    }

    /// A request's client has its answer: it gives up no more, and a user goes on.
    #[inline(always)]
    pub(super) fn client_hears(&mut self, slot: Slot, from: LoadId, user: u32, client_waits: bool) {
        let load = &mut self.loads[from];
        if let Some(class) = &mut load.client
            && client_waits
        {
            class.leave(slot, &mut self.requests);
        }
        if user != NO_USER {
            load.arrivals.ended(self.now, user);
            self.arm_load(from);
        }
    }

    /// The server has nothing more to do with it.
    #[inline(always)]
    pub(super) fn forget(&mut self, slot: Slot) {
        if self.requests[slot].call.is_some() {
            self.call_forgotten(slot);
        }
        let state = &mut self.pools[self.requests[slot].pool];
        state.in_flight -= 1;
        if let Some(tap) = &mut state.tap {
            tap.pool.shift_in_flight(self.now, -1.0);
        }
        self.requests.release(slot);
    }

    /// Looks at a class of timeouts.
    pub(super) fn timeout_due(&mut self, class: u32) {
        let loads = self.loads.len() as u32;
        loop {
            let due = if class < loads {
                self.client_due(LoadId::new(class))
            } else {
                self.wait_due(PoolId::new((class - loads) / 2), (class - loads) % 2 == 1)
            };
            match due {
                Due::Now(_) => {}
                Due::LookAt(at) => return self.queue.push(at, Event::TimeoutDue { class }),
                Due::Nobody => return,
            }
        }
    }

    /// A client gives up; its server may not notice.
    fn client_due(&mut self, load: LoadId) -> Due {
        let Some(class) = &mut self.loads[load].client else { return Due::Nobody };
        let due = class.due(self.now, |slot, requests| requests[slot].arrived, &mut self.requests);
        if let Due::Now(slot) = due {
            let place = self.requests[slot].place;
            self.requests[slot].client_waits = false;
            self.end(slot, Outcome::TimedOut);
            // What is in Kafka is not taken back.
            if place != Place::InFlow && (self.loads[load].cancels || place == Place::Held) {
                self.withdraw(slot);
            }
        }
        due
    }

    /// A server gives up on a request that has waited too long (`held`: for an endpoint).
    fn wait_due(&mut self, pool: PoolId, held: bool) -> Due {
        let state = &mut self.pools[pool];
        let class = if held { &mut state.hold_timeout } else { &mut state.queue_timeout };
        let Some(class) = class else { return Due::Nobody };
        let due = class.due(self.now, |slot, requests| requests[slot].waits_since, &mut self.requests);
        if let Due::Now(slot) = due {
            if !self.requests[slot].ended {
                self.end(slot, if held { Outcome::Rejected } else { Outcome::TimedOut });
            }
            self.waits_no_longer(slot, pool);
            self.take_out(slot);
            self.forget(slot);
        }
        due
    }

    /// Takes a request out of wherever it is, in the midst of waiting or of service.
    fn withdraw(&mut self, slot: Slot) {
        let Request { place, pool, replica, .. } = self.requests[slot];
        match place {
            Place::Held => {
                self.waits_no_longer(slot, pool);
                if let Some(class) = &mut self.pools[pool].hold_timeout {
                    class.leave(slot, &mut self.requests);
                }
            }
            Place::Waiting | Place::Central => self.no_longer_waits(slot, pool),
            Place::Reloading => self.waits_no_longer(slot, pool),
            Place::InService | Place::Nowhere | Place::Travelling | Place::BackingOff | Place::InFlow => {}
        }
        self.take_out(slot);
        self.forget(slot);
        if place == Place::InService {
            self.pull(replica);
            self.arm_service(replica);
            self.leave_if_idle(replica);
        }
    }

    fn take_out(&mut self, slot: Slot) {
        let Request { place, pool, replica, .. } = self.requests[slot];
        match place {
            Place::Held => self.pools[pool].held.remove(slot, &mut self.requests),
            Place::Central => self.pools[pool].central.remove(slot, &mut self.requests),
            Place::Waiting | Place::InService => {
                self.replicas[replica].station.remove(self.now, slot, &mut self.requests)
            }
            Place::Reloading => self.leave_reload(slot),
            Place::Nowhere | Place::Travelling | Place::BackingOff | Place::InFlow => {}
        }
    }

    /// A pod is gone with all that it had.
    pub(super) fn lose_everything(&mut self, replica: ReplicaId) {
        let pool = self.replicas[replica].pool;
        for slot in self.replicas[replica].station.everybody(&self.requests) {
            let called = self.requests[slot].call.is_some();
            if !self.requests[slot].ended && !called {
                self.end(slot, Outcome::Lost);
            }
            if self.requests[slot].place == Place::Waiting {
                self.no_longer_waits(slot, pool);
            }
            if called && !self.requests[slot].ended {
                self.leaves(replica, self.now.since(self.requests[slot].arrived));
            }
            self.take_out(slot);
            if called { self.call_failed(slot, Outcome::Lost) } else { self.forget(slot) }
        }
        self.lose_reloads(replica);
    }

    /// The run is over: whoever is still in the system stays unfinished.
    pub(super) fn end_unfinished(&mut self) {
        let mut left: Vec<Slot> = Vec::new();
        for (pool, state) in self.pools.iter() {
            left.extend(state.held.iter(&self.requests).chain(state.central.iter(&self.requests)));
            for (_, replica) in self.replicas.iter().filter(|(_, replica)| replica.pool == pool) {
                left.extend(replica.station.everybody(&self.requests));
            }
        }
        if self.seldon.is_some() {
            self.add_calls_under_way(&mut left);
        }
        left.retain(|slot| !self.requests[*slot].ended);
        left.sort_unstable_by_key(|slot| self.requests[*slot].number);
        for slot in left {
            self.end(slot, Outcome::Unfinished);
        }
    }
}
