//! Signals through Prometheus and its adapter: what a run's pods show, when they are found, and what a scaler is told.
//!
//! One event stands in the queue for the earliest thing that Prometheus has to do; what that is, it knows itself.

use super::control::ScaleTarget;
use super::event::Event;
use super::signals::Signal;
use super::{Replica, Sim};
use crate::cluster::Milestone;
use crate::metrics::{Answer, Of, Page, Prometheus, PrometheusSpec, Query, Refusal, Seen, Series, Target};
use crate::random::{Law, Stream, Streams};
use crate::record::Recorder;
use crate::scenario::{Scenario, SignalSpec};
use crate::serving::BalancerSpec;
use crate::units::{Id, PipelineId, ReplicaId, SimTime, Span};
use rand::Rng;
use rand::RngExt;

/// The one Prometheus of the cluster.
pub(super) const PROMETHEUS: PipelineId = PipelineId::new(1);

/// Prometheus and its adapter in a run.
pub(super) struct Scraping {
    server: Prometheus,
    discovery: Law,
    query_latency: Law,
    /// By pool: one draw per question of its scaler.
    queries: Vec<Stream>,
    /// The same by model.
    model_queries: Vec<Stream>,
    /// An event is pending for this time.
    armed: SimTime,
}

impl Scraping {
    /// It has been there for an hour, and its adapter makes lists at some phase of their interval.
    pub fn new(spec: &PrometheusSpec, scenario: &Scenario, streams: &Streams, wall: SimTime) -> Self {
        let share = streams.named("prometheus/relist").random::<f64>();
        let first_list = wall + Span::from_drawn_secs(share * spec.metrics_relist_interval.as_secs_f64());
        let number = streams.named("prometheus/server").next_u64();
        let pools = scenario.pools.iter().map(|pool| streams.named(&format!("pool/{}/queries", pool.name)));
        let models = scenario.seldon.iter().flat_map(|seldon| &seldon.models);
        let models = models.map(|model| streams.named(&format!("model/{}/queries", model.spec.name)));
        Self {
            server: Prometheus::new(spec.clone(), number, first_list),
            discovery: spec.target_discovery.clone(),
            query_latency: spec.adapter_query_latency.clone(),
            queries: pools.collect(),
            model_queries: models.collect(),
            armed: SimTime::NEVER,
        }
    }

    /// A scaler puts a question: how long it waits for the answer.
    pub fn wait(&mut self, whose: ScaleTarget) -> Span {
        let stream = match whose {
            ScaleTarget::Pool(pool) => &mut self.queries[pool.index()],
            ScaleTarget::Model(model) => &mut self.model_queries[model.index()],
        };
        Span::from_drawn_secs(self.query_latency.sample(stream))
    }

    /// Does the adapter take this query?
    pub fn admit(&self, query: &Query) -> Result<(), Refusal> {
        self.server.admit(query)
    }

    /// What it finds.
    pub fn query(&self, query: &Query, of: Of, wall: SimTime) -> Option<Seen> {
        self.server.query(query, of, wall)
    }

    pub fn go_down(&mut self) {
        self.server.go_down();
    }

    pub fn come_back(&mut self) {
        self.server.come_back();
    }
}

/// The query behind a built-in signal.
pub(super) fn query_of(signal: Signal) -> Query {
    match signal {
        Signal::Rps => Query::Rate(Series::Ended.alone()),
        Signal::InFlight => Query::Latest(Series::InFlight.alone()),
        Signal::Queue => Query::Latest(Series::Queue.alone()),
        Signal::Latency(quantile) => Query::Quantile(quantile),
    }
}

/// The number of a recorded signal.
pub(super) fn recorded(signals: &[SignalSpec], name: &str) -> Option<u32> {
    let number = signals.iter().position(|signal| signal.name == name)?;
    Some(u32::try_from(number).expect("fewer than 2^32 signals"))
}

