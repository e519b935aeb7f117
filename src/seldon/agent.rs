//! The memory book of one agent: which models its server replica holds, in memory or on disk only.
//!
//! Law: a request for a model in memory costs O(1) and allocates nothing. Recency is the order of the calls: they come in the
//! order of simulated time, so a list in which the model just used goes last is sorted by time, and by order within an instant.
//!
//! Memory is taken when a load begins, and the model joins the list when it ends: what is being loaded cannot be evicted.
//! Evicting does not wait for requests in service. What was evicted for a load that then finds no room stays evicted. A model
//! version that must be told from another of the same model needs an id of its own.
//!
//! Source of the rules: scheduler `pkg/agent/state_manager.go` and `pkg/agent/cache/lru_cache_manager.go`.

use crate::units::Id;
use crate::units::id::ModelId;

/// No model.
const NONE: u32 = u32::MAX;

/// Where a model is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Residence {
    /// Not on this replica.
    #[default]
    Absent,
    /// On its way into memory for the first time.
    Loading,
    /// In the inference server.
    InMemory,
    /// On the local disk only.
    Evicted,
    /// On its way from the local disk back into memory.
    Reloading,
}

/// What becomes of a load that the scheduler asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// Room was made; say [`AgentCache::loaded`] or [`AgentCache::load_failed`] when it is over.
    Started,
    /// The model is registered already, in memory or not: a success without any work.
    AlreadyRegistered,
    /// It does not fit even into an empty server: the load has failed.
    NoRoom,
}

/// What becomes of a model that the scheduler wants unloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unload {
    /// The inference server must unload it.
    FromMemory,
    /// It was on disk only.
    FromDisk,
    /// It was never here: an error.
    Unknown,
}

/// What a request for a model finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Infer {
    /// The model is in memory.
    Hit,
    /// The model is on its way into memory: wait for the same load.
    Wait,
    /// Room was made and the model is being loaded again, without a download; say [`AgentCache::loaded`] or
    /// [`AgentCache::load_failed`] when it is over.
    Reload,
    /// There is no room for it beside what is being loaded: the request fails.
    NoRoom,
    /// The model is not on this replica: the request fails.
    Unknown,
}

/// What the record wants to know of an agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheCounts {
    /// Loads begun for the scheduler.
    pub loads: u64,
    /// Loads begun for a request.
    pub reloads: u64,
    /// Models sent from memory to disk.
    pub evictions: u64,
    /// Loads and requests that found no room.
    pub no_room: u64,
}

/// The book of one agent.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentCache {
    memory_bytes: u64,
    overcommit_bytes: u64,
    /// In memory, and on the way into it.
    used_bytes: u64,
    /// A sum of what overcommits: it may be more than 64 bits hold.
    registered_bytes: u128,
    slots: Vec<Slot>,
    /// Least recently used model in memory.
    oldest: u32,
    /// Most recently used model in memory.
    newest: u32,
    counts: CacheCounts,
}

/// One model's line.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Slot {
    bytes: u64,
    residence: Residence,
    /// Neighbours in the list of models in memory.
    older: u32,
    newer: u32,
}

impl Slot {
    const ABSENT: Self = Self { bytes: 0, residence: Residence::Absent, older: NONE, newer: NONE };
}

impl AgentCache {
    /// An agent without models.
    pub fn new(memory_bytes: u64, overcommit_percent: u32) -> Self {
        Self {
            memory_bytes,
            // Single precision, as upstream computes it: the scheduler sees the same figure to the byte.
            overcommit_bytes: (overcommit_percent as f32 / 100.0 * memory_bytes as f32) as u64,
            used_bytes: 0,
            registered_bytes: 0,
            slots: Vec::new(),
            oldest: NONE,
            newest: NONE,
            counts: CacheCounts::default(),
        }
    }

    /// The scheduler asks for a model that needs this much memory. Appends what had to leave memory for it, in order, even
    /// if it was not enough.
    pub fn load(&mut self, model: ModelId, bytes: u64, evicted: &mut Vec<ModelId>) -> Load {
        if self.residence(model) != Residence::Absent {
            return Load::AlreadyRegistered;
        }
        if !self.make_room(bytes, evicted) {
            return Load::NoRoom;
        }
        if model.index() >= self.slots.len() {
            self.slots.resize(model.index() + 1, Slot::ABSENT);
        }
        self.slots[model.index()] = Slot { bytes, residence: Residence::Loading, ..Slot::ABSENT };
        self.registered_bytes += u128::from(bytes);
        self.used_bytes += bytes;
        self.counts.loads += 1;
        Load::Started
    }

    /// A load or reload has ended well: the model is in memory, and the most recently used.
    pub fn loaded(&mut self, model: ModelId) {
        if matches!(self.residence(model), Residence::Loading | Residence::Reloading) {
            self.slots[model.index()].residence = Residence::InMemory;
            self.append(model);
        }
    }

