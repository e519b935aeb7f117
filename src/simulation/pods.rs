//! Pods come and go: sizes become pods, pods reach their milestones, deleted ones finish and leave.

use super::event::{Epoch, Event};
use super::perception::ContainerWatch;
use super::pool::Books;
use super::{Booked, ESTABLISHED, Replica, Sim, WALL_AT_ZERO};
use crate::cluster::{Ending, Milestone, PodLife, Timetable, WorkloadKind, victim_key};
use crate::random::Law;
use crate::record::{PodChange, PoolSnapshot, Recorder};
use crate::scenario::PoolSpec;
use crate::serving::{DisciplineSpec, Station, StationSpec};
use crate::units::{Id, PoolId, ReplicaId, SimTime, Span};
use rand::Rng;
use rand::RngExt;
use std::rc::Rc;

/// Quota periods of different containers begin at different times within 100 ms.
const QUOTA_PERIOD_S: f64 = 0.1;

impl<R: Recorder> Sim<'_, R> {
    /// The replicas of time 0: ready, idle and measured for an hour.
    pub(super) fn establish(&mut self, pool: PoolId) {
        for place in 0..u64::from(self.pools[pool].spec.replicas) {
            let life = PodLife::established(SimTime::ZERO);
            let replica = self.add_replica(pool, place, life, WALL_AT_ZERO.saturating_sub(ESTABLISHED));
            self.pools[pool].alive_changed(1);
            let idle = self.pools[pool].spec.cpu.idle_millis as f64 / 1_000.0;
            let state = &mut self.replicas[replica];
            state.accepts = true;
            state.station.set_base(self.now, idle);
            self.enters_routes(replica);
        }
        let state = &mut self.pools[pool];
        (state.books.replicas_min, state.books.replicas_max) = (state.alive, state.alive);
    }

    /// Requests that stand in the queue at time 0.
    pub(super) fn stand_in_queue(&mut self, pool: PoolId) {
        let law = self.pools[pool].spec.service.clone();
        let Some(law) = law.filter(|_| self.pools[pool].spec.queue.initial > 0) else { return };
        let name = self.pools[pool].spec.name.clone();
        let mut stream = self.streams.named(&format!("pool/{name}/initial"));
        for _ in 0..self.pools[pool].spec.queue.initial {
            let demand = Span::from_drawn_secs(law.sample(&mut stream));
            self.birth_in_queue(pool, demand);
        }
    }

    /// Pods of a StatefulSet are numbered by `place`, all others by birth.
    fn add_replica(&mut self, pool: PoolId, place: u64, life: PodLife, container_start: Span) -> ReplicaId {
        let spec = &self.pools[pool].spec;
        let ordinal = self.pools[pool].created;
        let number = if spec.kind == WorkloadKind::StatefulSet { place } else { ordinal };
        let mut stream = self.streams.keyed(&format!("pool/{}/replica", spec.name), ordinal);
        let quota_phase = Span::from_drawn_secs(stream.random::<f64>() * QUOTA_PERIOD_S);
        let speed = match &spec.speed {
            Law::Constant(speed) => *speed,
            law => law.sample(&mut stream),
        };
        let name = format!("{}-{number}", spec.name);
        let station = station(spec, speed, quota_phase, self.now);
        let watches = ContainerWatch::all(
            spec,
            SimTime::ZERO + container_start,
            self.perception.server.spec.cpu_rate,
            &self.streams,
            ordinal,
        );
        let replica = self.replicas.push(Replica {
            pool,
            ordinal,
            number,
            name: Rc::from(name.as_str()),
            station,
            life,
            epoch: 0,
            routed: false,
            accepts: false,
            stopping: false,
            gone: false,
            watches,
            tap: self.pools[pool].tap.as_ref().map(|tap| tap.of_pod()),
            booked: Booked { at: self.now, ..Booked::default() },
            agent: None,
        });
        self.active.push(0);
        let state = &mut self.pools[pool];
        state.created += 1;
        state.speeds += speed;
        state.members.push(replica);
        replica
    }

    /// Members that are not deleted: created, or on their way to be.
    fn alive(&self, pool: PoolId) -> impl Iterator<Item = ReplicaId> {
        self.pools[pool].members.iter().copied().filter(|&replica| self.replicas[replica].life.deleted.is_none())
    }

    /// Somebody writes `spec.replicas`.
    pub(super) fn set_size(&mut self, pool: PoolId, replicas: u32) {
        self.set_size_after(pool, replicas, Span::ZERO);
    }

    /// As [`Sim::set_size`], by somebody who has to wait for answers before.
    pub(super) fn set_size_after(&mut self, pool: PoolId, replicas: u32, wait: Span) {
        self.pools[pool].desired = replicas;
        match self.server_of(pool) {
            Some(server) => self.server_written(server, wait),
            None => self.queue.push(self.now + wait, Event::ScaleApplied { pool }),
        }
    }

    /// The controllers compare what is with what is wanted.
    pub(super) fn scale_applied(&mut self, pool: PoolId) {
        if self.server_of(pool).is_some() {
            return self.scale_in_parallel(pool);
        }
        if self.pools[pool].spec.kind == WorkloadKind::StatefulSet {
            return self.scale_in_order(pool);
        }
        let wanted = self.pools[pool].desired as usize;
        let alive: Vec<ReplicaId> = self.alive(pool).collect();
        for place in alive.len()..wanted {
            self.create(pool, place as u64);
        }
        if alive.len() > wanted {
            self.scale_down(pool, alive, wanted);
        }
    }

    /// One step of a StatefulSet; the next follows when a pod is ready or gone.
    ///
    /// Rule: `pkg/controller/statefulset/stateful_set_control.go` with `podManagementPolicy: OrderedReady`. From place 0 on
    /// each pod must be there and ready before the next one is looked at; when all are, those beyond leave, the highest
    /// first and one at a time.
    fn scale_in_order(&mut self, pool: PoolId) {
        let wanted = u64::from(self.pools[pool].desired);
        let mut places: Vec<(u64, ReplicaId)> =
            self.pools[pool].members.iter().map(|&replica| (self.replicas[replica].number, replica)).collect();
        places.sort_unstable();
        let mut next = places.iter();
        for place in 0..wanted {
            match next.next() {
                Some(&(there, replica)) if there == place => {
                    if !self.replicas[replica].life.is_ready() {
                        return;
                    }
                }
                _ => return self.create(pool, place),
            }
        }
        if let Some(&(place, highest)) = places.last()
            && place >= wanted
            && self.replicas[highest].life.deleted.is_none()
        {
            self.delete(highest);
        }
    }

    /// A StatefulSet with `podManagementPolicy: Parallel`, as Seldon's servers have: all missing ordinals start at once, and all
    /// beyond the size go at once. An ordinal whose pod still ends comes back when that pod is gone.
    fn scale_in_parallel(&mut self, pool: PoolId) {
        let wanted = u64::from(self.pools[pool].desired);
        let mut places: Vec<(u64, ReplicaId)> =
            self.pools[pool].members.iter().map(|&replica| (self.replicas[replica].number, replica)).collect();
        places.sort_unstable();
        for place in 0..wanted {
            if places.binary_search_by_key(&place, |&(there, _)| there).is_err() {
                self.create(pool, place);
            }
        }
        for &(place, replica) in places.iter().rev() {
            if place >= wanted && self.replicas[replica].life.deleted.is_none() {
                self.delete(replica);
            }
        }
    }

    /// A pod is wanted.
    fn create(&mut self, pool: PoolId, place: u64) {
        let spec = &self.pools[pool].spec;
        let ordinal = self.pools[pool].created;
        let timetable = Timetable::draw(&spec.start, &spec.name, ordinal, &self.streams, self.now);
        let running = timetable.at(Milestone::Running);
        let container_start = running.since(SimTime::ZERO) + WALL_AT_ZERO;
        let replica = self.add_replica(pool, place, PodLife::new(timetable), container_start);
        self.arm_life(replica);
    }

    /// A ReplicaSet lets go all that are too many.
    fn scale_down(&mut self, pool: PoolId, mut alive: Vec<ReplicaId>, wanted: usize) {
        let spec_name = self.pools[pool].spec.name.clone();
        let path = format!("pool/{spec_name}/uid");
        alive.sort_by_cached_key(|&replica| {
            let state = &self.replicas[replica];
            let luck = self.streams.keyed(&path, state.ordinal).next_u64();
            victim_key(&state.life, self.now, luck)
        });
        let surplus = alive.len() - wanted;
        for replica in alive.into_iter().take(surplus) {
            self.delete(replica);
        }
    }

    fn arm_life(&mut self, replica: ReplicaId) {
        let state = &self.replicas[replica];
        if let Some(at) = state.life.next_at() {
            self.queue.push(at.max(self.now), Event::PodPhaseEnds { replica, epoch: state.epoch });
        }
    }

    /// A pod reaches its next milestone.
    pub(super) fn pod_phase_ends(&mut self, replica: ReplicaId, epoch: Epoch) {
        if self.replicas[replica].epoch != epoch {
            return;
        }
        self.book(replica); // what it was until now: the milestone changes what is counted
        let Some(milestone) = self.replicas[replica].life.advance() else { return };
        let pool = self.replicas[replica].pool;
        match milestone {
            Milestone::Created => {
                self.pools[pool].alive_changed(1);
                self.tell(replica, "SuccessfulCreate", "Created pod");
            }
            Milestone::Scheduled => self.tell(replica, "Scheduled", "Assigned to a node"),
            Milestone::SandboxUp if self.pools[pool].spec.start.image == crate::cluster::ImageState::Pulled => {
                self.tell(replica, "Pulling", "Pulling the image");
            }
            Milestone::Pulled if self.pools[pool].spec.start.image == crate::cluster::ImageState::Pulled => {
                self.tell(replica, "Pulled", "Pulled the image");
            }
            Milestone::Running => {
                let startup = self.pools[pool].spec.cpu.startup_millis as f64 / 1_000.0;
                self.replicas[replica].station.set_base(self.now, startup);
                self.watch(replica);
                self.tell(replica, "Started", "Started the container");
            }
            Milestone::AppUp => {
                self.replicas[replica].accepts = true;
                self.take_work(replica);
            }
            Milestone::Ready => {
                self.settles_down(replica);
                self.tell(replica, "Ready", "Readiness probe succeeded");
                if self.pools[pool].spec.kind == WorkloadKind::StatefulSet {
                    self.queue.push(self.now, Event::ScaleApplied { pool });
                }
            }
            Milestone::Routed => self.enters_routes(replica),
            _ => {}
        }
        if let Some(server) = self.server_of(pool) {
            self.agent_milestone(replica, server, milestone);
        }
        self.arm_life(replica);
    }

    /// Start-up use ends when the pod is ready; without a probe that is when its container runs.
    fn settles_down(&mut self, replica: ReplicaId) {
        let state = &mut self.replicas[replica];
        let idle = self.pools[state.pool].spec.cpu.idle_millis as f64 / 1_000.0;
        state.station.set_base(self.now, idle);
        self.arm_service(replica);
    }

    fn enters_routes(&mut self, replica: ReplicaId) {
        let pool = self.replicas[replica].pool;
        self.replicas[replica].routed = true;
        self.pools[pool].balancer.join(replica);
        self.take_work(replica);
        self.release_held(pool);
    }

    /// A replica that has become able to serve looks for work in the central queue.
    fn take_work(&mut self, replica: ReplicaId) {
        let state = &self.replicas[replica];
        if state.routed && state.accepts {
            self.pull(replica);
            self.arm_service(replica);
        }
    }

    /// A pod is deleted: its routes, its grace and its process end each in their own time.
    pub(super) fn delete(&mut self, replica: ReplicaId) {
        self.book(replica);
        let state = &mut self.replicas[replica];
        let (pool, ordinal, created) = (state.pool, state.ordinal, state.life.has(Milestone::Created));
        state.life.deleted = Some(self.now);
        state.epoch = state.epoch.wrapping_add(1);
        if !created {
            return self.vanish(replica);
        }
        let spec = &self.pools[pool].spec;
        let ending = Ending::draw(&spec.start, &spec.stop, &spec.name, ordinal, &self.streams, self.now);
        self.pools[pool].alive_changed(-1);
        self.queue.push(ending.sigterm, Event::Terminates { replica });
        self.queue.push(ending.sigkill, Event::KillAtGraceEnd { replica });
        if self.replicas[replica].routed {
            self.queue.push(ending.unrouted, Event::RoutesChange { replica });
        }
        self.tell(replica, "Killing", "Stopping the pod");
    }

    /// The kubelet tells a deleted pod to stop.
    pub(super) fn terminates(&mut self, replica: ReplicaId) {
        if self.replicas[replica].agent_connected() {
            // The agent is told by the containers' preStop hooks, and they wait for it.
            return self.hooks_call_agent(replica);
        }
        self.stops(replica);
    }

    /// The process is told to stop.
    pub(super) fn stops(&mut self, replica: ReplicaId) {
        let state = &mut self.replicas[replica];
        if state.gone {
            return;
        }
        state.accepts = false;
        state.stopping = true;
        let pool = state.pool;
        let running = state.life.has(Milestone::Running);
        self.pools[pool].free.remove(replica);
        if !running || !self.pools[pool].spec.stop.drain {
            self.lose_everything(replica);
            self.vanish(replica);
        } else {
            self.leave_if_idle(replica);
        }
    }

    /// A stopping pod with nothing left to do exits.
    #[inline]
    pub(super) fn leave_if_idle(&mut self, replica: ReplicaId) {
        let state = &self.replicas[replica];
        if state.stopping && !state.gone && state.station.is_empty() {
            self.vanish(replica);
        }
    }

    /// Grace is over.
    pub(super) fn killed_at_grace_end(&mut self, replica: ReplicaId) {
        if !self.replicas[replica].gone {
            self.lose_everything(replica);
            self.vanish(replica);
        }
    }

    /// A deleted pod leaves the routes.
    pub(super) fn leaves_routes(&mut self, replica: ReplicaId) {
        let pool = self.replicas[replica].pool;
        self.replicas[replica].routed = false;
        self.pools[pool].balancer.leave(replica);
        self.pools[pool].free.remove(replica);
    }

    /// A pod dies without warning, and its controller makes another.
    pub(super) fn kill(&mut self, replica: ReplicaId) {
        let pool = self.replicas[replica].pool;
        self.delete(replica);
        if !self.replicas[replica].gone {
            self.replicas[replica].accepts = false;
            self.pools[pool].free.remove(replica);
            self.lose_everything(replica);
            self.vanish(replica);
        }
        self.queue.push(self.now, Event::ScaleApplied { pool });
    }

    /// The pod object is gone. It may stay in the routes until they have heard of it.
    fn vanish(&mut self, replica: ReplicaId) {
        self.book(replica);
        if self.replicas[replica].agent.is_some() {
            self.agent_ends(replica);
        }
        let state = &mut self.replicas[replica];
        let pool = state.pool;
        state.gone = true;
        state.accepts = false;
        state.station.set_base(self.now, 0.0);
        state.watches = Vec::new();
        self.lose_target(replica);
        let members = &mut self.pools[pool].members;
        members.retain(|other| *other != replica);
        if self.pools[pool].spec.kind == WorkloadKind::StatefulSet {
            self.queue.push(self.now, Event::ScaleApplied { pool });
        }
    }

    fn tell(&mut self, replica: ReplicaId, reason: &'static str, message: &str) {
        let state = &self.replicas[replica];
        let change = PodChange { pool: state.pool, replica, name: &state.name, warning: false, reason, message };
        self.recorder.pod(self.now, &change);
    }

    /// Books what a replica was and used since it was booked last.
    pub(super) fn book(&mut self, replica: ReplicaId) {
        let state = &mut self.replicas[replica];
        let spec = &self.pools[state.pool].spec;
        let elapsed = self.now.since(state.booked.at).as_secs_f64();
        let (cpu, busy) = (state.station.cpu_core_s(self.now), state.station.busy_s(self.now));
        let (used, worked) = (cpu - state.booked.cpu_core_s, busy - state.booked.busy_s);
        let created = state.life.has(Milestone::Created);
        let running = state.life.has(Milestone::Running);
        let alive = created && state.life.deleted.is_none();
        let mut delta = Books::default();
        if alive && running {
            delta.cpu_core_s = used + sidecar_cores(spec) * elapsed;
            delta.cpu_requested_core_s = reference_cores(spec) * elapsed;
        }
        if alive {
            delta.replica_s = elapsed;
        }
        if created && !state.gone {
            delta.paid_s = elapsed;
            delta.cost_usd = elapsed * spec.price_usd_per_hour / 3_600.0;
        }
        if state.life.is_ready() {
            delta.idle_s = (elapsed - worked).max(0.0);
        }
        state.booked = Booked { at: self.now, cpu_core_s: cpu, busy_s: busy };
        self.pools[state.pool].books.add(&delta);
    }

    /// The pool at the end of a tick.
    pub(super) fn snapshot(&mut self, pool: PoolId) -> PoolSnapshot {
        let members = std::mem::take(&mut self.pools[pool].members);
        let (mut ready, mut starting, mut draining, mut speed) = (0, 0, 0, 0.0);
        for &replica in &members {
            self.book(replica);
            let state = &self.replicas[replica];
            if state.life.deleted.is_some() {
                draining += 1;
            } else if state.life.is_ready() {
                ready += 1;
                speed += 1.0;
            } else if state.life.has(Milestone::Created) {
                starting += 1;
            }
        }
        let state = &mut self.pools[pool];
        state.members = members;
        let mean_speed = if state.created > 0 { state.speeds / state.created as f64 } else { 1.0 };
        let seen = self.perception.seen(pool);
        let state = &mut self.pools[pool];
        let books = state.books;
        let capacity_rps = speed * mean_speed * per_replica_rps(&state.spec, state.mean_work_s());
        let snapshot = PoolSnapshot {
            queue: state.waiting,
            queue_max: state.waiting_max,
            in_flight: state.in_flight,
            desired: state.desired,
            ready,
            starting,
            draining,
            capacity_rps,
            cpu_core_s: books.cpu_core_s,
            cpu_requested_core_s: books.cpu_requested_core_s,
            replica_s: books.replica_s,
            paid_s: books.paid_s,
            idle_s: books.idle_s,
            replicas_min: books.replicas_min,
            replicas_max: books.replicas_max,
            seen_utilization: seen.map(|(utilization, _)| utilization),
            seen_at: seen.and_then(|(_, at)| at),
            cost_usd: books.cost_usd,
        };
        state.waiting_max = state.waiting;
        state.books.replicas_min = state.alive;
        state.books.replicas_max = state.alive;
        snapshot
    }
}

