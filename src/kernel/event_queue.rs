//! Pending events in the order of time, then of the event itself.
//!
//! A 4-ary heap of 128-bit keys: time in the upper half, the packed event in the lower. One comparison decides, the order is
//! total and depends on nothing but the events, never on who was scheduled first. `pop` leaves the root open, since most
//! events schedule another one, which then fills it with a single sift. One event stands beside the heap: what is scheduled
//! next is often what happens next, and then costs no sift at all.

use crate::units::SimTime;
use std::marker::PhantomData;

/// An event that packs into 64 bits; the packed order is the order within an instant.
pub trait Packed: Copy {
    /// Rank in the upper bits, then the entity.
    fn pack(self) -> u64;
    /// The event that was packed.
    fn unpack(low: u64) -> Self;
}

/// Pending events.
#[derive(Clone, Debug)]
pub struct EventQueue<E> {
    /// Node `i` has the children `4i + 1 ..= 4i + 4`. While `open`, node 0 is a hole. Behind the last node stand [`VACANT`]
    /// ones up to a whole group of four, so that no group is ever looked at in part.
    heap: Vec<u128>,
    /// Nodes that are taken, the hole among them.
    taken: usize,
    open: bool,
    /// The event beside the heap, or [`VACANT`].
    beside: u128,
    kind: PhantomData<E>,
}

/// Later than every event.
const VACANT: u128 = u128::MAX;

/// Children of a node.
const GROUP: usize = 4;

impl<E: Packed> Default for EventQueue<E> {
    fn default() -> Self {
        Self { heap: vec![VACANT], taken: 0, open: false, beside: VACANT, kind: PhantomData }
    }
}

impl<E: Packed> EventQueue<E> {
    /// How many events are pending.
    pub fn len(&self) -> usize {
        self.taken - usize::from(self.open) + usize::from(self.beside != VACANT)
    }

    /// True if nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Schedules an event.
    #[inline]
    pub fn push(&mut self, at: SimTime, event: E) {
        let key = (u128::from(at.as_nanos()) << 64) | u128::from(event.pack());
        // The earlier of both stays beside the heap.
        let (key, beside) = if key < self.beside { (self.beside, key) } else { (key, self.beside) };
        self.beside = beside;
        if key != VACANT {
            self.push_into_heap(key);
        }
    }

    #[inline]
    fn push_into_heap(&mut self, key: u128) {
        if self.open {
            self.open = false;
            self.sift_down(key);
        } else {
            if self.taken == self.heap.len() {
                self.heap.resize(self.taken + GROUP, VACANT);
            }
            self.taken += 1;
            self.sift_up(key);
        }
    }

    /// Takes the next event.
    #[inline]
    pub fn pop(&mut self) -> Option<(SimTime, E)> {
        self.close();
        let first = self.heap[0];
        let key = if self.beside < first {
            std::mem::replace(&mut self.beside, VACANT)
        } else if self.taken == 0 {
            return None;
        } else {
            self.open = true;
            first
        };
        Some((SimTime::from_nanos((key >> 64) as u64), E::unpack(key as u64)))
    }

    /// Fills the hole that the last `pop` left.
    #[inline]
    fn close(&mut self) {
        if !self.open {
            return;
        }
        self.open = false;
        self.taken -= 1;
        let last = std::mem::replace(&mut self.heap[self.taken], VACANT);
        if self.taken > 0 {
            self.sift_down(last);
        }
    }

    #[inline]
    fn sift_up(&mut self, key: u128) {
        let heap = &mut self.heap[..];
        let mut node = self.taken - 1;
        while node > 0 {
            let parent = (node - 1) / GROUP;
            if heap[parent] <= key {
                break;
            }
            heap[node] = heap[parent];
            node = parent;
        }
        heap[node] = key;
    }

    /// Puts `key` into the hole at the root.
    #[inline]
    fn sift_down(&mut self, key: u128) {
        let heap = &mut self.heap[..];
        let mut node = 0;
        loop {
            let first = GROUP * node + 1;
            let Some(four) = heap.get(first..first + GROUP) else { break };
            let (a, low) = if four[1] < four[0] { (1, four[1]) } else { (0, four[0]) };
            let (b, high) = if four[3] < four[2] { (3, four[3]) } else { (2, four[2]) };
            let (child, least) = if high < low { (first + b, high) } else { (first + a, low) };
            if key <= least {
                break;
            }
            heap[node] = least;
            node = child;
        }
        heap[node] = key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Tag(u64);
    impl Packed for Tag {
        fn pack(self) -> u64 {
            self.0
        }
        fn unpack(low: u64) -> Self {
            Self(low)
        }
    }

    #[test]
    fn one_instant_follows_the_packed_order() {
        let mut queue = EventQueue::default();
        let now = SimTime::from_secs(1);
        queue.push(now, Tag(2));
        queue.push(now, Tag(1));
        assert_eq!(queue.pop(), Some((now, Tag(1))));
        queue.push(now, Tag(0)); // its rank has passed: it runs next
        assert_eq!(queue.pop(), Some((now, Tag(0))));
        assert_eq!(queue.pop(), Some((now, Tag(2))));
        assert_eq!(queue.pop(), None);
        assert!(queue.is_empty());
    }

    proptest! {
        #[test]
        fn pops_what_a_sorted_list_would(steps in prop::collection::vec((any::<bool>(), 0..40_u64, 0..9_u64), 1..400)) {
            let mut queue = EventQueue::<Tag>::default();
            let mut sorted = Vec::new();
            for (pop, at, tag) in steps {
                if pop {
                    sorted.sort_unstable();
                    let wanted = (!sorted.is_empty()).then(|| sorted.remove(0));
                    prop_assert_eq!(queue.pop().map(|(t, e)| (t.as_nanos(), e.0)), wanted);
                } else {
                    queue.push(SimTime::from_nanos(at), Tag(tag));
                    sorted.push((at, tag));
                }
                prop_assert_eq!(queue.len(), sorted.len());
            }
        }
    }
}
