//! Closed loop: users who think, send a request, wait for its end, and think again.
//!
//! User k is the same in every run of a seed, whatever the policy: its thinking and its work come from its own stream, and
//! the highest-numbered users leave first, so that those present are always 0..n. A user who comes again goes on in its
//! stream. One who leaves lets a request in flight end and sends no more; should it be back before that end, the old
//! request is not waited for.

use super::load::Arrival;
use super::population::Change;
use super::population::Population;
use super::spec::UsersSpec;
use crate::random::Law;
use crate::random::Stream;
use crate::random::Streams;
use crate::units::SimTime;
use crate::units::Slab;
use crate::units::Span;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The users of a load.
pub(super) struct Users {
    think: Law,
    first_request: bool,
    population: Population,
    streams: Streams,
    path: String,
    /// All who ever were; those below `present` are here.
    users: Vec<User>,
    present: u32,
    due: BinaryHeap<Reverse<Due>>,
    /// Requests sent while the user's former one, from before it left, was still in flight.
    overlapping: Slab<Sent>,
}

struct User {
    stream: Stream,
    /// How often it has left.
    stay: u32,
    /// The stay in which the request was sent that is in flight under the user's own number.
    in_flight: Option<u32>,
}

/// When a user sends its next request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: SimTime,
    user: u32,
    stay: u32,
}

/// Who sent a request, and in which stay.
#[derive(Clone, Copy)]
struct Sent {
    user: u32,
    stay: u32,
}

/// Handles of overlapping requests count down from here; the very last number is left to callers as "nobody".
const LAST_HANDLE: u32 = u32::MAX - 1;

impl Users {
    pub(super) fn new(spec: &UsersSpec, scale: f64, from: SimTime, streams: &Streams, path: String) -> Self {
        Self {
            think: spec.think.clone(),
            first_request: spec.first_request,
            population: Population::new(spec, scale, from),
            streams: streams.clone(),
            path,
            users: Vec::new(),
            present: 0,
            due: BinaryHeap::new(),
            overlapping: Slab::default(),
        }
    }

    #[inline]
    pub(super) fn next_at(&self) -> SimTime {
        let request = self.due.peek().map_or(SimTime::NEVER, |Reverse(due)| due.at);
        request.min(self.population.next_at())
    }

    /// Users come or go, or else one sends its request.
    pub(super) fn fire(&mut self, now: SimTime) -> Option<Arrival> {
        if self.population.next_at() == now {
            match self.population.change(now) {
                Change::Restart(count) => {
                    self.become_many(now, 0);
                    self.become_many(now, count);
                }
                Change::To(count) => self.become_many(now, count),
            }
            return None;
        }
        let Reverse(Due { user, stay, .. }) = self.due.pop()?;
        self.forget_the_gone();
        let sender = &mut self.users[user as usize];
        let handle = if sender.in_flight.is_none() {
            sender.in_flight = Some(stay);
            user
        } else {
            LAST_HANDLE - self.overlapping.insert(Sent { user, stay })
        };
        Some(Arrival { user: Some(handle), demand: None })
    }

    /// A request of a user has ended, well or not: it thinks, unless it has left meanwhile.
    pub(super) fn ended(&mut self, now: SimTime, handle: u32) {
        let sent = match self.users.get_mut(handle as usize) {
            Some(user) => user.in_flight.take().map(|stay| Sent { user: handle, stay }),
            None => {
                let slot = LAST_HANDLE - handle;
                self.overlapping.release(slot);
                Some(self.overlapping[slot])
            }
        };
        debug_assert!(sent.is_some(), "a request ends once");
        if let Some(Sent { user, stay }) = sent
            && self.users[user as usize].stay == stay
        {
            self.think(now, user);
        }
    }

    pub(super) fn set_scale(&mut self, now: SimTime, scale: f64) {
        if let Some(count) = self.population.set_scale(now, scale) {
            self.become_many(now, count);
        }
    }

    /// The stream of the user who sent this request.
    pub(super) fn stream(&mut self, handle: u32) -> &mut Stream {
        let user = if (handle as usize) < self.users.len() {
            handle
        } else {
            self.overlapping[LAST_HANDLE - handle].user
        };
        &mut self.users[user as usize].stream
    }

    fn become_many(&mut self, now: SimTime, count: u32) {
        while self.present > count {
            self.present -= 1;
            self.users[self.present as usize].stay += 1;
        }
        while self.present < count {
            self.comes(now);
        }
        self.forget_the_gone();
    }

    fn comes(&mut self, now: SimTime) {
        let user = self.present;
        if self.users.len() == user as usize {
            let stream = self.streams.keyed(&self.path, u64::from(user));
            self.users.push(User { stream, stay: 0, in_flight: None });
        }
        self.present += 1;
        if self.first_request {
            let stay = self.users[user as usize].stay;
            self.due.push(Reverse(Due { at: now, user, stay }));
        } else {
            self.think(now, user);
        }
    }

    #[inline]
    fn think(&mut self, now: SimTime, user: u32) {
        let User { stream, stay, .. } = &mut self.users[user as usize];
        let at = now + Span::from_drawn_secs(self.think.sample(stream));
        self.due.push(Reverse(Due { at, user, stay: *stay }));
    }

    /// Requests of users who have left meanwhile are not sent.
    #[inline]
    fn forget_the_gone(&mut self) {
        while let Some(Reverse(due)) = self.due.peek()
            && self.users[due.user as usize].stay != due.stay
        {
            self.due.pop();
        }
    }
}
