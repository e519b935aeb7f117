//! Replay of recorded arrivals, row by row.
//!
//! Rows are placed in time first (a bin's requests within the bin, an event with its jitter) and then thinned or copied,
//! each at its own instant, so that a change of volume holds from that instant on. Every row costs the same draws from the
//! stream of its purpose: the rows kept at half the volume are among those kept at three quarters. Memory is one bin, the
//! window of jitter and the window of shifts.

use super::load::Arrival;
use super::spec::Spread;
use super::spec::TraceSpec;
use crate::random::Stream;
use crate::random::Streams;
use crate::random::dist::poisson_count;
use crate::units::SimTime;
use crate::units::Span;
use rand::RngExt;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::path::PathBuf;

/// A row of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The file's own time.
    pub t: Span,
    /// Requests of this interval; 1 for an event.
    pub count: u64,
    /// Work of each, if the file says so.
    pub demand: Option<Span>,
    /// Where it stands in the file, from 1.
    pub line: u64,
}

/// Where rows come from, one at a time.
pub trait RowSource {
    /// The next row, `None` after the last one.
    ///
    /// # Errors
    /// What cannot be read or is no row.
    fn next_row(&mut self) -> Result<Option<Row>, TraceError>;
    /// Begins again with the first row.
    ///
    /// # Errors
    /// What cannot be read again.
    fn rewind(&mut self) -> Result<(), TraceError>;
    /// True if rows count the requests of intervals.
    fn is_binned(&self) -> bool;
}

/// Why a trace cannot be replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceError {
    /// The file.
    pub path: PathBuf,
    /// The line at fault; `None`: the file as a whole.
    pub line: Option<u64>,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for TraceError {}

/// Copies are shifted by up to this much, either way.
const LARGEST_SHIFT: Span = Span::from_secs(1);

/// A replay.
pub(super) struct Trace {
    source: Box<dyn RowSource>,
    spec: TraceSpec,
    from: SimTime,
    end: SimTime,
    /// Width of a bin; `None`: rows are events.
    bin: Option<u64>,
    /// File time of `from`; the first row's where the file is not clipped.
    zero: Option<u64>,
    /// What repetitions have added to file time.
    repeated: u64,
    pass: Pass,
    volume: f64,
    placing: Stream,
    keeping: Stream,
    shifting: Stream,
    /// Requests of the file in the order of their instants, not yet thinned or copied.
    placed: BinaryHeap<Reverse<Request>>,
    copies: BinaryHeap<Reverse<Request>>,
    numbered: u64,
    /// No row still to be read places a request earlier than this.
    read_to: SimTime,
    /// Nothing happens earlier than this.
    now: SimTime,
}

/// What one reading of the file has shown.
#[derive(Default)]
struct Pass {
    first: Option<u64>,
    last: u64,
    rows: u64,
    requests: u64,
}

/// A request; equal instants keep the order of the file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Request {
    at: SimTime,
    number: u64,
    demand: Option<Span>,
}

impl Trace {
    pub(super) fn new(
        spec: &TraceSpec,
        scale: f64,
        (from, end): (SimTime, SimTime),
        (streams, path): (&Streams, &str),
        source: Box<dyn RowSource>,
    ) -> Result<Self, TraceError> {
        let mut trace = Self {
            source,
            spec: spec.clone(),
            from,
            end,
            bin: None,
            zero: spec.clip_from.map(Span::as_nanos),
            repeated: 0,
            pass: Pass::default(),
            volume: spec.volume_scale * scale,
            placing: streams.named(&format!("{path}/arrivals")),
            keeping: streams.named(&format!("{path}/volume")),
            shifting: streams.named(&format!("{path}/shift")),
            placed: BinaryHeap::new(),
            copies: BinaryHeap::new(),
            numbered: 0,
            read_to: from,
            now: from,
        };
        if trace.source.is_binned() {
            trace.bin = Some(trace.width_of_bins()?);
        }
        trace.read_on()?;
        Ok(trace)
    }

    pub(super) fn next_at(&self) -> SimTime {
        let copy = self.copies.peek().map_or(SimTime::NEVER, |Reverse(copy)| copy.at);
        copy.min(self.handled_at())
    }

