//! Servers: what the operator wants of each, and what its connected replicas hold.
//!
//! All replicas of a server are alike. A replica counts from its agent's subscription until the stream closes; its figure of
//! available memory changes only with messages of its agent, so what is asked for in between stands as reserved beside it.
//!
//! Source of the rules: scheduler `pkg/store` (`mesh.go`, `memory.go`).

use crate::units::ModelId;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// A version of a model.
pub type VersionKey = (ModelId, u32);

/// What the operator tells of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerCounts {
    /// Replicas there should be.
    pub expected: u32,
    /// Least; 0 is unset.
    pub min: u32,
    /// Most; 0 is unset and keeps the server from growing by itself.
    pub max: u32,
}

/// A connected replica.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerReplica {
    pub(super) available_bytes: u64,
    pub(super) reserved_bytes: u64,
    pub(super) draining: bool,
    pub(super) capabilities: Vec<String>,
    pub(super) loaded: BTreeSet<VersionKey>,
    pub(super) loading: BTreeSet<VersionKey>,
    /// Models that wait to be placed elsewhere, while it drains.
    pub(super) to_move: Vec<ModelId>,
    /// While it drains: models that must be available elsewhere before the pod may stop; `None` until they were placed.
    pub(super) moving: Option<BTreeSet<ModelId>>,
}

impl ServerReplica {
    /// A replica with this much memory, overcommit included, and these capabilities.
    pub fn new(available_bytes: u64, capabilities: &[String]) -> Self {
        let capabilities = capabilities.iter().map(|capability| capability.trim().to_owned()).collect();
        Self { available_bytes, capabilities, ..Self::default() }
    }

    /// The same replica with this much memory reserved, draining or not: where a recorded case begins.
    #[must_use]
    pub fn with_books(self, reserved_bytes: u64, draining: bool) -> Self {
        Self { reserved_bytes, draining, ..self }
    }

    /// Available memory, overcommit included, as its agent last told.
    pub const fn available_bytes(&self) -> u64 {
        self.available_bytes
    }

    /// Memory of models that have been assigned and not yet loaded.
    pub const fn reserved_bytes(&self) -> u64 {
        self.reserved_bytes
    }

    /// True once it has announced its end.
    pub const fn draining(&self) -> bool {
        self.draining
    }

    /// Versions that are loaded, or not yet unloaded.
    pub const fn loaded(&self) -> &BTreeSet<VersionKey> {
        &self.loaded
    }

    /// Versions that are being loaded.
    pub const fn loading(&self) -> &BTreeSet<VersionKey> {
        &self.loading
    }

    /// True without a loaded or loading model. One that has only been assigned does not count.
    pub fn is_empty(&self) -> bool {
        self.loaded.is_empty() && self.loading.is_empty()
    }

    /// Memory that is neither used nor reserved.
    pub const fn free_bytes(&self) -> u64 {
        self.available_bytes.saturating_sub(self.reserved_bytes)
    }

    pub(super) fn can(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|own| own == capability)
    }

    pub(super) fn release(&mut self, bytes: u64) {
        self.reserved_bytes = self.reserved_bytes.saturating_sub(bytes);
    }
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// `None` until the operator has told.
    pub(super) counts: Option<ServerCounts>,
    pub(super) shared: bool,
    pub(super) replicas: BTreeMap<u32, ServerReplica>,
}

impl Default for Server {
    fn default() -> Self {
        Self { counts: None, shared: true, replicas: BTreeMap::new() }
    }
}

impl Server {
    /// A server with these replicas; one that is not shared takes only models that ask for it.
    pub const fn new(counts: Option<ServerCounts>, shared: bool, replicas: BTreeMap<u32, ServerReplica>) -> Self {
        Self { counts, shared, replicas }
    }

    /// What the operator told, if it has.
    pub const fn counts(&self) -> Option<ServerCounts> {
        self.counts
    }

    /// Connected replicas by ordinal.
    pub const fn replicas(&self) -> &BTreeMap<u32, ServerReplica> {
        &self.replicas
    }

    /// Connected replicas that hold and load nothing.
    pub fn empty_replicas(&self) -> u32 {
        self.replicas.values().fold(0, |sum, replica| sum + u32::from(replica.is_empty()))
    }

    pub(super) fn can(&self, capability: &str) -> bool {
        self.replicas.values().next().is_some_and(|replica| replica.can(capability))
    }
}
