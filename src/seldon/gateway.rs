//! Gateways and dataflow engine: who serves what, and who waits.
//!
//! Three laws. A pipeline's or bucket's work goes to as many replicas of a service as it has shards, chosen by consistent
//! hashing. Among those its partitions are shared in contiguous ranges, and a record keeps its partition through the whole
//! pipeline, so partitions bound everything that is parallel in one pipeline. A replica of the model gateway has a fixed
//! number of workers for each bucket, each busy until its model answers; what finds none free waits in the order of arrival.
//!
//! A call costs O(replicas of the bucket) and allocates nothing once the queues have grown. What a gateway has read from
//! Kafka and not yet given to a worker (8 records at most) is taken to be unread, so that it moves with its partition.
//!
//! Source of the rules: scheduler `pkg/util/loadbalancer.go`, `pkg/util/hash.go`, `pkg/kafka/gateway/infer.go`,
//! `pkg/kafka/pipeline/kafkamanager.go`; the hash ring of serialx/hashring; the operator's limit on replicas of its
//! services; Kafka's range assignor.

use super::spec::DataflowSpec;
use crate::units::Id;
use crate::units::Slab;
use crate::units::id::ModelId;
use md5::{Digest, Md5};
use std::collections::VecDeque;
use std::ops::Range;

/// Kafka hops of one step on a pipeline's way: into the model's topic, and back into the engine.
pub const HOPS_PER_STEP: u32 = 2;
/// Kafka hops besides: back to the pipeline gateway.
pub const FINAL_HOPS: u32 = 1;
/// What bounds the pipelines that count for the dataflow engine's replicas; there is no setting.
const ENGINE_CONSUMERS: u32 = 100;
/// Where consumer groups and topics are called by: the charts' own namespace.
const NAMESPACE: &str = "seldon-mesh";

/// A service whose replicas share work by hashing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Reads models' inputs, calls the models, writes their outputs.
    ModelGateway,
    /// Takes in calls of pipelines and waits for their answers.
    PipelineGateway,
    /// Joins and moves data between steps.
    DataflowEngine,
}

impl Service {
    /// Its workload's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ModelGateway => "seldon-modelgateway",
            Self::PipelineGateway => "seldon-pipelinegateway",
            Self::DataflowEngine => "seldon-dataflow-engine",
        }
    }

    /// What is hashed for a model or pipeline: the consumer group of its bucket, or for the engine its own name.
    pub fn key(self, name: &str, max_num_consumers: u32) -> String {
        match self {
            Self::DataflowEngine => name.to_owned(),
            _ => format!("{NAMESPACE}-{}-{}", self.name(), bucket(name, max_num_consumers)),
        }
    }

    /// How many replicas the operator lets run for so many pipelines, or models.
    pub fn limit(self, resources: u32, spec: &DataflowSpec) -> u32 {
        let consumers = match self {
            Self::DataflowEngine => ENGINE_CONSUMERS,
            _ => spec.max_num_consumers,
        };
        replica_limit(resources, consumers, spec.shards())
    }

    /// How many replicas are asked for.
    pub const fn asked(self, spec: &DataflowSpec) -> u32 {
        match self {
            Self::ModelGateway => spec.model_gateway_replicas,
            Self::PipelineGateway => spec.pipeline_gateway_replicas,
            Self::DataflowEngine => spec.engine_replicas,
        }
    }
}

/// The most replicas of a service that are of use: one for each shard of each resource that counts, at least 1.
pub fn replica_limit(resources: u32, max_num_consumers: u32, multiplier: u32) -> u32 {
    resources.min(max_num_consumers).saturating_mul(multiplier).max(1)
}

/// The bucket of consumers that a name falls into: 32-bit FNV-1a, modulo the number of buckets.
pub fn bucket(name: &str, max_num_consumers: u32) -> u32 {
    const OFFSET_BASIS: u32 = 0x811c_9dc5;
    const PRIME: u32 = 0x0100_0193;
    let hash = name.bytes().fold(OFFSET_BASIS, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(PRIME));
    hash % max_num_consumers.max(1)
}

