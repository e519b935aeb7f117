//! Typed indices: an id of one kind cannot index another kind's table.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

/// A dense index of one kind of entity.
pub trait Id: Copy {
    /// The id with this index.
    fn from_index(index: usize) -> Self;
    /// Its index.
    fn index(self) -> usize;
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        impl $name {
            /// The id with this number.
            pub const fn new(number: u32) -> Self {
                Self(number)
            }
            /// Its number.
            pub const fn number(self) -> u32 {
                self.0
            }
        }

        impl Id for $name {
            fn from_index(index: usize) -> Self {
                Self(u32::try_from(index).expect("fewer than 2^32 entities"))
            }
            fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

ids! {
    /// A pool of equal replicas: one Deployment, StatefulSet or ReplicaSet.
    PoolId,
    /// One replica of a run, counted over all pools and never used again.
    ReplicaId,
    /// A load generator.
    LoadId,
    /// An autoscaler.
    ScalerId,
    /// A metrics pipeline of the cluster.
    PipelineId,
    /// What a scaler can set the size of.
    TargetId,
    /// A Seldon Server: a pool whose replicas hold models.
    ServerId,
    /// A Seldon Model.
    ModelId,
    /// A Seldon Pipeline: steps from model to model.
    FlowId,
}

/// One value for each id of a kind, in the order of creation.
#[derive(Clone, PartialEq)]
pub struct Table<I, T> {
    rows: Vec<T>,
    kind: PhantomData<I>,
}

impl<I: Id, T> Table<I, T> {
    /// An empty table.
    pub const fn new() -> Self {
        Self { rows: Vec::new(), kind: PhantomData }
    }

    /// Adds a row and names it.
    pub fn push(&mut self, row: T) -> I {
        let id = I::from_index(self.rows.len());
        self.rows.push(row);
        id
    }

    /// How many rows there are.
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// True without rows.
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All rows with their ids.
    pub fn iter(&self) -> impl Iterator<Item = (I, &T)> {
        self.rows.iter().enumerate().map(|(index, row)| (I::from_index(index), row))
    }

    /// All rows with their ids, to change.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (I, &mut T)> {
        self.rows.iter_mut().enumerate().map(|(index, row)| (I::from_index(index), row))
    }

    /// All ids.
    pub fn ids(&self) -> impl Iterator<Item = I> + use<I, T> {
        (0..self.rows.len()).map(I::from_index)
    }

    /// The row of this id, if there is one.
    pub fn get(&self, id: I) -> Option<&T> {
        self.rows.get(id.index())
    }
}

impl<I: Id, T> Default for Table<I, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<I: Id, T> FromIterator<T> for Table<I, T> {
    fn from_iter<R: IntoIterator<Item = T>>(rows: R) -> Self {
        Self { rows: rows.into_iter().collect(), kind: PhantomData }
    }
}

impl<I: Id, T> Index<I> for Table<I, T> {
    type Output = T;
    fn index(&self, id: I) -> &T {
        &self.rows[id.index()]
    }
}

impl<I: Id, T> IndexMut<I> for Table<I, T> {
    fn index_mut(&mut self, id: I) -> &mut T {
        &mut self.rows[id.index()]
    }
}

impl<I, T: fmt::Debug> fmt::Debug for Table<I, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rows.fmt(f)
    }
}

/// Slots that are used again: memory follows what is alive, not what has ever been.
#[derive(Clone, Debug)]
pub struct Slab<T> {
    slots: Vec<T>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    /// Puts a value into a free slot.
    pub fn insert(&mut self, value: T) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = value;
            return slot;
        }
        self.slots.push(value);
        u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 values alive")
    }

    /// Gives the slot back. The value stays readable until the slot is used again.
    pub fn release(&mut self, slot: u32) {
        self.free.push(slot);
    }

    /// All slots that were ever used, those given back included.
    pub fn slots(&self) -> impl Iterator<Item = u32> + use<T> {
        0..u32::try_from(self.slots.len()).expect("fewer than 2^32 values alive")
    }

    /// How many values are alive.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// True if no value is alive.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Index<u32> for Slab<T> {
    type Output = T;
    fn index(&self, slot: u32) -> &T {
        &self.slots[slot as usize]
    }
}

impl<T> IndexMut<u32> for Slab<T> {
    fn index_mut(&mut self, slot: u32) -> &mut T {
        &mut self.slots[slot as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_used_again() {
        let mut slab = Slab::default();
        let first = slab.insert('a');
        slab.insert('b');
        slab.release(first);
        assert_eq!(slab.insert('c'), first);
        assert_eq!(slab.len(), 2);
        assert_eq!(slab[first], 'c');
    }
}
