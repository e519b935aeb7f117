//! The rate of a load: its value, the area below it, and a cursor that turns areas into instants.
//!
//! Arrivals come by inversion: the cursor consumes area and says when. So a larger rate makes every arrival of the same
//! stream earlier, and paired comparisons of policies stay paired. What is left of a piece's area is carried into the next
//! one and instants are counted from the piece's own start: no rounding accumulates over a long run. The rule for areas and
//! truncation to whole nanoseconds is that of k6's ramping-arrival-rate executor.

use super::piece::{BEND_PER_PIECE, Piece};
use super::shape::{Bend, Shape};
use super::spec::RateSpec;
use crate::units::Span;

/// A rate with a cursor on it. Times are since the load's `from`.
#[derive(Clone, Debug)]
pub struct Rate {
    shape: Shape,
    scale: f64,
    /// Pieces from here on are of no interest.
    horizon: u64,
    piece: Piece,
    /// Area consumed since the start of the piece. More than the piece has: no later piece could give the rest.
    done: f64,
    /// What `done` is short of for want of digits (Kahan's summation).
    carry: f64,
    /// Nanoseconds of the last answer: later ones are never earlier, whatever the last digits of a series say.
    last: u64,
}

impl Rate {
    /// The rate with its cursor at time 0; `run_from` is where the load begins in the run, which moves the diurnal clock.
    pub fn new(spec: &RateSpec, run_from: Span) -> Self {
        let shape = Shape::new(spec, run_from);
        let piece = next_piece(&shape, 1.0, 0);
        Self { shape, scale: 1.0, horizon: u64::MAX, piece, done: 0.0, carry: 0.0, last: 0 }
    }

    /// Nobody asks for what is later than `end`: a rate that is 0 now and then need not be followed beyond.
    #[must_use]
    pub fn ending_at(mut self, end: Span) -> Self {
        self.horizon = end.as_nanos();
        self
    }

    /// The same rate times `scale`, with its cursor at time 0.
    #[must_use]
    pub fn scaled(mut self, scale: f64) -> Self {
        self.scale = scale;
        self.restart();
        self
    }

    /// The rate at `t` in 1/s.
    pub fn value(&self, t: Span) -> f64 {
        self.scale * self.shape.value(t.as_nanos(), 0.0)
    }

    /// The area from 0 to `t`: how many requests to expect.
    pub fn area(&self, t: Span) -> f64 {
        let mut cursor = self.clone();
        cursor.horizon = u64::MAX;
        cursor.restart();
        let whole = cursor.seek(t.as_nanos());
        whole + cursor.done
    }

    /// Consumes `area` more and says when that much has come together, truncated to whole nanoseconds. `None`: never, or
    /// not before the end.
    #[inline(always)]
    pub fn advance(&mut self, area: f64) -> Option<Span> {
        let owed = area + self.carry;
        let done = self.done + owed;
        self.carry = owed - (done - self.done);
        self.done = done;
        if (self.done > self.piece.area || self.piece.area == 0.0) && !self.walk() {
            return None;
        }
        let at = self.piece.start.saturating_add(self.piece.reaches(self.done));
        self.last = self.last.max(at);
        Some(Span::from_nanos(self.last))
    }

    /// Multiplies the rate by `scale` from `now` on, in place of the former factor. The area that was still to come before
    /// the pending instant is kept, and the new instant returned.
    pub fn rescale(&mut self, now: Span, scale: f64) -> Option<Span> {
        let owed = self.owed(now.as_nanos());
        self.scale = scale;
        self.restart();
        self.seek(now.as_nanos());
        self.last = now.as_nanos();
        self.advance(owed)
    }

    /// Area between `now` and the pending instant.
    fn owed(&self, now: u64) -> f64 {
        if self.scale == 0.0 {
            return self.done;
        }
        let mut here = self.clone();
        here.restart();
        here.seek(now);
        let mut owed = -here.done;
        if here.piece.start > self.piece.start {
            // The pending instant is `now`, and ends its piece.
            owed -= self.piece.area;
        }
        while here.piece.start < self.piece.start {
            owed += here.piece.area;
            here.step();
        }
        (owed + self.done).max(0.0)
    }