/// A consistent hash ring with one point for each server, which is what default weights come to upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HashRing {
    /// Sorted by point.
    servers: Vec<(Point, u32)>,
}

/// A place on the ring: two signed halves of an MD5 digest, the first one weighing more.
type Point = (i64, i64);

fn point(text: &str) -> Point {
    let digest: [u8; 16] = Md5::digest(text.as_bytes()).into();
    let half = |from: usize| {
        let bytes: [u8; 8] = std::array::from_fn(|index| digest[from + index]);
        i64::from_le_bytes(bytes)
    };
    (half(0), half(8))
}

impl HashRing {
    /// A server joins under this name, to be called by this number. It joins once.
    pub fn add(&mut self, name: &str, server: u32) {
        let point = point(&format!("{name}-0"));
        if let Err(place) = self.servers.binary_search_by_key(&point, |&(at, _)| at) {
            self.servers.insert(place, (point, server));
        }
    }

    /// A server leaves.
    pub fn remove(&mut self, name: &str) {
        let point = point(&format!("{name}-0"));
        self.servers.retain(|&(at, _)| at != point);
    }

    /// How many servers there are.
    pub const fn len(&self) -> usize {
        self.servers.len()
    }

    /// True without servers.
    pub const fn is_empty(&self) -> bool {
        self.servers.is_empty()
    }

    /// How many of them a key has that may have `shards`.
    pub fn servers_per_key(&self, shards: u32) -> usize {
        self.servers.len().min(shards as usize)
    }

    /// The servers of a key: those that follow it on the ring.
    pub fn servers(&self, key: &str, shards: u32) -> impl Iterator<Item = u32> + '_ {
        let key = point(key);
        let first = self.servers.partition_point(|&(at, _)| at <= key);
        let around = self.servers[first..].iter().chain(&self.servers[..first]);
        around.map(|&(_, server)| server).take(self.servers_per_key(shards))
    }
}

/// Who reads which partition of one pipeline or bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    replicas: Vec<u32>,
    partitions: u32,
}

impl Shares {
    /// The replicas that take part, in the order of their ranges. Those beyond the partitions have nothing to do.
    pub fn replicas(&self) -> &[u32] {
        &self.replicas
    }

    /// The partitions that a replica reads.
    pub fn partitions_of(&self, replica: u32) -> Range<u32> {
        let Some(place) = self.replicas.iter().position(|&other| other == replica) else { return 0..0 };
        let (place, (base, extra)) = (place as u32, self.split());
        let start = place * base + place.min(extra);
        start..start + base + u32::from(place < extra)
    }

    /// The replica that reads a partition, if there is any.
    pub fn owner(&self, partition: u32) -> Option<u32> {
        self.place(partition).map(|place| self.replicas[place])
    }

    /// One of the partitions that a replica reads, by a number drawn for it.
    pub fn pick(&self, replica: u32, drawn: u32) -> Option<u32> {
        let own = self.partitions_of(replica);
        drawn.checked_rem(own.end - own.start).map(|offset| own.start + offset)
    }

    /// Partitions of each replica, and how many have one more.
    const fn split(&self) -> (u32, u32) {
        let replicas = self.replicas.len() as u32;
        (self.partitions / replicas, self.partitions % replicas)
    }

    fn place(&self, partition: u32) -> Option<usize> {
        if self.replicas.is_empty() || partition >= self.partitions {
            return None;
        }
        let (base, extra) = self.split();
        let larger = extra * (base + 1);
        let place = if partition < larger { partition / (base + 1) } else { extra + (partition - larger) / base };
        Some(place as usize)
    }
}

/// How the replicas of one service share its pipelines or buckets.
#[derive(Clone, Debug, PartialEq)]
pub struct Sharing {
    service: Service,
    shards: u32,
    ring: HashRing,
    keys: Vec<String>,
    shares: Vec<Shares>,
}