fn station(spec: &PoolSpec, speed: f64, quota_phase: Span, now: SimTime) -> Station {
    let spec = StationSpec {
        workers: spec.workers,
        discipline: spec.discipline,
        queue: spec.queue,
        cpu: spec.cpu,
        speed,
        quota_phase,
    };
    Station::new(now, spec)
}

fn sidecar_cores(spec: &PoolSpec) -> f64 {
    spec.containers.iter().map(|container| container.cpu_idle_millis as f64 / 1_000.0).sum()
}

/// What a replica's use is compared with: requests, else limits, of all its containers; 0 without either.
pub(super) fn reference_cores(spec: &PoolSpec) -> f64 {
    let sidecar = |container: &crate::cluster::SidecarSpec| container.cpu_request_millis.or(container.cpu_limit_millis);
    let main = spec.cpu.request_millis.or(spec.cpu.limit_millis);
    let all: Option<Vec<u64>> = std::iter::once(main).chain(spec.containers.iter().map(sidecar)).collect();
    all.map_or(0.0, |millis| millis.iter().sum::<u64>() as f64 / 1_000.0)
}

/// What one replica of speed 1 can serve of requests of this mean work.
fn per_replica_rps(spec: &PoolSpec, mean_work_s: f64) -> f64 {
    if mean_work_s <= 0.0 {
        return 0.0;
    }
    let at_once = match (spec.workers, spec.discipline) {
        (_, DisciplineSpec::ProcessorSharing { cores }) => cores.min(spec.workers.map_or(f64::INFINITY, f64::from)),
        (Some(workers), DisciplineSpec::Fifo) => f64::from(workers),
        (None, DisciplineSpec::Fifo) => f64::INFINITY,
    };
    let by_limit = match spec.cpu.limit_millis {
        Some(limit) if spec.cpu.fraction > 0.0 => {
            limit.saturating_sub(spec.cpu.idle_millis) as f64 / 1_000.0 / spec.cpu.fraction
        }
        _ => f64::INFINITY,
    };
    let rate = at_once.min(by_limit) / mean_work_s;
    if rate.is_finite() { rate } else { 0.0 }
}

/// How a pool is called in an event's `object`.
pub(super) fn object_of(spec: &PoolSpec) -> String {
    format!("{}/{}", spec.kind.as_str().to_lowercase(), spec.name)
}

/// The pool's number, as the totals count it.
pub(super) fn number_of(pool: PoolId) -> u32 {
    u32::try_from(pool.index()).expect("fewer than 2^32 pools")
}
