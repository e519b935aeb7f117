//! Plans: the cheapest setting of a search space that meets the objectives, and how much there is to spare.
//!
//! A plan is a sweep whose points are candidates. What a candidate must do is stated by the objectives; how sure that
//! must be, by a share of seeds and a confidence. Figures of the search come from seeds first, first + 1, ...; what is
//! recommended is checked with seeds that the search can not have used.

pub mod probe;
pub mod race;
pub mod read;
pub mod search;

use super::axes::Axis;
use super::sweep::{Point, Sweep};
use race::Rules;

/// A plan that may run.
#[derive(Debug)]
pub struct Plan {
    /// The candidates as the points of a grid, over a base that has the plan's objectives.
    pub grid: Sweep,
    /// Overrides of the command line.
    pub sets: Vec<String>,
    /// The figure that is to be as small as can be.
    pub minimize: String,
    /// Share of seeds in which every objective must be met.
    pub holds_in: f64,
    /// How sure that must be.
    pub confidence: f64,
    /// Multiples of the load that the recommendation is tried with.
    pub stress_loads: Vec<f64>,
    /// Other settings that it is tried with.
    pub stress: Vec<Axis>,
}

impl Plan {
    /// What the race goes by.
    pub fn rules(&self) -> Rules {
        Rules {
            first_batch: self.grid.seeds as usize,
            max_seeds: self.grid.max_seeds as usize,
            holds_in: self.holds_in,
            confidence: self.confidence,
        }
    }

    /// The first seed that the search can not have used.
    pub fn first_fresh_seed(&self) -> u64 {
        self.grid.first_seed.wrapping_add(u64::from(self.grid.max_seeds))
    }

    /// All overrides of a candidate.
    pub fn sets_of(&self, candidate: usize) -> Vec<String> {
        self.grid.sets_of(&self.grid.point(candidate))
    }

    /// A candidate's values.
    pub fn point(&self, candidate: usize) -> Point {
        self.grid.point(candidate)
    }
}
