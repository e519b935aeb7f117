//! Balancers: which endpoint gets the next request.
//!
//! Every balancer spends exactly one `u64` per routed request, used or not, so that changing the balancer, or the number of
//! endpoints, shifts no other draw.

use super::spec::BalancerSpec;
use crate::units::{Id, ReplicaId};

/// Routing state of a pool.
#[derive(Clone, Debug)]
pub struct Balancer {
    kind: BalancerSpec,
    /// Endpoints in the order in which they joined.
    endpoints: Vec<ReplicaId>,
    cursor: usize,
}

/// Multiplies instead of dividing: an index below `n` from 32 random bits (bias below n/2^32).
#[inline]
const fn below(bits: u32, n: usize) -> usize {
    ((bits as u64 * n as u64) >> 32) as usize
}

impl Balancer {
    /// Without endpoints.
    pub const fn new(kind: BalancerSpec) -> Self {
        Self { kind, endpoints: Vec::new(), cursor: 0 }
    }

    /// Who gets traffic.
    pub fn endpoints(&self) -> &[ReplicaId] {
        &self.endpoints
    }

    /// A replica begins to get traffic.
    pub fn join(&mut self, replica: ReplicaId) {
        self.endpoints.push(replica);
        self.cursor = 0;
    }

    /// A replica gets no more traffic. False if it got none.
    pub fn leave(&mut self, replica: ReplicaId) -> bool {
        let before = self.endpoints.len();
        self.endpoints.retain(|other| *other != replica);
        self.cursor = 0;
        self.endpoints.len() < before
    }

    /// The endpoint for one request; `active` counts the unfinished requests of each replica.
    #[inline]
    pub fn route(&mut self, draw: u64, active: &[u32]) -> Option<ReplicaId> {
        let n = self.endpoints.len();
        if n < 2 {
            return self.endpoints.first().copied();
        }
        let index = match self.kind {
            BalancerSpec::Random | BalancerSpec::CentralQueue => below((draw >> 32) as u32, n),
            BalancerSpec::RoundRobin => {
                let index = self.cursor % n;
                self.cursor = index + 1;
                index
            }
            BalancerSpec::LeastRequest { choices: 2 } => self.better_of_two(draw, active),
            BalancerSpec::LeastRequest { choices } if (choices as usize) < n => {
                self.best_of_some(draw, choices as usize, active)
            }
            BalancerSpec::LeastRequest { .. } | BalancerSpec::LeastRequestFull => self.best_of_all(draw, active),
        };
        Some(self.endpoints[index])
    }

    /// Two different picks from the halves of one draw; on a tie the first, which is as random as either.
    #[inline]
    fn better_of_two(&self, draw: u64, active: &[u32]) -> usize {
        let n = self.endpoints.len();
        let first = below((draw >> 32) as u32, n);
        let other = below(draw as u32, n - 1);
        let second = other + usize::from(other >= first);
        let load = |index: usize| active[self.endpoints[index].index()];
        if load(second) < load(first) { second } else { first }
    }

    /// Floyd's sample of `choices` different endpoints, from a sequence that the one draw begins.
    fn best_of_some(&self, draw: u64, choices: usize, active: &[u32]) -> usize {
        let n = self.endpoints.len();
        let mut bits = draw;
        let mut picked: Vec<usize> = Vec::with_capacity(choices);
        let mut ties = 0;
        let mut best = usize::MAX;
        for last in n - choices..n {
            bits = mix(bits);
            let candidate = below((bits >> 32) as u32, last + 1);
            let index = if picked.contains(&candidate) { last } else { candidate };
            picked.push(index);
            (best, ties) = self.better(best, index, ties, bits as u32, active);
        }
        best
    }

    /// Fewest in flight; each of the tied ones with equal chance.
    fn best_of_all(&self, draw: u64, active: &[u32]) -> usize {
        let least = self.endpoints.iter().map(|replica| active[replica.index()]).min().unwrap_or(0);
        let tied = || self.endpoints.iter().enumerate().filter(|(_, replica)| active[replica.index()] == least);
        let chosen = below((draw >> 32) as u32, tied().count());
        tied().nth(chosen).map_or(0, |(index, _)| index)
    }

    /// Keeps the less loaded of two, the k-th tied one with chance 1/k.
    fn better(&self, best: usize, index: usize, ties: u32, bits: u32, active: &[u32]) -> (usize, u32) {
        let load = |index: usize| active[self.endpoints[index].index()];
        if best == usize::MAX || load(index) < load(best) {
            return (index, 1);
        }
        if load(index) > load(best) {
            return (best, ties);
        }
        let keep = below(bits.rotate_left(16), ties as usize + 1) == 0;
        (if keep { index } else { best }, ties + 1)
    }
}

/// SplitMix64's step and finalizer: further bits for the rare balancer that needs more than one draw holds.
const fn mix(bits: u64) -> u64 {
    let mut z = bits.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn balancer(kind: BalancerSpec, n: u32) -> Balancer {
        let mut balancer = Balancer::new(kind);
        for number in 0..n {
            balancer.join(ReplicaId::new(number));
        }
        balancer
    }

    fn counts(kind: BalancerSpec, active: &[u32]) -> Vec<u32> {
        let mut balancer = balancer(kind, active.len() as u32);
        let mut counts = vec![0; active.len()];
        let mut bits = 1;
        for _ in 0..30_000 {
            bits = mix(bits);
            counts[balancer.route(bits, active).expect("endpoints").index()] += 1;
        }
        counts
    }

    #[test]
    fn ties_are_broken_evenly() {
        for kind in [
            BalancerSpec::Random,
            BalancerSpec::LeastRequestFull,
            BalancerSpec::LeastRequest { choices: 2 },
            BalancerSpec::LeastRequest { choices: 3 },
        ] {
            for count in counts(kind, &[4; 5]) {
                assert!((5_600..6_400).contains(&count), "{kind:?}: {count} of 6,000"); // 5.7 standard deviations
            }
        }
    }

    #[test]
    fn the_least_loaded_is_found() {
        assert_eq!(counts(BalancerSpec::LeastRequestFull, &[3, 0, 2])[1], 30_000);
        // two of three: the emptiest is among them in 2 of 3 cases, the fullest never wins
        let two = counts(BalancerSpec::LeastRequest { choices: 2 }, &[3, 0, 2]);
        assert_eq!(two[0], 0);
        assert!((19_600..20_400).contains(&two[1]), "{two:?}");
    }

    #[test]
    fn round_robin_goes_round_and_starts_again_when_the_list_changes() {
        let mut balancer = balancer(BalancerSpec::RoundRobin, 3);
        let mut next = || balancer.route(7, &[0; 4]).map(ReplicaId::number);
        assert_eq!([next(), next(), next(), next()], [Some(0), Some(1), Some(2), Some(0)]);
        balancer.join(ReplicaId::new(3));
        assert_eq!(balancer.route(7, &[0; 4]), Some(ReplicaId::new(0)));
        assert!(balancer.leave(ReplicaId::new(0)) && !balancer.leave(ReplicaId::new(0)));
    }
}
