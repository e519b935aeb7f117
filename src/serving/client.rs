//! Timeouts. Those of one length fall due in the order in which they began, so a class of them is a list whose head alone
//! needs an event, and that only now and then: an event that comes too early looks at the head again.

use super::request::{List, Requests, Slot, Thread};
use crate::units::{SimTime, Span};

/// Timeouts of one length.
#[derive(Clone, Debug)]
pub struct TimeoutClass<T> {
    after: Span,
    list: List<T>,
    armed: bool,
}

impl<T: Thread> TimeoutClass<T> {
    /// Nobody waits yet.
    pub fn new(after: Span) -> Self {
        Self { after, list: List::default(), armed: false }
    }

    /// The length.
    pub const fn after(&self) -> Span {
        self.after
    }

    /// The clock of a request begins now. Returns when to look, if nobody is looking yet.
    #[inline]
    pub fn join(&mut self, now: SimTime, slot: Slot, requests: &mut Requests) -> Option<SimTime> {
        self.list.push(slot, requests);
        if self.armed {
            return None;
        }
        self.armed = true;
        Some(now + self.after)
    }

    /// The request is out of danger.
    #[inline]
    pub fn leave(&mut self, slot: Slot, requests: &mut Requests) {
        self.list.remove(slot, requests);
    }

    /// Somebody looks: the next request that is due, which leaves the class, or when to look again.
    pub fn due(&mut self, now: SimTime, began: impl Fn(Slot, &Requests) -> SimTime, requests: &mut Requests) -> Due {
        let Some(slot) = self.list.first() else {
            self.armed = false;
            return Due::Nobody;
        };
        let at = began(slot, requests) + self.after;
        if at > now {
            return Due::LookAt(at);
        }
        self.list.remove(slot, requests);
        Due::Now(slot)
    }
}

/// What a look at a class of timeouts finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// This request's time is up.
    Now(Slot),
    /// Nobody's, until then.
    LookAt(SimTime),
    /// The class is empty.
    Nobody,
}
