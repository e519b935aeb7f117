//! Ends of service, earliest first. Whoever is taken away before is struck off at once and swept out later: overload with
//! impatient clients aborts as many services as it begins, and a search through the heap for each would be quadratic.

use crate::serving::Slot;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Marks (what they measure is the discipline's own affair) with the requests whose service ends there.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends {
    /// The least one is nobody's who was struck off.
    all: BinaryHeap<Reverse<(u64, Slot)>>,
    /// Struck off, and still in `all`.
    struck: BinaryHeap<Reverse<(u64, Slot)>>,
}

impl Ends {
    #[inline]
    pub(super) fn len(&self) -> u32 {
        (self.all.len() - self.struck.len()) as u32
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    #[inline]
    pub(super) fn push(&mut self, mark: u64, slot: Slot) {
        self.all.push(Reverse((mark, slot)));
    }

    /// The earliest.
    #[inline]
    pub(super) fn peek(&self) -> Option<(u64, Slot)> {
        self.all.peek().map(|Reverse(end)| *end)
    }

    /// Takes the earliest out.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<(u64, Slot)> {
        let Reverse(end) = self.all.pop()?;
        if !self.struck.is_empty() {
            self.sweep();
        }
        Some(end)
    }

    /// Takes out one that is there.
    pub(super) fn strike(&mut self, mark: u64, slot: Slot) {
        self.struck.push(Reverse((mark, slot)));
        self.sweep();
    }

    /// Drops from the top what was struck off, and all of it once it is more than half.
    fn sweep(&mut self) {
        while self.struck.peek().is_some_and(|struck| self.all.peek() == Some(struck)) {
            self.all.pop();
            self.struck.pop();
        }
        if 2 * self.struck.len() > self.all.len() {
            *self = Self { all: self.sorted().into_iter().map(Reverse).collect(), struck: BinaryHeap::new() };
        }
    }

    /// All of them, earliest first.
    pub(super) fn sorted(&self) -> Vec<(u64, Slot)> {
        let in_order = |heap: &BinaryHeap<Reverse<(u64, Slot)>>| {
            let mut ends: Vec<_> = heap.iter().map(|Reverse(end)| *end).collect();
            ends.sort_unstable();
            ends
        };
        let mut struck = in_order(&self.struck).into_iter().peekable();
        in_order(&self.all).into_iter().filter(|end| struck.next_if_eq(end).is_none()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against a sorted list: whatever is begun, ended and struck off, in whatever order, and with equal marks.
        #[test]
        fn as_a_sorted_list(steps in prop::collection::vec((0..4_u8, 0..6_u64, any::<prop::sample::Index>()), 0..200)) {
            let (mut ends, mut list) = (Ends::default(), Vec::new());
            for (number, (kind, mark, which)) in steps.into_iter().enumerate() {
                match kind {
                    0 | 1 => {
                        ends.push(mark, number as Slot);
                        list.push((mark, number as Slot));
                        list.sort_unstable();
                    }
                    2 if !list.is_empty() => {
                        let (mark, slot) = list.remove(which.index(list.len()));
                        ends.strike(mark, slot);
                    }
                    _ => {
                        let first = (!list.is_empty()).then(|| list.remove(0));
                        prop_assert_eq!(ends.pop(), first);
                    }
                }
                prop_assert_eq!(ends.peek(), list.first().copied());
                prop_assert_eq!((ends.len() as usize, ends.is_empty()), (list.len(), list.is_empty()));
                prop_assert_eq!(ends.sorted(), list.clone());
                prop_assert!(ends.all.len() <= 2 * list.len(), "what was struck off is not kept");
            }
        }
    }
}