impl Sharing {
    /// A service without replicas. Keys are those of [`Service::key`]; they are called by their place in the list.
    pub fn new(service: Service, spec: &DataflowSpec, keys: Vec<String>) -> Self {
        let share = Shares { replicas: Vec::new(), partitions: spec.partitions.max(1) };
        let shares = vec![share; keys.len()];
        Self { service, shards: spec.shards(), ring: HashRing::default(), keys, shares }
    }

    /// A replica is ready. Appends the keys that change hands.
    pub fn join(&mut self, ordinal: u32, moved: &mut Vec<u32>) {
        self.ring.add(&self.replica_name(ordinal), ordinal);
        self.share(moved);
    }

    /// A replica has gone. Appends the keys that change hands.
    pub fn leave(&mut self, ordinal: u32, moved: &mut Vec<u32>) {
        self.ring.remove(&self.replica_name(ordinal));
        self.share(moved);
    }

    /// Who serves the key at this place.
    ///
    /// # Panics
    /// If there is no such place.
    pub fn shares(&self, place: u32) -> &Shares {
        &self.shares[place as usize]
    }

    /// How many keys there are.
    pub const fn len(&self) -> usize {
        self.keys.len()
    }

    /// True without keys.
    pub const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    fn replica_name(&self, ordinal: u32) -> String {
        format!("{}-{ordinal}", self.service.name())
    }

    fn share(&mut self, moved: &mut Vec<u32>) {
        for (place, (key, shares)) in (0..).zip(self.keys.iter().zip(&mut self.shares)) {
            if !self.ring.servers(key, self.shards).eq(shares.replicas.iter().copied()) {
                shares.replicas.clear();
                shares.replicas.extend(self.ring.servers(key, self.shards));
                moved.push(place);
            }
        }
    }
}

/// A call that a worker begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started {
    /// Its ticket, for [`ModelGateway::finish`].
    pub ticket: u32,
    /// What the caller named it.
    pub request: u32,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// Its ticket, for [`ModelGateway::finish`].
    pub ticket: u32,
    /// True: a worker begins at once. False: it waits, and will be named by a later effect.
    pub starts: bool,
}

/// The model gateway: for each bucket of models and each replica that reads it, workers and a queue.
#[derive(Clone, Debug)]
pub struct ModelGateway {
    workers: usize,
    sharing: Sharing,
    consumers: Vec<Consumer>,
    /// The consumer of each model.
    of_model: Vec<u32>,
    calls: Slab<Call>,
    submitted: u64,
}

/// The consumers of one bucket.
#[derive(Clone, Debug, Default)]
struct Consumer {
    /// True while its partitions change hands: nothing is begun.
    pauses: bool,
    /// Replicas that read it or still work for it.
    lanes: Vec<Lane>,
    /// What nobody reads.
    stranded: VecDeque<u32>,
}

/// One replica's consumer of a bucket.
#[derive(Clone, Debug)]
struct Lane {
    replica: u32,
    serving: Vec<u32>,
    waiting: VecDeque<u32>,
}

/// A call that has been written to a model's topic.
#[derive(Clone, Copy, Debug)]
struct Call {
    request: u32,
    consumer: u32,
    replica: u32,
    partition: u32,
    order: u64,
}

impl Consumer {
    fn lane(&mut self, replica: u32) -> &mut Lane {
        let place = self.lanes.iter().position(|lane| lane.replica == replica).unwrap_or_else(|| {
            self.lanes.push(Lane { replica, serving: Vec::new(), waiting: VecDeque::new() });
            self.lanes.len() - 1
        });
        &mut self.lanes[place]
    }
}