impl<R: Recorder> Sim<'_, R> {
    /// The targets of time 0: as if they had been scraped for an hour, in which nothing happened.
    pub(super) fn begin_scraping(&mut self) {
        let Some(mut scraping) = self.perception.scraping.take() else { return };
        let wall = self.wall();
        for (id, pool) in self.pools.iter() {
            let Some(tap) = &pool.tap else { continue };
            if has_front(pool.spec.balancer, pool.spec.queue.hold) {
                scraping.server.established(Target::Front(id), &pool.spec.name, Some(id), wall, |page| {
                    page.number(Series::InFlight, 0.0);
                    page.number(Series::Queue, 0.0);
                });
            }
            let idle = tap.of_pod();
            for &replica in &pool.members {
                let name = &self.replicas[replica].name;
                scraping.server.established(Target::Pod(replica), name, Some(id), wall, |page| {
                    page.number(Series::InFlight, 0.0);
                    page.number(Series::Queue, 0.0);
                    idle.show(page);
                    for model in self.models_held_by(replica) {
                        page.number(Series::Infers(model), 0.0);
                    }
                });
            }
        }
        for (number, signal) in (0..).zip(&self.scenario.signals) {
            let name = format!("signal/{}", signal.name);
            scraping.server.established(Target::Signal(number), &name, None, wall, |page| {
                show_signal(signal, number, SimTime::ZERO, page);
            });
        }
        self.perception.scraping = Some(scraping);
        self.arm_scraping();
    }

    fn arm_scraping(&mut self) {
        let Some(scraping) = &mut self.perception.scraping else { return };
        let Some(next) = scraping.server.next() else { return };
        let at = (SimTime::ZERO + next.saturating_since(SimTime::ZERO + super::WALL_AT_ZERO)).max(self.now);
        if at < scraping.armed {
            scraping.armed = at;
            self.queue.push(at, Event::Scrape { pipeline: PROMETHEUS });
        }
    }

    /// Whatever Prometheus has to do now.
    pub(super) fn scrape_targets(&mut self) {
        let Some(mut scraping) = self.perception.scraping.take() else { return };
        if scraping.armed <= self.now {
            scraping.armed = SimTime::NEVER;
        }
        let wall = self.wall();
        scraping.server.advance(wall, &mut |target, page| self.expose(target, page));
        self.perception.scraping = Some(scraping);
        self.arm_scraping();
    }

    /// A target takes a scrape.
    fn expose(&self, target: Target, page: &mut Page) -> Answer {
        match target {
            Target::Pod(replica) => {
                let answer = self.takes_scrape(replica);
                if answer != Answer::Refused {
                    self.replicas[replica].show(page);
                    if let (Some(agent), Some(seldon)) = (&self.replicas[replica].agent, &self.seldon) {
                        agent.show(seldon.models.len(), page);
                    }
                }
                answer
            }
            Target::Front(pool) => {
                let state = &self.pools[pool];
                let waiting = f64::from(state.central.len()) + f64::from(state.held.len());
                page.number(Series::InFlight, waiting);
                page.number(Series::Queue, waiting);
                Answer::After(Span::ZERO)
            }
            Target::Signal(number) => {
                show_signal(&self.scenario.signals[number as usize], number, self.now, page);
                Answer::After(Span::ZERO)
            }
        }
    }

    /// A process that is not up refuses the connection. What slows a pod's kubelet slows all of its node.
    fn takes_scrape(&self, replica: ReplicaId) -> Answer {
        let state = &self.replicas[replica];
        if state.gone || !state.life.has(Milestone::AppUp) {
            return Answer::Refused;
        }
        let missed = self.perception.missed_share[state.pool.index()];
        if missed > 0.0 {
            let path = format!("pool/{}/scrape/{}", self.pools[state.pool].spec.name, state.ordinal);
            if self.streams.keyed(&path, self.now.as_nanos()).random::<f64>() < missed {
                return Answer::Refused;
            }
        }
        Answer::After(self.perception.slow_kubelets[state.pool.index()].unwrap_or(Span::ZERO))
    }

    /// A pod has an address: after a while it is a target.
    pub(super) fn discover(&mut self, replica: ReplicaId) {
        let wall = self.wall();
        let state = &self.replicas[replica];
        let Some(scraping) = &mut self.perception.scraping else { return };
        if self.pools[state.pool].tap.is_none() {
            return;
        }
        let path = format!("pool/{}/discovery", self.pools[state.pool].spec.name);
        let delay = scraping.discovery.sample(&mut self.streams.keyed(&path, state.ordinal));
        let found = wall + Span::from_drawn_secs(delay);
        scraping.server.discover(Target::Pod(replica), &state.name, Some(state.pool), found);
        self.arm_scraping();
    }

    /// A pod is gone, and with it the target.
    pub(super) fn lose_target(&mut self, replica: ReplicaId) {
        let wall = self.wall();
        if let Some(scraping) = &mut self.perception.scraping {
            scraping.server.vanish(Target::Pod(replica), wall);
            self.arm_scraping();
        }
    }
}

impl Replica {
    fn show(&self, page: &mut Page) {
        let waiting = f64::from(self.station.waiting());
        page.number(Series::InFlight, waiting + f64::from(self.station.in_service()));
        page.number(Series::Queue, waiting);
        if let Some(counts) = &self.tap {
            counts.show(page);
        }
    }
}

/// Can requests wait before they are sent to a pod?
fn has_front(balancer: BalancerSpec, hold: Span) -> bool {
    balancer == BalancerSpec::CentralQueue || !hold.is_zero()
}

/// The last value so far.
fn show_signal(signal: &SignalSpec, number: u32, now: SimTime, page: &mut Page) {
    let since = now.since(SimTime::ZERO);
    if let Some(last) = signal.points.partition_point(|&(at, _)| at <= since).checked_sub(1) {
        page.number(Series::Signal(number), signal.points[last].1);
    }
}
