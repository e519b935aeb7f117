//! Curves from rows: what holds between two rows, where a curve breaks, and how many points a picture can show.

use crate::record::TimelineRow;

/// A point of a curve: seconds, value.
pub type Point = (f64, f64);

/// What has a place on the time axis: the end of a tick.
pub trait Timed {
    /// Seconds.
    fn time_s(&self) -> f64;
}

impl Timed for TimelineRow {
    fn time_s(&self) -> f64 {
        self.time_s
    }
}

impl Timed for Point {
    fn time_s(&self) -> f64 {
        self.0
    }
}

/// With more points than this a curve keeps the lowest and highest of each column.
const MOST_POINTS: usize = 4_000;
/// Columns over the width of a panel: two per logical pixel.
const COLUMNS: f64 = 1_760.0;

/// A rate, known at the end of every tick: it holds from the start of the first one.
pub fn sampled<R: Timed>(rows: &[R], value: impl Fn(&R) -> f64) -> Vec<Point> {
    pieces(rows, |row| Some(value(row))).into_iter().flatten().collect()
}

/// A value that is empty in some ticks: one piece per unbroken stretch. A piece starts with the tick of its first
/// value, so that a single tick can be seen.
pub fn pieces<R: Timed>(rows: &[R], value: impl Fn(&R) -> Option<f64>) -> Vec<Vec<Point>> {
    let mut pieces: Vec<Vec<Point>> = Vec::new();
    let mut open = false;
    let mut tick_start = 0.0;
    for row in rows {
        match value(row).filter(|v| !v.is_nan()) {
            Some(v) if open => pieces.last_mut().expect("an open piece exists").push((row.time_s(), v)),
            Some(v) => {
                pieces.push(vec![(tick_start, v), (row.time_s(), v)]);
                open = true;
            }
            None => open = false,
        }
        tick_start = row.time_s();
    }
    pieces
}

/// A count, read at the end of every tick, that holds until the next reading: corners of a stair up to `end_s`.
pub fn held<R: Timed>(rows: &[R], end_s: f64, value: impl Fn(&R) -> f64) -> Vec<Point> {
    held_pieces(rows, end_s, |row| Some(value(row))).into_iter().flatten().collect()
}

/// The same for a value that is empty in some ticks.
pub fn held_pieces<R: Timed>(rows: &[R], end_s: f64, value: impl Fn(&R) -> Option<f64>) -> Vec<Vec<Point>> {
    let mut stairs = Vec::new();
    let mut piece: Vec<Point> = Vec::new();
    for row in rows {
        let last = piece.last().copied();
        match (value(row).filter(|v| !v.is_nan()), last) {
            (Some(v), Some((_, held))) if v == held => {}
            (Some(v), Some((_, held))) => piece.extend([(row.time_s(), held), (row.time_s(), v)]),
            // What the first row says held from the start: nothing earlier is known.
            (Some(v), None) if stairs.is_empty() && row.time_s() == rows[0].time_s() => piece.push((0.0, v)),
            (Some(v), None) => piece.push((row.time_s(), v)),
            (None, Some((_, held))) => {
                piece.push((row.time_s(), held));
                stairs.push(std::mem::take(&mut piece));
            }
            (None, None) => {}
        }
    }
    if let Some(&(at, held)) = piece.last() {
        piece.push((end_s.max(at), held));
        stairs.push(piece);
    }
    stairs
}

/// The same pieces, joined where the gap between two is narrower than a column: it could not be seen.
pub fn joined(pieces: Vec<Vec<Point>>, end_s: f64) -> Vec<Vec<Point>> {
    let mut wide: Vec<Vec<Point>> = Vec::new();
    for piece in pieces {
        let start_s = piece.first().map_or(0.0, |point| point.0);
        match wide.last_mut() {
            Some(left) if left.last().is_some_and(|end| start_s - end.0 < end_s / COLUMNS) => left.extend(piece),
            _ => wide.push(piece),
        }
    }
    wide
}