    /// A request of the file is thinned or copied, or else a copy arrives.
    pub(super) fn fire(&mut self, now: SimTime) -> Result<Option<Arrival>, TraceError> {
        self.now = now;
        if self.handled_at() > now {
            return Ok(self.copies.pop().map(|Reverse(copy)| copy.arrives()));
        }
        let Some(Reverse(request)) = self.placed.pop() else {
            return Ok(None);
        };
        self.read_on()?;
        let whole = self.volume.floor();
        let fraction = self.volume - whole;
        let one_more = fraction > 0.0 && self.keeping.random::<f64>() < fraction;
        let copies = whole as u64 + u64::from(one_more);
        if copies == 1 && request.at == now {
            return Ok(Some(request.arrives()));
        }
        for copy in 0..copies {
            let at = if copy == 0 { request.at } else { self.shifted(request.at) };
            let number = self.number();
            self.copies.push(Reverse(Request { at, number, ..request }));
        }
        Ok(None)
    }

    pub(super) fn set_scale(&mut self, now: SimTime, scale: f64) {
        self.volume = self.spec.volume_scale * scale;
        self.now = self.now.max(now);
    }

    /// When the next request of the file is thinned or copied: ahead of its instant if copies may come before it.
    fn handled_at(&self) -> SimTime {
        let ahead = if self.volume > 1.0 { LARGEST_SHIFT } else { Span::ZERO };
        self.placed.peek().map_or(SimTime::NEVER, |Reverse(request)| request.at.saturating_sub(ahead).max(self.now))
    }

    /// A shift either way; what would lie in the past is mirrored at now.
    fn shifted(&mut self, at: SimTime) -> SimTime {
        let shift = Span::from_drawn_secs(2.0 * LARGEST_SHIFT.as_secs_f64() * self.shifting.random::<f64>());
        let late = at + shift;
        let earliest = self.now + LARGEST_SHIFT;
        if late >= earliest { late.saturating_sub(LARGEST_SHIFT) } else { self.now + earliest.since(late) }
    }

    fn number(&mut self) -> u64 {
        self.numbered += 1;
        self.numbered
    }

    /// Reads until the earliest placed request is the earliest of all.
    fn read_on(&mut self) -> Result<(), TraceError> {
        while self.read_to < self.end && self.placed.peek().is_none_or(|Reverse(request)| request.at > self.read_to) {
            match self.source.next_row()? {
                Some(row) if self.is_before_clip_end(&row) => self.take(&row)?,
                _ => self.end_pass()?,
            }
        }
        Ok(())
    }

    fn is_before_clip_end(&self, row: &Row) -> bool {
        self.spec.clip_until.is_none_or(|until| row.t < until)
    }

    fn take(&mut self, row: &Row) -> Result<(), TraceError> {
        let t = row.t.as_nanos();
        if t < self.pass.last {
            return Err(self.refuse(Some(row.line), "times must not fall: sort the file by time"));
        }
        let ends = self.bin.map_or(t, |bin| t.saturating_add(bin).saturating_sub(1));
        self.pass.last = t;
        if self.spec.clip_from.is_some_and(|from| ends < from.as_nanos()) {
            return Ok(());
        }
        self.pass.first.get_or_insert(t);
        self.pass.rows += 1;
        self.pass.requests = self.pass.requests.saturating_add(row.count);
        self.zero.get_or_insert(t);
        self.read_to = self.instant(t);
        match self.bin {
            None => self.place_event(t, row),
            Some(bin) => self.place_bin(t, bin, row),
        }
        Ok(())
    }

    fn place_event(&mut self, t: u64, row: &Row) {
        let jitter = self.spec.jitter.as_nanos();
        for _ in 0..row.count {
            let late = if jitter == 0 { 0 } else { part(jitter, self.placing.random()) };
            self.place(t.saturating_add(late), row.demand);
        }
    }

