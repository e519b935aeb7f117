//! The rate of a load: its value, the area below it, and a cursor that turns areas into instants.
//!
//! Arrivals come by inversion: the cursor consumes area and says when. So a larger rate makes every arrival of the same
//! stream earlier, and paired comparisons of policies stay paired. What is left of a piece's area is carried into the next
//! one and instants are counted from the piece's own start: nothing accumulates over a long run. The rule for areas and
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
    /// Nanoseconds of the last answer: later ones are never earlier, whatever the last digits of a series say.
    last: u64,
}

impl Rate {
    /// The rate with its cursor at time 0; `run_from` is where the load begins in the run, which moves the diurnal clock.
    pub fn new(spec: &RateSpec, run_from: Span) -> Self {
        let shape = Shape::new(spec, run_from);
        let piece = next_piece(&shape, 1.0, 0);
        Self { shape, scale: 1.0, horizon: u64::MAX, piece, done: 0.0, last: 0 }
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
    #[inline]
    pub fn advance(&mut self, area: f64) -> Option<Span> {
        self.done += area;
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