/// At most two points per column of the panel, the lowest and the highest in their order: a spike of one tick stays.
/// The ends of the curve stay too.
pub fn thinned(points: Vec<Point>, end_s: f64) -> Vec<Point> {
    let (Some(&first), Some(&last)) = (points.first(), points.last()) else { return points };
    if points.len() <= MOST_POINTS {
        return points;
    }
    let column = |p: &Point| (p.0 / end_s * COLUMNS) as u64;
    let by_value = |a: &&Point, b: &&Point| a.1.total_cmp(&b.1);
    let mut kept = vec![first];
    for group in points.chunk_by(|a, b| column(a) == column(b)) {
        let low = *group.iter().min_by(by_value).expect("a group is never empty");
        let high = *group.iter().max_by(by_value).expect("a group is never empty");
        kept.extend(if low.0 <= high.0 { [low, high] } else { [high, low] });
    }
    kept.push(last);
    kept.dedup();
    kept
}

/// Greatest finite value; 0 without any.
pub fn greatest(values: impl Iterator<Item = f64>) -> f64 {
    values.filter(|v| v.is_finite()).fold(0.0, f64::max)
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A row in which nothing happened.
    pub fn quiet_row(time_s: f64) -> TimelineRow {
        TimelineRow { time_s, pool: "chat".to_owned(), ..TimelineRow::default() }
    }

    fn rows_of(values: &[Option<f64>]) -> Vec<TimelineRow> {
        let row = |(i, v): (usize, &Option<f64>)| TimelineRow { latency_p50_s: *v, ..quiet_row(5.0 * (i + 1) as f64) };
        values.iter().enumerate().map(row).collect()
    }

    #[test]
    fn a_gap_breaks_a_curve_and_one_tick_is_a_piece() {
        let rows = rows_of(&[Some(1.0), None, Some(3.0), Some(4.0)]);
        let want = vec![vec![(0.0, 1.0), (5.0, 1.0)], vec![(10.0, 3.0), (15.0, 3.0), (20.0, 4.0)]];
        assert_eq!(pieces(&rows, |row| row.latency_p50_s), want);
    }

    #[test]
    fn a_stair_holds_from_the_start_to_the_end() {
        let rows = rows_of(&[Some(2.0), Some(2.0), Some(3.0), None]);
        let want = vec![vec![(0.0, 2.0), (15.0, 2.0), (15.0, 3.0), (20.0, 3.0)]];
        assert_eq!(held_pieces(&rows, 30.0, |row| row.latency_p50_s), want);
        let open_end = held(&rows[..3], 30.0, |row| row.time_s);
        assert_eq!(open_end.last(), Some(&(30.0, 15.0)));
        assert!(held(&[] as &[TimelineRow], 30.0, |row| row.time_s).is_empty());
    }

    #[test]
    fn only_gaps_that_can_be_seen_stay() {
        // Of 1,760 s a column is 1 s.
        let piece = |from: f64, until: f64| vec![(from, 1.0), (until, 1.0)];
        let joined = joined(vec![piece(0.0, 5.0), piece(5.5, 6.0), piece(8.0, 9.0)], 1_760.0);
        assert_eq!(joined.iter().map(Vec::len).collect::<Vec<_>>(), [4, 2]);
    }

    #[test]
    fn thinning_keeps_a_spike_of_one_point() {
        let mut points: Vec<Point> = (0..100_000).map(|i| (f64::from(i), 1.0)).collect();
        points[54_321].1 = 9.0;
        points[54_322].1 = -9.0;
        let kept = thinned(points, 100_000.0);
        assert!(kept.len() <= 2 * COLUMNS as usize + 4, "{} points", kept.len());
        assert!(kept.contains(&(54_321.0, 9.0)) && kept.contains(&(54_322.0, -9.0)));
        assert!(kept.is_sorted_by(|a, b| a.0 < b.0));
    }
}
