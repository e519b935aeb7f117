//! Samples of a space of settings where a full grid would be too many points: Latin hypercube and Sobol'.
//!
//! A Latin hypercube cuts every axis into as many strata as there are points and uses each once (McKay, Beckman and
//! Conover 1979); a point lies in the middle of its strata. Sobol' points use the direction numbers of Joe and Kuo
//! (2008, `new-joe-kuo-6`), moved by a digital shift, so that another seed gives another sample. Both depend on the seed
//! alone; the generator is SplitMix64 (Steele, Lea and Flood 2014).

/// How points are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Every stratum of every axis once.
    LatinHypercube,
    /// A low-discrepancy sequence.
    Sobol,
}

/// Axes that a Sobol' sample can have.
pub const SOBOL_AXES: usize = 21;

/// Coordinates of each point, 0 to 1: `points` rows of `axes` numbers.
///
/// # Panics
/// A Sobol' sample of more than [`SOBOL_AXES`] axes.
pub fn sample(method: Method, points: usize, axes: usize, seed: u64) -> Vec<Vec<f64>> {
    match method {
        Method::LatinHypercube => latin_hypercube(points, axes, seed),
        Method::Sobol => sobol(points, axes, seed),
    }
}

struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to `bound`, exclusive: the upper half of a product, which is even enough for far fewer than 2^64.
    fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }
}

fn latin_hypercube(points: usize, axes: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut random = SplitMix64(seed);
    let columns: Vec<Vec<usize>> = (0..axes)
        .map(|_| {
            let mut strata: Vec<usize> = (0..points).collect();
            for place in (1..points).rev() {
                strata.swap(place, random.below(place + 1));
            }
            strata
        })
        .collect();
    let middle = |stratum: usize| (stratum as f64 + 0.5) / points as f64;
    (0..points).map(|point| columns.iter().map(|strata| middle(strata[point])).collect()).collect()
}

/// Degree, coefficients and initial direction numbers of the axes after the first.
const DIRECTIONS: [(u32, u32, &[u32]); SOBOL_AXES - 1] = [
    (1, 0, &[1]),
    (2, 1, &[1, 3]),
    (3, 1, &[1, 3, 1]),
    (3, 2, &[1, 1, 1]),
    (4, 1, &[1, 1, 3, 3]),
    (4, 4, &[1, 3, 5, 13]),
    (5, 2, &[1, 1, 5, 5, 17]),
    (5, 4, &[1, 1, 5, 5, 5]),
    (5, 7, &[1, 1, 7, 11, 19]),
    (5, 11, &[1, 1, 5, 1, 1]),
    (5, 13, &[1, 1, 1, 3, 11]),
    (5, 14, &[1, 3, 5, 5, 31]),
    (6, 1, &[1, 3, 3, 9, 7, 49]),
    (6, 13, &[1, 1, 1, 15, 21, 21]),
    (6, 16, &[1, 3, 1, 13, 27, 49]),
    (6, 19, &[1, 1, 1, 15, 7, 5]),
    (6, 22, &[1, 3, 1, 15, 13, 25]),
    (6, 25, &[1, 1, 5, 5, 19, 61]),
    (7, 1, &[1, 3, 7, 11, 23, 15, 103]),
    (7, 4, &[1, 3, 7, 13, 13, 15, 69]),
];

const BITS: u32 = 32;

/// Direction numbers of an axis, the first for the lowest bit of a point's Gray code.
fn directions(axis: usize) -> [u32; BITS as usize] {
    let mut all = [0; BITS as usize];
    let Some(before) = axis.checked_sub(1) else {
        for (bit, direction) in all.iter_mut().enumerate() {
            *direction = 1 << (BITS - 1 - bit as u32);
        }
        return all;
    };
    let (degree, coefficients, initial) = DIRECTIONS[before];
    let degree = degree as usize;
    for bit in 0..BITS as usize {
        all[bit] = if bit < degree {
            initial[bit] << (BITS - 1 - bit as u32)
        } else {
            let mut next = all[bit - degree] ^ (all[bit - degree] >> degree);
            for term in 1..degree {
                if coefficients >> (degree - 1 - term) & 1 == 1 {
                    next ^= all[bit - term];
                }
            }
            next
        };
    }
    all
}

fn sobol(points: usize, axes: usize, seed: u64) -> Vec<Vec<f64>> {
    assert!(axes <= SOBOL_AXES, "direction numbers are known for {SOBOL_AXES} axes");
    let mut random = SplitMix64(seed);
    let directions: Vec<_> = (0..axes).map(directions).collect();
    let mut now: Vec<u32> = (0..axes).map(|_| (random.next() >> 32) as u32).collect();
    let mut rows = Vec::with_capacity(points);
    for point in 0..points {
        rows.push(now.iter().map(|&x| (f64::from(x) + 0.5) / 2_f64.powi(BITS as i32)).collect());
        let bit = (point as u64 + 1).trailing_zeros() as usize;
        for (x, directions) in now.iter_mut().zip(&directions) {
            *x ^= directions[bit];
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_splitmix64() {
        // First outputs for seed 0, as published with the reference code.
        let mut random = SplitMix64(0);
        assert_eq!([random.next(), random.next()], [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
    }

    #[test]
    fn a_latin_hypercube_uses_every_stratum_once() {
        let rows = sample(Method::LatinHypercube, 7, 3, 5);
        for axis in 0..3 {
            let mut strata: Vec<usize> = rows.iter().map(|row| (row[axis] * 7.0) as usize).collect();
            strata.sort_unstable();
            assert_eq!(strata, [0, 1, 2, 3, 4, 5, 6]);
        }
        assert_eq!(rows, sample(Method::LatinHypercube, 7, 3, 5));
        assert_ne!(rows, sample(Method::LatinHypercube, 7, 3, 6));
    }

    #[test]
    fn sobol_fills_every_axis_evenly_and_the_first_two_together() {
        // Of 2^k points each lies in its own part of 2^k on every axis; of the first two axes every box of 2^a by 2^b
        // parts with a + b = k holds one: the net property.
        let rows = sample(Method::Sobol, 64, SOBOL_AXES, 3);
        for axis in 0..SOBOL_AXES {
            let mut parts: Vec<usize> = rows.iter().map(|row| (row[axis] * 64.0) as usize).collect();
            parts.sort_unstable();
            assert_eq!(parts, (0..64).collect::<Vec<_>>(), "axis {axis}");
        }
        for across in [1, 2, 4, 8, 16, 32, 64] {
            let up = 64 / across;
            let boxed = |row: &Vec<f64>| (row[0] * across as f64) as usize * up + (row[1] * up as f64) as usize;
            let mut boxes: Vec<usize> = rows.iter().map(boxed).collect();
            boxes.sort_unstable();
            assert_eq!(boxes, (0..64).collect::<Vec<_>>(), "{across} by {up}");
        }
    }

    #[test]
    fn direction_numbers_follow_their_recurrence() {
        // Second axis: 1, then 2·1 ⊕ 1 = 3. Third: 1, 3, then 2·3 ⊕ 4·1 ⊕ 1 = 3; each over its power of two.
        let (second, third) = (directions(1), directions(2));
        assert_eq!((second[0], second[1]), (1 << 31, 3 << 30));
        assert_eq!((third[0], third[1], third[2]), (1 << 31, 3 << 30, 3 << 29));
    }
}