    /// A load or reload has failed: after a load the model is forgotten, after a reload it is on disk as before.
    pub fn load_failed(&mut self, model: ModelId) {
        match self.residence(model) {
            Residence::Loading => {
                self.unload(model);
            }
            Residence::Reloading => {
                let slot = &mut self.slots[model.index()];
                slot.residence = Residence::Evicted;
                self.used_bytes -= slot.bytes;
            }
            Residence::Absent | Residence::InMemory | Residence::Evicted => {}
        }
    }

    /// The scheduler wants a model gone.
    pub fn unload(&mut self, model: ModelId) -> Unload {
        let residence = self.residence(model);
        if residence == Residence::Absent {
            return Unload::Unknown;
        }
        if residence == Residence::InMemory {
            self.detach(model);
        }
        let bytes = self.slots[model.index()].bytes;
        self.slots[model.index()] = Slot::ABSENT;
        self.registered_bytes -= u128::from(bytes);
        if residence == Residence::Evicted {
            return Unload::FromDisk;
        }
        self.used_bytes -= bytes;
        Unload::FromMemory
    }

    /// A request for a model arrives. Appends what had to leave memory for it, in order, even if it was not enough.
    pub fn infer(&mut self, model: ModelId, evicted: &mut Vec<ModelId>) -> Infer {
        match self.residence(model) {
            Residence::Absent => Infer::Unknown,
            Residence::Loading | Residence::Reloading => Infer::Wait,
            Residence::InMemory => {
                self.detach(model);
                self.append(model);
                Infer::Hit
            }
            Residence::Evicted => {
                let bytes = self.slots[model.index()].bytes;
                if !self.make_room(bytes, evicted) {
                    return Infer::NoRoom;
                }
                self.slots[model.index()].residence = Residence::Reloading;
                self.used_bytes += bytes;
                self.counts.reloads += 1;
                Infer::Reload
            }
        }
    }

    /// Where a model is.
    pub fn residence(&self, model: ModelId) -> Residence {
        self.slots.get(model.index()).map_or(Residence::Absent, |slot| slot.residence)
    }