    fn place_bin(&mut self, t: u64, bin: u64, row: &Row) {
        let count = match self.spec.spread {
            Spread::Poisson => poisson_count(row.count as f64, &mut self.placing),
            Spread::Even | Spread::Uniform => row.count,
        };
        for number in 0..count {
            let into = match self.spec.spread {
                // Each in the middle of its share of the bin: neither early nor late on average.
                Spread::Even => ((2 * u128::from(number) + 1) * u128::from(bin) / (2 * u128::from(count))) as u64,
                Spread::Uniform | Spread::Poisson => part(bin, self.placing.random()),
            };
            let at = t.saturating_add(into);
            let after = self.spec.clip_from.is_none_or(|from| at >= from.as_nanos());
            let before = self.spec.clip_until.is_none_or(|until| at < until.as_nanos());
            if after && before {
                self.place(at, row.demand);
            }
        }
    }

    fn place(&mut self, t: u64, demand: Option<Span>) {
        let at = self.instant(t);
        if at < self.end {
            let number = self.number();
            self.placed.push(Reverse(Request { at, number, demand }));
        }
    }

    /// The simulated instant of a file time of this pass.
    fn instant(&self, t: u64) -> SimTime {
        let since_zero = t.saturating_sub(self.zero.unwrap_or(t)).saturating_add(self.repeated);
        let scale = self.spec.time_scale;
        let nanos = if scale == 1.0 { since_zero } else { (since_zero as f64 / scale).round() as u64 };
        self.from + Span::from_nanos(nanos)
    }

    /// The file is read: over, or from the start again.
    fn end_pass(&mut self) -> Result<(), TraceError> {
        let pass = std::mem::take(&mut self.pass);
        // Whatever repeats nothing has nothing to come.
        let Some(first) = pass.first.filter(|_| self.spec.repeat && pass.requests > 0) else {
            self.read_to = SimTime::NEVER;
            return Ok(());
        };
        let length = pass.last - first;
        let gap = self.bin.unwrap_or(if pass.rows > 1 { length / (pass.rows - 1) } else { 0 });
        let period = length.saturating_add(gap);
        if period == 0 {
            return Err(self.refuse(None, "rows of a single instant cannot be repeated: set `loop = false`"));
        }
        if (period as f64) < self.spec.time_scale {
            return Err(self.refuse(None, "compressed to less than a nanosecond: lower `time_scale`"));
        }
        self.repeated = self.repeated.saturating_add(period);
        self.source.rewind()
    }

    /// The width of a bin: given, or the distance of the first two rows.
    fn width_of_bins(&mut self) -> Result<u64, TraceError> {
        if let Some(bin) = self.spec.bin {
            return Ok(bin.as_nanos());
        }
        let first = self.source.next_row()?;
        let second = self.source.next_row()?;
        self.source.rewind()?;
        let (Some(first), Some(second)) = (first, second) else {
            return Err(self.refuse(None, "fewer than two rows do not show the width of a bin: set `bin`"));
        };
        match second.t.as_nanos().checked_sub(first.t.as_nanos()) {
            Some(width) if width > 0 => Ok(width),
            Some(_) => Err(self.refuse(Some(second.line), "the first two bins begin together: set `bin`")),
            None => Err(self.refuse(Some(second.line), "times must not fall: sort the file by time")),
        }
    }

    fn refuse(&self, line: Option<u64>, message: &str) -> TraceError {
        TraceError { path: self.spec.file.clone(), line, message: message.to_string() }
    }
}

impl Request {
    const fn arrives(&self) -> Arrival {
        Arrival { user: None, demand: self.demand }
    }
}

