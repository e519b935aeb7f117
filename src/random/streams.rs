//! Streams of random numbers, seeded by name.
//!
//! A stream follows from (seed, path, key) alone: it is never split from another one and no draw from one moves another.
//! So the arrivals of a load are the same under every policy, and adding a pool shifts nothing elsewhere (common random
//! numbers).
//!
//! The seed of 256 bits is a fixed hash, written out here because the standard library's may change between releases.
//! Four lanes absorb the same 64-bit words: the seed, the length of the path in bytes, the path in little-endian groups of
//! eight bytes (the last filled up with zeros), then 0 for a named stream, or 1 and the key for a keyed one. Each word `w`
//! moves lane i by `lane = mix((lane ^ w) + (i + 1) × PHI)`, with the finalizer and the increment of SplitMix64 (Steele,
//! Lea, Flood 2014), from whose first four outputs for seed 0 the lanes begin.

use rand::SeedableRng;

/// One stream.
pub type Stream = rand::rngs::Xoshiro256PlusPlus;

/// All streams of one run.
#[derive(Clone, Debug)]
pub struct Streams {
    seed: u64,
}

impl Streams {
    /// The streams of this seed.
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// For draws in an order no policy can change: arrivals, demands, routing.
    pub fn named(&self, path: &str) -> Stream {
        let mut lanes = self.begin(path);
        lanes.absorb(NAMED);
        lanes.stream()
    }

    /// For what a policy can reorder: replicas, users. Seeding costs as much as many draws: never per request.
    pub fn keyed(&self, path: &str, key: u64) -> Stream {
        let mut lanes = self.begin(path);
        lanes.absorb(KEYED);
        lanes.absorb(key);
        lanes.stream()
    }

    fn begin(&self, path: &str) -> Lanes {
        let mut lanes = Lanes::new();
        lanes.absorb(self.seed);
        lanes.absorb(path.len() as u64);
        for group in path.as_bytes().chunks(8) {
            let mut word = [0; 8];
            word[..group.len()].copy_from_slice(group);
            lanes.absorb(u64::from_le_bytes(word));
        }
        lanes
    }
}

/// Closes a name without a key.
const NAMED: u64 = 0;
/// Closes a name; a key follows.
const KEYED: u64 = 1;
/// 2^64 divided by the golden ratio: SplitMix64's increment.
const PHI: u64 = 0x9e37_79b9_7f4a_7c15;

/// SplitMix64's finalizer: every bit of the input moves every bit of the output.
const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The hash while it absorbs.
struct Lanes([u64; 4]);

impl Lanes {
    /// What tells lane `index` from the others.
    const fn step(index: usize) -> u64 {
        PHI.wrapping_mul(index as u64 + 1)
    }

    fn new() -> Self {
        Self(std::array::from_fn(|index| mix(Self::step(index))))
    }

    fn absorb(&mut self, word: u64) {
        for (index, lane) in self.0.iter_mut().enumerate() {
            *lane = mix((*lane ^ word).wrapping_add(Self::step(index)));
        }
    }

    fn stream(self) -> Stream {
        let mut seed = [0; 32];
        for (bytes, lane) in seed.chunks_exact_mut(8).zip(self.0) {
            bytes.copy_from_slice(&lane.to_le_bytes());
        }
        Stream::from_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    /// Figures of an independent Python program that follows the head of this file and the published Xoshiro256++.
    #[test]
    fn first_draws_are_fixed_for_ever() {
        let streams = Streams::new(42);
        assert_eq!(streams.named("load/web/arrivals").next_u64(), 0xf79a_d436_b1ec_2bbe);
        assert_eq!(streams.keyed("load/web/user", 7).next_u64(), 0x986b_563c_e92f_eed9);
        // The generator itself, from rand's own seeding of 42.
        assert_eq!(Stream::seed_from_u64(42).next_u64(), 0xd076_4d4f_4476_689f);
    }

    #[test]
    fn no_stream_depends_on_another() {
        let streams = Streams::new(7);
        let alone = streams.named("b").next_u64();
        let mut first = streams.named("a");
        first.next_u64();
        assert_eq!(streams.named("b").next_u64(), alone);
        assert_eq!(Streams::new(7).named("b").next_u64(), alone);
    }

    #[test]
    fn names_keys_and_seeds_all_tell_streams_apart() {
        let mut draws = Vec::new();
        for seed in [0, 1] {
            let streams = Streams::new(seed);
            for path in ["", "a", "a\0", "aaaaaaaa", "aaaaaaaaa", "load/web/arrivals", "load/web/demand"] {
                draws.push(streams.named(path).next_u64());
                draws.extend([0, 1, 2, u64::MAX].map(|key| streams.keyed(path, key).next_u64()));
            }
        }
        let all = draws.len();
        draws.sort_unstable();
        draws.dedup();
        assert_eq!(draws.len(), all);
    }

    #[test]
    fn neighbouring_keys_have_unlike_bits() {
        let streams = Streams::new(0);
        let mut flips = 0;
        for key in 0..1000 {
            flips += (streams.keyed("u", key).next_u64() ^ streams.keyed("u", key + 1).next_u64()).count_ones();
        }
        // Binomial(64,000, 1/2): 32,000 with a standard deviation of 126.5.
        assert!((31_368..32_632).contains(&flips), "{flips}");
    }
}