    /// The models in memory, by id.
    pub fn in_memory(&self) -> impl Iterator<Item = ModelId> + '_ {
        self.models(|residence| residence == Residence::InMemory)
    }

    /// The models that the scheduler has loaded and not unloaded, by id, in memory or not.
    pub fn registered(&self) -> impl Iterator<Item = ModelId> + '_ {
        self.models(|residence| residence != Residence::Absent)
    }

    /// Memory of the server replica.
    pub const fn memory_bytes(&self) -> u64 {
        self.memory_bytes
    }

    /// Sum of the registered models.
    pub const fn registered_bytes(&self) -> u128 {
        self.registered_bytes
    }

    /// Memory that no model occupies.
    pub const fn available_bytes(&self) -> u64 {
        self.memory_bytes - self.used_bytes
    }

    /// What the agent tells the scheduler: free memory and the whole overcommit while the registered models would fit into
    /// memory, afterwards what is left of the overcommit.
    pub fn available_for_scheduler_bytes(&self) -> u64 {
        match self.registered_bytes.checked_sub(u128::from(self.memory_bytes)) {
            None | Some(0) => self.available_bytes().saturating_add(self.overcommit_bytes),
            Some(overcommitted) => {
                let left = u128::from(self.overcommit_bytes).saturating_sub(overcommitted);
                u64::try_from(left).expect("less than the overcommit")
            }
        }
    }

    /// What has happened so far.
    pub const fn counts(&self) -> &CacheCounts {
        &self.counts
    }

    fn models(&self, which: impl Fn(Residence) -> bool) -> impl Iterator<Item = ModelId> {
        let slots = self.slots.iter().enumerate();
        slots.filter(move |(_, slot)| which(slot.residence)).map(|(index, _)| ModelId::from_index(index))
    }

    /// Evicts the least recently used until `bytes` are free; false if that is not to be had.
    fn make_room(&mut self, bytes: u64, evicted: &mut Vec<ModelId>) -> bool {
        while self.available_bytes() < bytes {
            if self.oldest == NONE {
                self.counts.no_room += 1;
                return false;
            }
            let model = ModelId::new(self.oldest);
            self.detach(model);
            let slot = &mut self.slots[model.index()];
            slot.residence = Residence::Evicted;
            self.used_bytes -= slot.bytes;
            self.counts.evictions += 1;
            evicted.push(model);
        }
        true
    }

    fn detach(&mut self, model: ModelId) {
        let Slot { older, newer, .. } = self.slots[model.index()];
        match older {
            NONE => self.oldest = newer,
            older => self.slots[older as usize].newer = newer,
        }
        match newer {
            NONE => self.newest = older,
            newer => self.slots[newer as usize].older = older,
        }
    }

    fn append(&mut self, model: ModelId) {
        let older = self.newest;
        let slot = &mut self.slots[model.index()];
        (slot.older, slot.newer) = (older, NONE);
        match older {
            NONE => self.oldest = model.number(),
            older => self.slots[older as usize].newer = model.number(),
        }
        self.newest = model.number();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ModelId = ModelId::new(0);
    const B: ModelId = ModelId::new(1);
    const C: ModelId = ModelId::new(2);

    /// Memory 100 with 50% on top, and these models of 50 each loaded one after the other.
    fn agent(models: &[ModelId]) -> AgentCache {
        let mut agent = AgentCache::new(100, 50);
        for &model in models {
            load(&mut agent, model, 50);
        }
        agent
    }

    fn load(agent: &mut AgentCache, model: ModelId, bytes: u64) -> (Load, Vec<ModelId>) {
        let mut evicted = Vec::new();
        let load = agent.load(model, bytes, &mut evicted);
        agent.loaded(model);
        (load, evicted)
    }

    fn infer(agent: &mut AgentCache, model: ModelId) -> (Infer, Vec<ModelId>) {
        let mut evicted = Vec::new();
        (agent.infer(model, &mut evicted), evicted)
    }

    #[test]
    fn the_least_recently_used_leaves() {
        let mut agent = agent(&[A, B]);
        assert_eq!(infer(&mut agent, A), (Infer::Hit, vec![]));
        assert_eq!(load(&mut agent, C, 50), (Load::Started, vec![B]));
        assert_eq!(agent.in_memory().collect::<Vec<_>>(), [A, C]);
        assert_eq!(agent.registered().collect::<Vec<_>>(), [A, B, C]);
        assert_eq!(infer(&mut agent, B), (Infer::Reload, vec![A]));
        assert_eq!(infer(&mut agent, B), (Infer::Wait, vec![]));
        agent.loaded(B);
        assert_eq!(infer(&mut agent, B), (Infer::Hit, vec![]));
        let counts = CacheCounts { loads: 3, reloads: 1, evictions: 2, no_room: 0 };
        assert_eq!(*agent.counts(), counts);
    }

    #[test]
    fn available_memory_as_told_to_the_scheduler() {
        let mut agent = agent(&[]);
        for (model, told) in [(A, 100), (B, 50), (C, 0)] {
            load(&mut agent, model, 50);
            assert_eq!(agent.available_for_scheduler_bytes(), told);
        }
        assert_eq!(agent.available_bytes(), 0);
        // A is on disk only: without C the rest would fit into memory, and what C leaves counts whole.
        assert_eq!(agent.unload(C), Unload::FromMemory);
        assert_eq!((agent.available_bytes(), agent.available_for_scheduler_bytes()), (50, 100));
        assert_eq!(agent.unload(A), Unload::FromDisk);
        assert_eq!(agent.unload(A), Unload::Unknown);
        assert_eq!(agent.available_for_scheduler_bytes(), 100);
    }

    #[test]
    fn what_was_evicted_in_vain_stays_evicted() {
        let mut agent = agent(&[A, B]);
        assert_eq!(load(&mut agent, C, 101), (Load::NoRoom, vec![A, B]));
        assert_eq!((agent.residence(A), agent.residence(C)), (Residence::Evicted, Residence::Absent));
        assert_eq!((agent.available_bytes(), agent.registered_bytes()), (100, 100));
    }

    #[test]
    fn what_is_being_loaded_cannot_be_evicted() {
        let mut agent = agent(&[A]);
        assert_eq!(agent.load(B, 80, &mut Vec::new()), Load::Started);
        assert_eq!(infer(&mut agent, A), (Infer::NoRoom, vec![]));
        agent.load_failed(B);
        assert_eq!(agent.residence(B), Residence::Absent);
        assert_eq!(infer(&mut agent, A), (Infer::Reload, vec![]));
        agent.load_failed(A);
        assert_eq!((agent.residence(A), agent.available_bytes()), (Residence::Evicted, 100));
    }

    #[test]
    fn a_second_load_is_no_work() {
        let mut agent = agent(&[A, B]);
        assert_eq!(load(&mut agent, A, 50), (Load::AlreadyRegistered, vec![]));
        assert_eq!(load(&mut agent, C, 50).1, [A], "and no use");
        assert_eq!(infer(&mut agent, ModelId::new(9)), (Infer::Unknown, vec![]));
    }

    #[test]
    fn overcommit_has_single_precision() {
        // A tenth in single precision is 13421773 / 2^27; of 2^34 bytes that is 13421773 * 128. Exactly it is 1717986918.
        let told = AgentCache::new(1 << 34, 10).available_for_scheduler_bytes();
        assert_eq!(told, (1 << 34) + 13_421_773 * 128);
        assert_eq!(AgentCache::new(100, 0).available_for_scheduler_bytes(), 100);
    }
}