    fn restart(&mut self) {
        self.piece = next_piece(&self.shape, self.scale, 0);
        self.done = 0.0;
        self.carry = 0.0;
        self.last = 0;
    }

    /// From time 0 to `t`; returns the area of the whole pieces before.
    fn seek(&mut self, t: u64) -> f64 {
        let mut whole = 0.0;
        while self.piece.end().is_some_and(|end| end <= t) {
            whole += self.piece.area;
            if !self.step() {
                return whole;
            }
        }
        self.done = self.piece.area_to(t - self.piece.start);
        whole
    }

    /// Walks until the consumed area lies within a piece. False: it never will.
    fn walk(&mut self) -> bool {
        while self.done > self.piece.area || self.piece.area == 0.0 {
            let area = self.piece.area;
            if !self.step() {
                return false;
            }
            self.done -= area;
        }
        true
    }

    /// Goes to the next piece, if there is one before the horizon.
    fn step(&mut self) -> bool {
        match self.piece.end() {
            Some(end) if end < self.horizon => {
                self.piece = next_piece(&self.shape, self.scale, end);
                true
            }
            _ => false,
        }
    }
}

/// The piece that begins at `start`. It depends on nothing else, so that two walks over the same rate meet the same pieces.
fn next_piece(shape: &Shape, scale: f64, start: u64) -> Piece {
    if scale == 0.0 {
        return Piece::flat(start, None, 0.0);
    }
    let stretch = shape.stretch(start);
    let length = stretch.until.map(|until| until - start);
    let rate = |offset: f64| scale * shape.value(start, offset);
    match (stretch.bend, length) {
        (Bend::Flat, _) | (Bend::Straight, None) => Piece::flat(start, length, rate(0.0)),
        (Bend::Straight, Some(length)) => Piece::straight(start, length, rate(0.0), rate(length as f64)),
        (Bend::Curved(bend), length) => {
            let short = ((BEND_PER_PIECE / bend) as u64).max(1);
            Piece::curved(start, short.min(length.unwrap_or(u64::MAX)), rate)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Stage;

    fn secs(secs: f64) -> Span {
        Span::from_secs_f64(secs).expect("a span")
    }

    fn stages(stages: &[(f64, f64)]) -> RateSpec {
        RateSpec::Stages(stages.iter().map(|(d, target)| Stage { duration: secs(*d), target: *target }).collect())
    }

    fn sine(mean: f64, amplitude: f64, period: f64) -> RateSpec {
        RateSpec::Sine { mean, amplitude, period: secs(period), phase: Span::ZERO }
    }

    fn crowd(base: f64, peak: f64) -> RateSpec {
        let (at, hold, rise, decay) = (secs(600.0), secs(100.0), secs(30.0), secs(300.0));
        RateSpec::FlashCrowd { base, peak, at, hold, rise, decay }
    }

    fn diurnal(mean: f64) -> RateSpec {
        let mut profile = [1.0; 24];
        (profile[10], profile[11], profile[12]) = (0.5, 1.5, 1.0);
        RateSpec::Diurnal { mean, profile, starts_at: secs(8.5 * 3600.0) }
    }

    fn shapes() -> Vec<RateSpec> {
        vec![
            RateSpec::Constant(3.0),
            RateSpec::Step { before: 1.0, after: 4.0, at: secs(1000.0) },
            RateSpec::Ramp { from: 5.0, to: 0.5, at: secs(100.0), over: secs(1234.5) },
            RateSpec::Spike { base: 0.0, peak: 9.0, at: secs(500.0), lasts: secs(60.0) },
            crowd(2.0, 10.0),
            crowd(2.0, 0.0),
            sine(2.0, 1.0, 700.0),
            diurnal(2.0),
            stages(&[(100.0, 5.0), (0.0, 1.0), (500.0, 1.0), (100.0, 0.0)]),
            RateSpec::Sum(vec![RateSpec::Constant(1.0), sine(2.0, 0.5, 60.0), crowd(0.0, 3.0)]),
            RateSpec::Product(vec![diurnal(2.0), sine(1.0, 0.9, 900.0), crowd(1.0, 3.0)]),
            RateSpec::Product(vec![diurnal(2.0), stages(&[(7000.0, 2.0)])]),
        ]
    }

    #[test]
    fn areas_are_integrals_of_values() {
        for spec in shapes() {
            let rate = Rate::new(&spec, Span::from_secs(5400));
            let (end, steps) = (7200, 72_000_u64);
            let width = f64::from(end) / steps as f64;
            let sum: f64 = (0..steps).map(|step| rate.value(secs((step as f64 + 0.5) * width)) * width).sum();
            let area = rate.area(secs(f64::from(end)));
            assert!((area / sum - 1.0).abs() < 1e-6, "{spec:?}: {area} instead of {sum}");
        }
    }

    #[test]
    fn instants_invert_areas() {
        for spec in shapes() {
            let mut rate = Rate::new(&spec, Span::from_secs(5400)).ending_at(Span::from_secs(7200));
            let whole = rate.area(Span::from_secs(7200));
            let (mut before, mut answers) = (Span::ZERO, 0);
            while let Some(at) = rate.advance(36.7) {
                if at >= Span::from_secs(7200) {
                    break;
                }
                answers += 1;
                // Truncation may lose one nanosecond of area.
                let miss = f64::from(answers) * 36.7 - rate.area(at);
                assert!((-1e-10..2e-8).contains(&miss), "{spec:?}: {miss} at {at:?}");
                assert!(at >= before);
                before = at;
            }
            assert_eq!(answers, (whole / 36.7) as u32, "{spec:?}");
        }
    }

    #[test]
    fn closed_forms() {
        let area = |spec: &RateSpec, t: f64| Rate::new(spec, Span::ZERO).area(secs(t));
        // A whole period of a sine: mean × period.
        assert!((area(&sine(10.0, 1.0, 86_400.0), 86_400.0) / 864_000.0 - 1.0).abs() < 1e-13);
        // A ramp from 0 to r over T: r T/2.
        assert_eq!(area(&stages(&[(60.0, 50.0)]), 60.0), 1500.0);
        // Rise: (peak - base)(hold - rise (1 - e^(-hold/rise))); decay for ever: what was reached × its time constant.
        let reached = 8.0 * (1.0 - (-100.0_f64 / 30.0).exp());
        let rise = 8.0 * 100.0 - 30.0 * reached;
        assert!((area(&crowd(2.0, 10.0), 700.0) - 1400.0 - rise).abs() < 1e-9);
        assert!((area(&crowd(2.0, 10.0), 50_000.0) - 100_000.0 - rise - 300.0 * reached).abs() < 1e-8);
    }

    #[test]
    fn the_clock_of_the_day_includes_the_loads_beginning() {
        // 08:30 and an hour and a half later: 10:00, factor 0.5; then on the way to 1.5 at 11:00 and 1 at 12:00.
        let rate = Rate::new(&diurnal(4.0), secs(1.5 * 3600.0));
        assert_eq!(rate.value(Span::ZERO), 2.0);
        assert_eq!(rate.value(secs(1800.0)), 4.0);
        assert_eq!(rate.value(secs(3600.0)), 6.0);
        assert_eq!(rate.value(secs(2.0 * 3600.0 + 3.0 * 86_400.0)), 4.0);
    }

    #[test]
    fn ramps_as_k6_truncates_them() {
        // 0 to 10/s in 5 s: slope 2/s², the i-th at √i s.
        let mut rate = Rate::new(&stages(&[(5.0, 10.0)]), Span::ZERO);
        for nanos in [1_000_000_000, 1_414_213_562, 1_732_050_807, 2_000_000_000, 2_236_067_977] {
            assert_eq!(rate.advance(1.0), Some(Span::from_nanos(nanos)));
        }
        // The 25th ends the ramp; then one each tenth of a second.
        for _ in 6..25 {
            rate.advance(1.0);
        }
        assert_eq!(rate.advance(1.0), Some(Span::from_secs(5)));
        assert_eq!(rate.advance(1.0), Some(Span::from_millis(5100)));
        assert_eq!(rate.advance(1.0), Some(Span::from_millis(5200)));
    }

    #[test]
    fn silence_is_skipped() {
        // 1/s for 3 s, silence to 10 s, then 2/s: areas 2.5 and 3.5.
        let spec = stages(&[(0.0, 1.0), (3.0, 1.0), (0.0, 0.0), (7.0, 0.0), (0.0, 2.0)]);
        let mut rate = Rate::new(&spec, Span::ZERO);
        assert_eq!(rate.advance(2.5), Some(Span::from_millis(2500)));
        assert_eq!(rate.advance(1.0), Some(Span::from_millis(10_250)));
        // What is asked for at area 0 comes when the silence ends.
        let late = RateSpec::Step { before: 0.0, after: 1.0, at: Span::from_secs(4) };
        assert_eq!(Rate::new(&late, Span::ZERO).advance(0.0), Some(Span::from_secs(4)));
    }

    #[test]
    fn what_never_comes_is_none() {
        let nothing = RateSpec::Product(vec![RateSpec::Constant(0.0), sine(1.0, 0.5, 1.0), diurnal(1.0)]);
        assert_eq!(Rate::new(&nothing, Span::ZERO).advance(1e-9), None);
        assert_eq!(Rate::new(&sine(0.0, 0.5, 1.0), Span::ZERO).advance(1e-9), None);
        let ends = stages(&[(0.0, 1.0), (3.0, 1.0), (0.0, 0.0)]);
        let mut rate = Rate::new(&ends, Span::ZERO);
        // All of the area, and not a bit more.
        assert_eq!(rate.advance(3.0), Some(Span::from_secs(3)));
        assert_eq!(rate.advance(0.001), None);
        assert_eq!(Rate::new(&RateSpec::Constant(1.0), Span::ZERO).scaled(0.0).advance(1.0), None);
        // A crowd that decays to nothing has 8/s × 300 s and what came before it, and no more.
        assert_eq!(Rate::new(&crowd(0.0, 8.0), Span::ZERO).advance(8.0 * 400.0), None);
    }

    #[test]
    fn nothing_drifts() {
        let mut rate = Rate::new(&RateSpec::Constant(7.0), Span::ZERO);
        for arrival in 1..=10_000_000_u128 {
            let at = rate.advance(1.0).expect("an instant").as_nanos();
            let exact = (arrival * 1_000_000_000 / 7) as u64;
            assert!(at.abs_diff(exact) <= u64::from(arrival > 1_000_000), "{arrival}: {at} instead of {exact}");
        }
        // 600 a minute, 2,000 minutes: 64,000 pieces. The whole minutes are met to the nanosecond.
        let mut rate = Rate::new(&sine(10.0, 1.0, 60.0), Span::ZERO);
        for minute in 1..=2_000 {
            let at = (0..600).map(|_| rate.advance(1.0)).last().flatten().expect("an instant");
            assert!(at.as_nanos().abs_diff(minute * 60_000_000_000) <= 1, "minute {minute}: {at:?}");
        }
    }

    #[test]
    fn a_new_scale_keeps_the_area_that_is_owed() {
        let mut rate = Rate::new(&RateSpec::Constant(1.0), Span::ZERO);
        assert_eq!(rate.advance(11.0), Some(Span::from_secs(11)));
        // Half a request is owed at 10.5 s: a quarter of a second at twice the rate.
        assert_eq!(rate.rescale(secs(10.5), 2.0), Some(secs(10.75)));
        assert_eq!(rate.advance(1.0), Some(secs(11.25)));
        assert_eq!(rate.rescale(secs(11.0), 0.0), None);
        assert_eq!(rate.rescale(secs(15.0), 0.0), None);
        assert_eq!(rate.rescale(secs(20.0), 1.0), Some(secs(20.5)));
        // At the pending instant itself nothing is owed.
        assert_eq!(rate.rescale(secs(20.5), 3.0), Some(secs(20.5)));
        // At the very end of a piece, and across pieces: (1.5 s, 2.5 s) held 4 at twice the rate; of these half a one comes
        // before 2 s and the others at 3/s.
        let mut rate = Rate::new(&stages(&[(0.0, 1.0), (2.0, 1.0), (0.0, 3.0), (2.0, 3.0), (0.0, 0.0)]), Span::ZERO);
        assert_eq!(rate.advance(2.0), Some(secs(2.0)));
        assert_eq!(rate.rescale(secs(2.0), 2.0), Some(secs(2.0)));
        assert_eq!(rate.advance(3.0), Some(secs(2.5)));
        assert_eq!(rate.rescale(secs(1.5), 1.0), Some(Span::from_nanos(3_166_666_666)));
    }
}