/// A whole number below `whole`, by a share below 1.
fn part(whole: u64, share: f64) -> u64 {
    ((whole as f64 * share) as u64).min(whole.saturating_sub(1))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    struct Rows {
        rows: Vec<Row>,
        next: usize,
        binned: bool,
    }

    impl RowSource for Rows {
        fn next_row(&mut self) -> Result<Option<Row>, TraceError> {
            self.next += 1;
            Ok(self.rows.get(self.next - 1).copied())
        }
        fn rewind(&mut self) -> Result<(), TraceError> {
            self.next = 0;
            Ok(())
        }
        fn is_binned(&self) -> bool {
            self.binned
        }
    }

    pub(in crate::workload) fn spec() -> TraceSpec {
        TraceSpec {
            file: PathBuf::from("recorded.csv"),
            time_scale: 1.0,
            volume_scale: 1.0,
            spread: Spread::Uniform,
            repeat: false,
            clip_from: None,
            clip_until: None,
            jitter: Span::ZERO,
            bin: None,
            demand_column: None,
        }
    }

    /// Rows of (nanoseconds, count); the work of each is its number in seconds.
    fn replay(spec: &TraceSpec, rows: &[(u64, u64)], binned: bool, end: SimTime) -> Result<Trace, TraceError> {
        let rows = rows
            .iter()
            .zip(1_u64..)
            .map(|((t, count), number)| Row {
                t: Span::from_nanos(*t),
                count: *count,
                demand: Some(Span::from_secs(number)),
                line: number + 1,
            })
            .collect();
        let source = Box::new(Rows { rows, next: 0, binned });
        Trace::new(spec, 1.0, (SimTime::from_secs(5), end), (&Streams::new(1), "load/web"), source)
    }

    fn go_on(trace: &mut Trace, until: SimTime) -> Result<Vec<(u64, u64)>, TraceError> {
        let mut all = Vec::new();
        while trace.next_at() < until {
            let now = trace.next_at();
            if let Some(arrival) = trace.fire(now)? {
                let demand = arrival.demand.expect("each row has one").as_nanos() / 1_000_000_000;
                all.push((now.as_nanos(), demand));
            }
        }
        Ok(all)
    }

    /// Instants and numbers of rows.
    fn arrivals(spec: &TraceSpec, rows: &[(u64, u64)], binned: bool, end_secs: u64) -> Vec<(u64, u64)> {
        let end = SimTime::from_secs(end_secs);
        replay(spec, rows, binned, end).and_then(|mut trace| go_on(&mut trace, end)).expect("a good trace")
    }

    fn instants(spec: &TraceSpec, rows: &[(u64, u64)], binned: bool, end_secs: u64) -> Vec<u64> {
        arrivals(spec, rows, binned, end_secs).into_iter().map(|(at, _)| at).collect()
    }

    const SEC: u64 = 1_000_000_000;
    const EVENTS: [(u64, u64); 4] = [(100 * SEC, 1), (100 * SEC + 1, 1), (100 * SEC + 1, 1), (103 * SEC, 1)];
    const MINUTES: [(u64, u64); 4] = [(0, 3), (60 * SEC, 0), (120 * SEC, 500), (180 * SEC, 1)];

    fn every_second(rows: u64) -> Vec<(u64, u64)> {
        (0..rows).map(|row| (row * SEC, 1)).collect()
    }

    #[test]
    fn events_keep_their_times_and_order() {
        let expected = [(5 * SEC, 1), (5 * SEC + 1, 2), (5 * SEC + 1, 3), (8 * SEC, 4)];
        assert_eq!(arrivals(&spec(), &EVENTS, false, 1_000), expected);
        assert_eq!(arrivals(&spec(), &EVENTS, false, 8), expected[..3]);
    }

    #[test]
    fn time_is_compressed() {
        let spec = TraceSpec { time_scale: 2.0, ..spec() };
        assert_eq!(
            instants(&spec, &[(0, 1), (3 * SEC, 1), (10 * SEC, 1)], false, 100),
            [5 * SEC, 6 * SEC + SEC / 2, 10 * SEC]
        );
    }

    #[test]
    fn clips_keep_what_lies_between() {
        let clip = |from: u64, until: u64| TraceSpec {
            clip_from: Some(Span::from_secs(from)),
            clip_until: Some(Span::from_secs(until)),
            spread: Spread::Even,
            ..spec()
        };
        // The clock begins at the clip, not at the first row within it.
        assert_eq!(instants(&clip(101, 103), &EVENTS, false, 1_000), [0_u64; 0]);
        assert_eq!(instants(&clip(101, 104), &EVENTS, false, 1_000), [7 * SEC]);
        // Of three in the first minute, at 10, 30 and 50 s, two come after 20 s.
        assert_eq!(instants(&clip(20, 120), &MINUTES, true, 1_000), [15 * SEC, 35 * SEC]);
    }

    #[test]
    fn a_trace_is_repeated_with_its_mean_gap() {
        let spec = TraceSpec { repeat: true, ..spec() };
        // Last - first is 4 s and the mean gap 2 s.
        let rows = [(7 * SEC, 1), (8 * SEC, 1), (11 * SEC, 1)];
        let expected = [5, 6, 9, 11, 12, 15, 17, 18].map(|secs| secs * SEC);
        assert_eq!(instants(&spec, &rows, false, 20), expected);
        let end = SimTime::from_secs(20);
        let alone = replay(&spec, &rows[..1], false, end).and_then(|mut trace| go_on(&mut trace, end));
        let error = alone.expect_err("no period");
        assert_eq!(error.to_string(), "recorded.csv: rows of a single instant cannot be repeated: set `loop = false`");
        let spec = TraceSpec { time_scale: 1e300, ..spec };
        let error = replay(&spec, &rows, false, end).and_then(|mut trace| go_on(&mut trace, end)).expect_err("no time");
        assert_eq!(error.to_string(), "recorded.csv: compressed to less than a nanosecond: lower `time_scale`");
        let spec = TraceSpec { time_scale: 1.0, ..spec };
        assert_eq!(instants(&spec, &[(0, 0), (10 * SEC, 0)], true, 45), [0_u64; 0], "nothing, repeated");
        // A binned trace repeats after its last bin.
        let bins = [(0, 1), (10 * SEC, 1)];
        let spec = TraceSpec { spread: Spread::Even, ..spec };
        assert_eq!(instants(&spec, &bins, true, 45), [10, 20, 30, 40].map(|secs| secs * SEC));
    }

    #[test]
    fn bins_keep_their_counts() {
        for spread in [Spread::Even, Spread::Uniform] {
            let spec = TraceSpec { spread, ..spec() };
            let found = arrivals(&spec, &MINUTES, true, 1_000);
            assert!(found.is_sorted_by_key(|(at, _)| *at));
            let mut counts = [0; 4];
            for (at, row) in found {
                let bin = (at - 5 * SEC) / (60 * SEC);
                assert_eq!(bin + 1, row);
                counts[bin as usize] += 1;
            }
            assert_eq!(counts, [3, 0, 500, 1]);
        }
        let even = TraceSpec { spread: Spread::Even, ..spec() };
        assert_eq!(instants(&even, &MINUTES, true, 65), [15 * SEC, 35 * SEC, 55 * SEC]);
    }

    #[test]
    fn poisson_bins_keep_their_mean() {
        let spec = TraceSpec { spread: Spread::Poisson, bin: Some(Span::from_secs(1)), ..spec() };
        let rows: Vec<_> = (0..1_000).map(|row| (row * SEC, 30)).collect();
        let found = instants(&spec, &rows, true, 10_000);
        assert!((found.len() as f64 - 30_000.0).abs() < 4.0 * 30_000_f64.sqrt(), "{}", found.len());
        let mut counts = vec![0.0_f64; 1_000];
        for at in found {
            counts[((at - 5 * SEC) / SEC) as usize] += 1.0;
        }
        // Variance over mean is 1, with a standard error of √(2/1000).
        let dispersion = counts.iter().map(|count| (count - 30.0).powi(2)).sum::<f64>() / 30_000.0;
        assert!((dispersion - 1.0).abs() < 4.0 * 0.002_f64.sqrt(), "{dispersion}");
    }

    #[test]
    fn bins_wider_than_their_distance_overlap_in_order() {
        let spec = TraceSpec { bin: Some(Span::from_secs(5)), ..spec() };
        let rows: Vec<_> = (0..100).map(|row| (row * SEC, 10)).collect();
        let found = instants(&spec, &rows, true, 1_000);
        assert_eq!(found.len(), 1_000);
        assert!(found.is_sorted());
    }

    #[test]
    fn a_doubled_volume_has_each_row_twice() {
        let spec = TraceSpec { volume_scale: 2.0, ..spec() };
        let found = arrivals(&spec, &every_second(1_000), false, 10_000);
        assert_eq!(found.len(), 2_000);
        assert!(found.is_sorted_by_key(|(at, _)| *at));
        for row in 1..=1_000 {
            let own = 5 * SEC + (row - 1) * SEC;
            let copies: Vec<_> = found.iter().filter(|(_, number)| *number == row).map(|(at, _)| *at).collect();
            assert_eq!(copies.len(), 2);
            assert!(copies.contains(&own), "the first copy is not shifted");
            assert!(copies.iter().all(|at| at.abs_diff(own) <= SEC));
        }
        let early = found.iter().filter(|(at, row)| *at < (row + 4) * SEC).count();
        assert!((400..600).contains(&early), "half of the copies come early: {early}");
    }

    #[test]
    fn a_broken_volume_has_a_share_of_copies() {
        let spec = TraceSpec { volume_scale: 2.25, ..spec() };
        let found = arrivals(&spec, &every_second(10_000), false, 100_000).len() as f64;
        // Two copies of each row, and a third one of about a quarter of them: Binomial(10,000, 1/4).
        assert!((found - 22_500.0).abs() < 4.0 * 1_875_f64.sqrt(), "{found}");
    }

    #[test]
    fn thinning_keeps_order_and_pairs() {
        let thinned = |share: f64| {
            let spec = TraceSpec { volume_scale: share, ..spec() };
            arrivals(&spec, &every_second(10_000), false, 100_000)
        };
        let (quarter, half) = (thinned(0.25), thinned(0.5));
        assert!((half.len() as f64 - 5_000.0).abs() < 4.0 * 50.0);
        assert!(half.is_sorted());
        assert!(half.iter().all(|(at, row)| *at == (row + 4) * SEC));
        // What is kept of less is kept of more.
        assert!(quarter.iter().all(|kept| half.contains(kept)));
        assert!(thinned(0.0).is_empty());
    }

    #[test]
    fn jitter_shifts_later_by_less_than_itself() {
        let spec = TraceSpec { jitter: Span::from_secs(3), ..spec() };
        let found = arrivals(&spec, &every_second(1_000), false, 10_000);
        assert_eq!(found.len(), 1_000);
        assert!(found.is_sorted_by_key(|(at, _)| *at));
        assert!(!found.is_sorted_by_key(|(_, row)| *row));
        assert!(found.iter().all(|(at, row)| (0..3 * SEC).contains(&(at - (row + 4) * SEC))));
    }

    #[test]
    fn a_new_volume_holds_from_now_on() {
        let end = SimTime::from_secs(1_000);
        let mut trace = replay(&spec(), &every_second(30), false, end).expect("a good trace");
        let ten = SimTime::from_nanos(14_500_000_000);
        assert_eq!(go_on(&mut trace, ten).expect("rows").len(), 10);
        trace.set_scale(ten, 0.0);
        let twenty = SimTime::from_nanos(24_500_000_000);
        assert_eq!(go_on(&mut trace, twenty).expect("rows"), []);
        trace.set_scale(twenty, 1.0);
        let rest = go_on(&mut trace, end).expect("rows");
        assert_eq!((rest.len(), rest[0]), (10, (25 * SEC, 21)));
    }

    #[test]
    fn what_cannot_be_replayed_is_refused_at_its_line() {
        let end = SimTime::from_secs(1_000);
        let mut trace = replay(&spec(), &[(SEC, 1), (2 * SEC, 1), (0, 1)], false, end).expect("a good beginning");
        let error = go_on(&mut trace, end).expect_err("unsorted");
        assert_eq!(error.to_string(), "recorded.csv:4: times must not fall: sort the file by time");
        let alone = replay(&spec(), &MINUTES[..1], true, end).err().expect("no width");
        assert_eq!(alone.line, None);
        let together = replay(&spec(), &[(0, 1), (0, 1)], true, end).err().expect("no width");
        assert_eq!(together.line, Some(3));
        assert!(arrivals(&spec(), &[], false, 1_000).is_empty());
    }
}
