//! Closed loop: users who think, send a request, wait for its end, and think again.
//!
//! User k is the same in every run of a seed, whatever the policy: its thinking and its work come from streams of its own, and
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
    thinking: Stream,
    work: Stream,
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

    /// The user who sent this request, and the stay in which it did.
    pub(super) fn sender(&self, handle: u32) -> (u32, u32) {
        match self.users.get(handle as usize) {
            Some(user) => (handle, user.in_flight.unwrap_or(user.stay)),
            None => {
                let Sent { user, stay } = self.overlapping[LAST_HANDLE - handle];
                (user, stay)
            }
        }
    }

    /// The stream of the works of the user who sent this request.
    pub(super) fn stream(&mut self, handle: u32) -> &mut Stream {
        let (user, _) = self.sender(handle);
        &mut self.users[user as usize].work
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
            // Apart, since a thought that leads to no request must not shift the works that follow.
            let thinking = self.streams.keyed(&self.path, u64::from(user));
            let work = self.streams.keyed(&format!("{}/work", self.path), u64::from(user));
            self.users.push(User { thinking, work, stay: 0, in_flight: None });
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
        let User { thinking, stay, .. } = &mut self.users[user as usize];
        let at = now + Span::from_drawn_secs(self.think.sample(thinking));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::UserStage;
    use rand::RngExt;

    fn users(think: Law, start: u32, stages: &[(u64, u32)], first_request: bool, repeat: Option<u64>) -> Users {
        let stages = stages
            .iter()
            .map(|(secs, target)| UserStage { duration: Span::from_secs(*secs), target: *target })
            .collect();
        let repeat_every = repeat.map(Span::from_secs);
        let spec = UsersSpec { think, start, stages, repeat_every, first_request };
        Users::new(&spec, 1.0, SimTime::ZERO, &Streams::new(1), "load/web/user".to_string())
    }

    /// Runs against a server that answers after `answer`; returns who asked, when.
    fn run(users: &mut Users, answer: Span, until: SimTime) -> Vec<(u64, u32)> {
        let mut asked = Vec::new();
        let mut answers: Vec<(SimTime, u32)> = Vec::new();
        loop {
            let ends = answers.iter().min().copied();
            let next = users.next_at().min(ends.map_or(SimTime::NEVER, |(at, _)| at));
            if next >= until {
                return asked;
            }
            if let Some((at, user)) = ends
                && at == next
            {
                answers.retain(|answer| *answer != (at, user));
                users.ended(at, user);
            } else if let Some(arrival) = users.fire(next) {
                let user = arrival.user.expect("a user");
                asked.push((next.as_nanos() / 1_000_000, user));
                answers.push((next + answer, user));
            }
        }
    }

    #[test]
    fn throughput_is_users_over_response_and_thinking() {
        // Two users, 3 s of thought, answers within 1 s: each asks at 3, 7, 11, ..., 39 s: 2/(1 + 3) a second over 40 s.
        let mut two = users(Law::constant(3.0), 2, &[], false, None);
        let asked = run(&mut two, Span::from_secs(1), SimTime::from_secs(40));
        assert_eq!(asked.len(), 20);
        assert_eq!(asked[..4], [(3_000, 0), (3_000, 1), (7_000, 0), (7_000, 1)]);
        // With answers of 7 s the same users send half of that.
        let mut two = users(Law::constant(3.0), 2, &[], false, None);
        assert_eq!(run(&mut two, Span::from_secs(7), SimTime::from_secs(40)).len(), 8);
    }

    #[test]
    fn the_highest_numbers_leave_first() {
        // Three at once, one after the other gone at 2, 4 and 6 s.
        let mut three = users(Law::constant(0.9), 3, &[(6, 0)], true, None);
        let asked = run(&mut three, Span::from_millis(100), SimTime::from_secs(100));
        let of = |user: u32| asked.iter().filter(|(_, who)| *who == user).map(|(at, _)| *at).collect::<Vec<_>>();
        assert_eq!(of(2), [0, 1_000]);
        assert_eq!(of(1), [0, 1_000, 2_000, 3_000]);
        assert_eq!(of(0), [0, 1_000, 2_000, 3_000, 4_000, 5_000]);
        assert_eq!(three.next_at(), SimTime::NEVER);
    }

    #[test]
    fn one_who_returns_does_not_wait_for_its_old_request() {
        // All begin again each 10 s, and the first answer takes 25 s.
        let mut one = users(Law::constant(1.0), 1, &[], true, Some(10));
        let secs = SimTime::from_secs;
        let none = None::<Arrival>;
        assert_eq!(one.fire(secs(0)), none);
        let first = one.fire(secs(0)).and_then(|arrival| arrival.user);
        assert_eq!(first, Some(0));
        assert_eq!((one.next_at(), one.fire(secs(10))), (secs(10), none));
        let second = one.fire(secs(10)).and_then(|arrival| arrival.user).expect("a request");
        assert_ne!(second, 0);
        one.ended(secs(12), second);
        assert_eq!(one.next_at(), secs(13));
        let third = one.fire(secs(13)).and_then(|arrival| arrival.user).expect("a request");
        // The end of the very first request, twelve seconds late, wakes nobody.
        one.ended(secs(15), 0);
        assert_eq!(one.next_at(), secs(20));
        assert_eq!(one.fire(secs(20)), none);
        let fourth = one.fire(secs(20)).and_then(|arrival| arrival.user);
        assert_eq!(fourth, Some(0), "its own number is free again");
        one.ended(secs(21), third);
        assert_eq!(one.next_at(), secs(30));
        one.ended(secs(22), 0);
        assert_eq!(one.next_at(), secs(23));
    }

    #[test]
    fn a_user_is_itself_whatever_the_others_do() {
        let think = || Law::exponential(5.0).expect("a law");
        let first_of =
            |asked: Vec<(u64, u32)>| asked.into_iter().find(|(_, user)| *user == 3).expect("a request of user 3");
        let mut few = users(think(), 4, &[], false, None);
        let mut many = users(think(), 40, &[], false, None);
        let few = run(&mut few, Span::from_secs(1), SimTime::from_secs(100));
        let many = run(&mut many, Span::from_secs(9), SimTime::from_secs(100));
        assert_eq!(first_of(few), first_of(many));
    }

    #[test]
    fn a_new_scale_sends_users_home_at_once() {
        let mut ten = users(Law::constant(2.0), 10, &[], true, None);
        let now = SimTime::from_secs(1);
        run(&mut ten, Span::from_millis(500), now);
        ten.set_scale(now, 0.25);
        let asked = run(&mut ten, Span::from_secs(50), SimTime::from_secs(20));
        // 2.5 round to 3. They had been answered at 0.5 s and think until 2.5 s.
        assert_eq!(asked, [(2_500, 0), (2_500, 1), (2_500, 2)]);
        ten.set_scale(SimTime::from_secs(20), 0.4);
        assert_eq!(ten.next_at(), SimTime::from_secs(20));
        assert_eq!(ten.fire(SimTime::from_secs(20)).and_then(|arrival| arrival.user), Some(3));
    }

    #[test]
    fn requests_in_flight_never_share_a_handle() {
        let think = Law::exponential(1.0).expect("a law");
        let mut crowd = users(think, 5, &[(3, 30), (3, 0), (0, 12)], true, Some(9));
        let mut draws = Streams::new(3).named("answers");
        let mut flying: Vec<(SimTime, u32)> = Vec::new();
        let mut overlaps = 0;
        let mut now = SimTime::ZERO;
        while now < SimTime::from_secs(500) {
            let ends = flying.iter().min().copied();
            now = crowd.next_at().min(ends.map_or(SimTime::NEVER, |(at, _)| at));
            if let Some((at, handle)) = ends
                && at == now
            {
                flying.retain(|(_, other)| *other != handle);
                crowd.ended(now, handle);
            } else if let Some(handle) = crowd.fire(now).and_then(|arrival| arrival.user) {
                assert!(flying.iter().all(|(_, other)| *other != handle) && handle != u32::MAX);
                overlaps += u32::from(handle >= 30);
                crowd.stream(handle);
                flying.push((now + Span::from_drawn_secs(30.0 * draws.random::<f64>().powi(2)), handle));
            }
        }
        assert!(overlaps > 100, "{overlaps}");
    }
}
