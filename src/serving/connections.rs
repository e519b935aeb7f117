//! Connections that clients keep: the balancer chooses once for each, and all requests on it go to the same replica.
//!
//! kube-proxy and every other balancer below HTTP work like this (Kubernetes `pkg/proxy`: a flow keeps its endpoint until it
//! closes): behind clients with keep-alive or gRPC, new replicas get no traffic until connections are opened anew. A connection
//! whose replica has left the routes, or takes none any more, is opened anew by its next request.

use crate::units::{ReplicaId, SimTime, Span};

/// The kept connections of one load.
#[derive(Clone, Debug)]
pub struct Connections {
    /// How many, taken in turn; `None`: one a user.
    count: Option<u32>,
    /// One of this age is closed before its next request.
    age: Option<Span>,
    open: Vec<Open>,
    turn: u32,
}

/// A user during one of its stays: who leaves closes its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Number of the user.
    pub user: u32,
    /// How often it had left before it sent this request.
    pub stay: u32,
}

/// The connection that a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    place: u32,
    stay: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Open {
    to: Option<ReplicaId>,
    since: SimTime,
    stay: u32,
}

impl Connections {
    /// None of them is open yet: each is opened by its first request.
    pub const fn new(count: Option<u32>, age: Option<Span>) -> Self {
        Self { count, age, open: Vec::new(), turn: 0 }
    }

    /// The connection of the next request; `caller` is the user who sends it, if one does.
    pub fn next(&mut self, caller: Option<Caller>) -> Connection {
        match (self.count, caller) {
            (None, Some(caller)) => Connection { place: caller.user, stay: caller.stay },
            (count, _) => {
                let place = self.turn;
                self.turn = (place + 1) % count.unwrap_or(1);
                Connection { place, stay: 0 }
            }
        }
    }

    /// Where it leads, if it is open.
    pub fn leads_to(&self, connection: Connection, now: SimTime) -> Option<ReplicaId> {
        let open = self.open.get(connection.place as usize)?;
        let fresh = self.age.is_none_or(|age| now.saturating_since(open.since) < age);
        open.to.filter(|_| open.stay == connection.stay && fresh)
    }

    /// It has been opened. What a user sent before it left does not touch the connection of its present stay.
    pub fn opened(&mut self, connection: Connection, now: SimTime, to: ReplicaId) {
        let place = connection.place as usize;
        if self.open.len() <= place {
            self.open.resize(place + 1, Open::default());
        }
        if connection.stay >= self.open[place].stay {
            self.open[place] = Open { to: Some(to), since: now, stay: connection.stay };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ReplicaId = ReplicaId::new(1);
    const B: ReplicaId = ReplicaId::new(2);

    fn secs(secs: u64) -> SimTime {
        SimTime::from_secs(secs)
    }

    #[test]
    fn a_number_of_connections_is_taken_in_turn() {
        let mut two = Connections::new(Some(2), None);
        let first = two.next(None);
        assert_eq!(two.leads_to(first, secs(0)), None);
        two.opened(first, secs(0), A);
        let second = two.next(None);
        assert_eq!(two.leads_to(second, secs(1)), None, "each is opened by its own first request");
        two.opened(second, secs(1), B);
        let seen = [0; 4].map(|_| two.next(None)).map(|connection| two.leads_to(connection, secs(1_000_000)));
        assert_eq!(seen, [Some(A), Some(B), Some(A), Some(B)]);
    }

    #[test]
    fn a_user_keeps_one_until_it_leaves() {
        let mut users = Connections::new(None, None);
        let mut of = |user, stay| {
            let connection = users.next(Some(Caller { user, stay }));
            (connection, users.leads_to(connection, secs(5)))
        };
        let ((seven, none), (again, also_none)) = (of(7, 0), of(7, 1));
        assert_eq!((none, also_none), (None, None));
        users.opened(again, secs(4), B);
        users.opened(seven, secs(5), A); // a request from before it left, routed late
        assert_eq!(users.leads_to(again, secs(5)), Some(B));
        let gone = users.next(Some(Caller { user: 7, stay: 2 }));
        assert_eq!(users.leads_to(gone, secs(5)), None);
    }

    #[test]
    fn an_old_connection_is_closed() {
        let mut aging = Connections::new(Some(1), Some(Span::from_secs(30)));
        let connection = aging.next(None);
        aging.opened(connection, secs(10), A);
        assert_eq!(aging.leads_to(connection, secs(39)), Some(A));
        assert_eq!(aging.leads_to(connection, secs(40)), None);
        aging.opened(connection, secs(40), B);
        assert_eq!(aging.leads_to(connection, secs(69)), Some(B));
    }
}