impl ModelGateway {
    /// A gateway without replicas, for these models in the order of their ids.
    pub fn new<'a>(spec: &DataflowSpec, models: impl IntoIterator<Item = &'a str>) -> Self {
        let mut keys: Vec<String> = Vec::new();
        let mut of_model = Vec::new();
        for model in models {
            let key = Service::ModelGateway.key(model, spec.max_num_consumers);
            let place = keys.iter().position(|other| *other == key).unwrap_or_else(|| {
                keys.push(key);
                keys.len() - 1
            });
            of_model.push(place as u32);
        }
        let consumers = vec![Consumer::default(); keys.len()];
        let sharing = Sharing::new(Service::ModelGateway, spec, keys);
        let workers = spec.workers.max(1) as usize;
        Self { workers, sharing, consumers, of_model, calls: Slab::default(), submitted: 0 }
    }

    /// Who reads what.
    pub const fn sharing(&self) -> &Sharing {
        &self.sharing
    }

    /// The bucket of a model, by its place in [`ModelGateway::sharing`]: models of one bucket share its workers.
    ///
    /// # Panics
    /// If the gateway was made without this model.
    pub fn consumer_of(&self, model: ModelId) -> u32 {
        self.of_model[model.index()]
    }

    /// A replica is ready. Appends the buckets that change hands: they begin nothing until [`ModelGateway::resume`].
    pub fn join(&mut self, ordinal: u32, paused: &mut Vec<u32>) {
        let first = paused.len();
        self.sharing.join(ordinal, paused);
        self.hand_over(&paused[first..]);
    }

    /// A replica has gone. Appends the buckets that change hands, and the requests that its workers had in hand: those are
    /// lost, and their tickets with them.
    pub fn leave(&mut self, ordinal: u32, paused: &mut Vec<u32>, lost: &mut Vec<u32>) {
        let first = paused.len();
        self.sharing.leave(ordinal, paused);
        self.hand_over(&paused[first..]);
        for consumer in &mut self.consumers {
            if let Some(place) = consumer.lanes.iter().position(|lane| lane.replica == ordinal) {
                for ticket in consumer.lanes.swap_remove(place).serving {
                    lost.push(self.calls[ticket].request);
                    self.calls.release(ticket);
                }
            }
        }
    }

    /// The rebalance of a bucket is over. Appends the calls that begin now.
    pub fn resume(&mut self, consumer: u32, started: &mut Vec<Started>) {
        let consumer = &mut self.consumers[consumer as usize];
        consumer.pauses = false;
        for lane in &mut consumer.lanes {
            while lane.serving.len() < self.workers
                && let Some(ticket) = lane.waiting.pop_front()
            {
                lane.serving.push(ticket);
                started.push(Started { ticket, request: self.calls[ticket].request });
            }
        }
    }

    /// A call is written to a partition of a model's topic; a partition that does not exist counts as one that does.
    pub fn submit(&mut self, model: ModelId, partition: u32, request: u32) -> Submitted {
        let place = self.consumer_of(model);
        let shares = self.sharing.shares(place);
        let partition = partition % shares.partitions;
        let owner = shares.owner(partition);
        let order = self.submitted;
        self.submitted += 1;
        let replica = owner.unwrap_or_default();
        let ticket = self.calls.insert(Call { request, consumer: place, replica, partition, order });
        let consumer = &mut self.consumers[place as usize];
        let Some(replica) = owner else {
            consumer.stranded.push_back(ticket);
            return Submitted { ticket, starts: false };
        };
        let pauses = consumer.pauses;
        let lane = consumer.lane(replica);
        let starts = !pauses && lane.serving.len() < self.workers;
        if starts {
            lane.serving.push(ticket);
        } else {
            lane.waiting.push_back(ticket);
        }
        Submitted { ticket, starts }
    }

    /// A worker's model has answered, or the worker has given up. Says which call the worker begins next.
    pub fn finish(&mut self, ticket: u32) -> Option<Started> {
        let Call { consumer, replica, .. } = self.calls[ticket];
        let consumer = &mut self.consumers[consumer as usize];
        let pauses = consumer.pauses;
        let lane = consumer.lane(replica);
        let place = lane.serving.iter().position(|&other| other == ticket)?;
        lane.serving.swap_remove(place);
        self.calls.release(ticket);
        if pauses {
            return None;
        }
        let ticket = lane.waiting.pop_front()?;
        lane.serving.push(ticket);
        Some(Started { ticket, request: self.calls[ticket].request })
    }

    /// Calls that workers have in hand.
    pub fn serving(&self) -> usize {
        self.consumers.iter().flat_map(|consumer| &consumer.lanes).map(|lane| lane.serving.len()).sum()
    }

    /// Calls that no worker has begun.
    pub fn waiting(&self) -> usize {
        self.calls.len() - self.serving()
    }

    /// What waits goes to the replicas that now read its partitions, in the order of arrival.
    fn hand_over(&mut self, paused: &[u32]) {
        for &place in paused {
            let shares = self.sharing.shares(place);
            let consumer = &mut self.consumers[place as usize];
            consumer.pauses = true;
            let mut unread: Vec<u32> = consumer.stranded.drain(..).collect();
            for lane in &mut consumer.lanes {
                unread.extend(lane.waiting.drain(..));
            }
            unread.sort_unstable_by_key(|&ticket| self.calls[ticket].order);
            for ticket in unread {
                match shares.owner(self.calls[ticket].partition) {
                    Some(replica) => {
                        self.calls[ticket].replica = replica;
                        consumer.lane(replica).waiting.push_back(ticket);
                    }
                    None => consumer.stranded.push_back(ticket),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODEL: ModelId = ModelId::new(0);

    fn spec(partitions: u32, workers: u32) -> DataflowSpec {
        DataflowSpec { partitions, workers, ..DataflowSpec::default() }
    }

    /// A gateway of one model whose replicas have joined and come to rest.
    fn gateway(partitions: u32, workers: u32, replicas: u32) -> ModelGateway {
        let mut gateway = ModelGateway::new(&spec(partitions, workers), ["m"]);
        for ordinal in 0..replicas {
            gateway.join(ordinal, &mut Vec::new());
        }
        gateway.resume(0, &mut Vec::new());
        gateway
    }

    #[test]
    fn fnv_1a_of_published_vectors() {
        // From the algorithm's own test suite, 32 bits: "" is 0x811c9dc5, "a" is 0xe40c292c, "foobar" is 0xbf9cf968.
        for (text, hash) in [("", 0x811c_9dc5_u32), ("a", 0xe40c_292c), ("foobar", 0xbf9c_f968)] {
            assert_eq!(bucket(text, u32::MAX), hash);
            assert_eq!(bucket(text, 100), hash % 100);
        }
        assert_eq!(bucket("a", 0), 0, "no bucket counts as one");
    }

    #[test]
    fn limits_of_services() {
        assert_eq!(replica_limit(7, 100, 2), 14);
        assert_eq!(replica_limit(205, 100, 2), 200);
        assert_eq!(replica_limit(0, 100, 3), 1);
        let spec = DataflowSpec { partitions: 2, max_num_consumers: 5, ..DataflowSpec::default() };
        assert_eq!(Service::ModelGateway.limit(200, &spec), 10);
        assert_eq!(Service::DataflowEngine.limit(200, &spec), 200, "100 × 2 whatever the setting");
    }

    #[test]
    fn a_key_goes_to_the_servers_that_follow_it() {
        let mut ring = HashRing::default();
        for server in 0..5 {
            ring.add(&format!("s-{server}"), server);
        }
        ring.add("s-3", 3);
        assert_eq!((ring.len(), ring.servers_per_key(9), ring.servers_per_key(2)), (5, 5, 2));
        let all: Vec<u32> = ring.servers("key", 5).collect();
        let first_two: Vec<u32> = ring.servers("key", 2).collect();
        assert_eq!(first_two, all[..2]);
        // Whoever leaves hands over to the next one; the rest stay.
        ring.remove(&format!("s-{}", all[0]));
        assert_eq!(ring.servers("key", 5).collect::<Vec<_>>(), all[1..]);
    }

    #[test]
    fn partitions_are_shared_in_ranges() {
        let shares = |replicas: u32, partitions| Shares { replicas: (10..10 + replicas).collect(), partitions };
        for (replicas, partitions, bounds) in [
            (1, 3, &[(0, 3)][..]),
            (2, 5, &[(0, 3), (3, 5)]),
            (3, 3, &[(0, 1), (1, 2), (2, 3)]),
            (3, 2, &[(0, 1), (1, 2), (2, 2)]),
        ] {
            let ranges: Vec<Range<u32>> = bounds.iter().map(|&(begin, end)| begin..end).collect();
            let shares = shares(replicas, partitions);
            let seen: Vec<_> = (10..10 + replicas).map(|replica| shares.partitions_of(replica)).collect();
            assert_eq!(seen, ranges);
            for (replica, range) in (10..).zip(ranges) {
                assert!(range.clone().all(|partition| shares.owner(partition) == Some(replica)));
                assert_eq!(shares.pick(replica, 4).is_some(), !range.is_empty());
            }
            assert_eq!(shares.owner(partitions), None);
        }
        assert_eq!(shares(2, 5).pick(10, 4), Some(1), "4 mod 3");
        assert_eq!((Shares::default().owner(0), Shares::default().partitions_of(0)), (None, 0..0));
    }

    #[test]
    fn workers_bound_what_is_in_flight_and_the_rest_waits_in_order() {
        let mut gateway = gateway(1, 2, 3);
        let submitted: Vec<Submitted> = (0..4).map(|request| gateway.submit(MODEL, 0, request)).collect();
        assert_eq!(submitted.iter().map(|call| call.starts).collect::<Vec<_>>(), [true, true, false, false]);
        assert_eq!((gateway.serving(), gateway.waiting()), (2, 2), "one partition, so one replica of three works");
        let next = gateway.finish(submitted[1].ticket);
        assert_eq!(next, Some(Started { ticket: submitted[2].ticket, request: 2 }));
        let next = gateway.finish(submitted[0].ticket).expect("the fourth waits");
        assert_eq!(next.request, 3);
        assert_eq!(gateway.finish(next.ticket), None);
        assert_eq!((gateway.serving(), gateway.waiting()), (1, 0));
    }

    #[test]
    fn partitions_times_workers_are_in_flight_when_replicas_suffice() {
        for (replicas, in_flight) in [(1, 2), (2, 4), (3, 6), (9, 6)] {
            let mut gateway = gateway(3, 2, replicas);
            let starts = (0..30).filter(|&request| gateway.submit(MODEL, request % 3, request).starts).count();
            assert_eq!(starts, in_flight);
        }
    }

    #[test]
    fn a_rebalance_pauses_and_keeps_the_order() {
        let mut gateway = gateway(1, 1, 0);
        let stranded = gateway.submit(MODEL, 0, 7);
        assert!(!stranded.starts, "nobody reads");
        let (mut paused, mut started) = (Vec::new(), Vec::new());
        gateway.join(0, &mut paused);
        assert_eq!(paused, [0]);
        assert!(!gateway.submit(MODEL, 0, 8).starts, "the bucket changes hands");
        gateway.resume(0, &mut started);
        assert_eq!(started, [Started { ticket: stranded.ticket, request: 7 }]);
        let (mut paused, mut lost) = (Vec::new(), Vec::new());
        gateway.leave(0, &mut paused, &mut lost);
        assert_eq!((paused, lost), (vec![0], vec![7]));
        assert_eq!((gateway.serving(), gateway.waiting()), (0, 1));
        gateway.join(1, &mut Vec::new());
        started.clear();
        gateway.resume(0, &mut started);
        assert_eq!(started.iter().map(|call| call.request).collect::<Vec<_>>(), [8]);
    }

    #[test]
    fn models_of_one_bucket_share_its_workers() {
        let one_bucket = DataflowSpec { max_num_consumers: 1, ..spec(1, 1) };
        let mut gateway = ModelGateway::new(&one_bucket, ["slow", "fast"]);
        gateway.join(0, &mut Vec::new());
        gateway.resume(0, &mut Vec::new());
        assert!(gateway.submit(ModelId::new(0), 0, 0).starts);
        assert!(!gateway.submit(ModelId::new(1), 0, 1).starts);
    }
}
