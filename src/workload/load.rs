//! A load: one pending arrival at a time, whatever the process behind it.
//!
//! Instants come from `load/NAME/arrivals`, work from `load/NAME/demand`, and a closed-loop user's thinking and work from
//! `load/NAME/user` keyed by its number: no policy can shift them.

use super::arrivals::ByRate;
use super::arrivals::Gaps;
use super::spec::ArrivalsSpec;
use super::spec::LoadSpec;
use super::trace::RowSource;
use super::trace::Trace;
use super::trace::TraceError;
use super::users::Users;
use crate::random::Law;
use crate::random::Stream;
use crate::random::Streams;
use crate::units::SimTime;
use crate::units::Span;

/// A request arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Closed loop: whose request it is, to be given to [`Load::demand`] and back to [`Load::ended`]. The user's number,
    /// or a handle beyond all numbers while an older request of the same user is still in flight. Never `u32::MAX`.
    pub user: Option<u32>,
    /// Work at speed 1, where a trace says so.
    pub demand: Option<Span>,
}

/// A load in a run.
pub struct Load {
    process: Process,
    demands: Stream,
    end: SimTime,
}

enum Process {
    ByRate(Box<ByRate>),
    Trace(Box<Trace>),
    Users(Box<Users>),
}

impl Load {
    /// The load of this description. It exists from its `from` until its `until` or the end of the run: nothing arrives
    /// at that instant or later. `rows` is the open file of a trace.
    ///
    /// # Errors
    /// A trace whose first rows cannot be replayed.
    pub fn new(
        spec: &LoadSpec,
        run_end: SimTime,
        streams: &Streams,
        rows: Option<Box<dyn RowSource>>,
    ) -> Result<Self, TraceError> {
        let path = format!("load/{}", spec.name);
        let from = SimTime::ZERO + spec.from;
        let end = spec.until.map_or(run_end, |until| run_end.min(SimTime::ZERO + until));
        let by_rate = |rate, gaps| {
            let stream = streams.named(&format!("{path}/arrivals"));
            Process::ByRate(Box::new(ByRate::new((rate, spec.scale), gaps, stream, (from, end))))
        };
        let process = match &spec.arrivals {
            ArrivalsSpec::Poisson { rate } => by_rate(rate, Gaps::Exponential),
            ArrivalsSpec::Deterministic { rate, offset } => by_rate(rate, Gaps::Even { first: *offset }),
            ArrivalsSpec::Renewal { rate, gaps } => by_rate(rate, Gaps::Renewal(gaps.clone())),
            ArrivalsSpec::Trace(trace) => {
                let rows = rows.ok_or_else(|| TraceError {
                    path: trace.file.clone(),
                    line: None,
                    message: "the file has not been opened".to_string(),
                })?;
                Process::Trace(Box::new(Trace::new(trace, spec.scale, (from, end), (streams, &path), rows)?))
            }
            ArrivalsSpec::Users(users) => {
                Process::Users(Box::new(Users::new(users, spec.scale, from, streams, format!("{path}/user"))))
            }
        };
        Ok(Self { process, demands: streams.named(&format!("{path}/demand")), end })
    }

    /// When [`Load::fire`] is due.
    #[inline(always)]
    pub fn next_at(&self) -> Option<SimTime> {
        let at = match &self.process {
            Process::ByRate(process) => process.next_at(),
            Process::Trace(trace) => trace.next_at(),
            Process::Users(users) => users.next_at(),
        };
        (at < self.end).then_some(at)
    }

    /// What is due at `now`, which is [`Load::next_at`]; draws what comes next. `None`: a step without a request (users
    /// come or go, a row of a trace is dropped or copied).
    ///
    /// # Errors
    /// A trace that cannot be read on.
    #[inline(always)]
    pub fn fire(&mut self, now: SimTime) -> Result<Option<Arrival>, Box<TraceError>> {
        debug_assert_eq!(self.next_at(), Some(now), "a load fires when it is due");
        match &mut self.process {
            Process::ByRate(process) => {
                process.fire();
                Ok(Some(Arrival { user: None, demand: None }))
            }
            Process::Trace(trace) => trace.fire(now).map_err(Box::new),
            Process::Users(users) => Ok(users.fire(now)),
        }
    }

    /// A closed-loop user's request has ended, well or not. Draws how long the user thinks.
    #[inline]
    pub fn ended(&mut self, now: SimTime, user: u32) {
        if let Process::Users(users) = &mut self.process {
            users.ended(now, user);
        }
    }

    /// Whose request this is, and how often that user had left before it sent it; `user` as in its [`Arrival`].
    pub fn sender(&self, user: u32) -> Option<(u32, u32)> {
        match &self.process {
            Process::Users(users) => Some(users.sender(user)),
            Process::ByRate(_) | Process::Trace(_) => None,
        }
    }

    /// From now on the rate, the users or the trace's volume are multiplied by `scale`, in place of the former factor.
    pub fn set_scale(&mut self, now: SimTime, scale: f64) {
        match &mut self.process {
            Process::ByRate(process) => process.set_scale(now, scale),
            Process::Trace(trace) => trace.set_scale(now, scale),
            Process::Users(users) => users.set_scale(now, scale),
        }
    }

    /// Work of a request, drawn at its birth; `user` as in its [`Arrival`].
    #[inline(always)]
    pub fn demand(&mut self, law: &Law, user: Option<u32>) -> Span {
        let stream = match (&mut self.process, user) {
            (Process::Users(users), Some(user)) => users.stream(user),
            _ => &mut self.demands,
        };
        Span::from_drawn_secs(law.sample(stream))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Protocol;
    use crate::workload::Rate;
    use crate::workload::RateSpec;
    use crate::workload::Stage;
    use rand::RngExt;

    fn spec(arrivals: ArrivalsSpec) -> LoadSpec {
        LoadSpec {
            name: "web".to_string(),
            to: "model".to_string(),
            arrivals,
            from: Span::ZERO,
            until: None,
            scale: 1.0,
            demand: None,
            timeout: None,
            cancel_on_timeout: false,
            protocol: Protocol::Rest,
            kept: None,
        }
    }

    fn poisson(rate: RateSpec) -> LoadSpec {
        spec(ArrivalsSpec::Poisson { rate })
    }

    fn even(rate: RateSpec, offset: f64) -> LoadSpec {
        spec(ArrivalsSpec::Deterministic { rate, offset })
    }

    fn renewal(rate: RateSpec, gaps: Result<Law, crate::random::LawError>) -> LoadSpec {
        spec(ArrivalsSpec::Renewal { rate, gaps: gaps.expect("a law") })
    }

    fn wave() -> RateSpec {
        let (period, phase) = (Span::from_secs(600), Span::from_secs(100));
        RateSpec::Sum(vec![RateSpec::Constant(2.0), RateSpec::Sine { mean: 20.0, amplitude: 1.0, period, phase }])
    }

    fn start(spec: &LoadSpec, run_secs: u64, seed: u64) -> Load {
        Load::new(spec, SimTime::from_secs(run_secs), &Streams::new(seed), None).expect("no trace")
    }

    /// Fires all that is due before `until`.
    fn arrivals(load: &mut Load, until: SimTime) -> Vec<SimTime> {
        let mut all = Vec::new();
        while let Some(now) = load.next_at().filter(|at| *at < until) {
            if load.fire(now).expect("no trace").is_some() {
                all.push(now);
            }
        }
        all
    }

    fn all(spec: &LoadSpec, run_secs: u64, seed: u64) -> Vec<SimTime> {
        arrivals(&mut start(spec, run_secs, seed), SimTime::NEVER)
    }

    fn nanos(instants: &[SimTime]) -> Vec<u64> {
        instants.iter().map(|at| at.as_nanos()).collect()
    }

    fn stage((secs, target): (f64, f64)) -> Stage {
        Stage { duration: Span::from_secs_f64(secs).expect("a duration"), target }
    }

    #[test]
    fn even_arrivals_begin_at_their_offset() {
        // A first arrival at once, then each third of a second, truncated; none at the end or later.
        assert_eq!(nanos(&all(&even(RateSpec::Constant(3.0), 0.0), 1, 0)), [0, 333_333_333, 666_666_666]);
        assert_eq!(nanos(&all(&even(RateSpec::Constant(3.0), 1.0), 1, 0)), [333_333_333, 666_666_666]);
        assert_eq!(
            nanos(&all(&even(RateSpec::Constant(4.0), 0.5), 1, 0)),
            [125_000_000, 375_000_000, 625_000_000, 875_000_000]
        );
        assert!(all(&even(RateSpec::Constant(0.0), 0.0), 1, 0).is_empty());
    }

    #[test]
    fn a_load_lives_from_its_beginning_to_its_end() {
        let mut spec = even(RateSpec::Constant(1.0), 0.0);
        (spec.from, spec.until) = (Span::from_millis(2500), Some(Span::from_millis(5500)));
        assert_eq!(nanos(&all(&spec, 100, 0)), [2_500_000_000, 3_500_000_000, 4_500_000_000]);
        spec.until = Some(Span::from_secs(1));
        assert!(all(&spec, 100, 0).is_empty());
    }

    #[test]
    fn a_ramp_of_k6_by_hand() {
        // 2/s for 5 s, then to 3/s within 5 s: (2·5 - √(5(4·5 + 2k)))/(2 - 3) = √(100 + 10k) - 10 for the k-th of the
        // second stage, 22.5 in all. √110 - 10 = 0.488088481..., √220 - 10 = 4.832396974...
        let rate = RateSpec::Stages([(0.0, 2.0), (5.0, 2.0), (5.0, 3.0), (0.0, 0.0)].map(stage).to_vec());
        let starts = nanos(&all(&even(rate, 1.0), 100, 0));
        assert_eq!(starts[..3], [500_000_000, 1_000_000_000, 1_500_000_000]);
        assert_eq!(starts[9..11], [5_000_000_000, 5_488_088_481]);
        assert_eq!(starts[21], 9_832_396_974);
        assert_eq!(starts.len(), 22);
    }

    #[test]
    fn counts_follow_the_area() {
        let gamma = || Law::gamma_mean_cv(1.0, 2.0);
        let processes = [
            (poisson(RateSpec::Constant(50.0)), RateSpec::Constant(50.0), 1.0),
            (poisson(wave()), wave(), 1.0),
            (renewal(wave(), gamma()), wave(), 4.0),
            (renewal(wave(), Law::weibull_mean_cv(1.0, 0.5)), wave(), 0.25),
            (renewal(wave(), Law::two_point(0.5, 1.0, 3.0).map(|law| law.rescaled_to_mean(1.0))), wave(), 0.25),
        ];
        for (spec, rate, dispersion) in processes {
            let count = all(&spec, 10_000, 1).len() as f64;
            let area = Rate::new(&rate, Span::ZERO).area(Span::from_secs(10_000));
            assert!((count - area).abs() < 4.0 * (area * dispersion).sqrt(), "{spec:?}: {count} of {area}");
        }
    }

    #[test]
    fn time_changed_gaps_are_exponential() {
        let instants = all(&poisson(wave()), 1_000, 2);
        let rate = Rate::new(&wave(), Span::ZERO);
        let areas: Vec<f64> = instants.iter().map(|at| rate.area(at.since(SimTime::ZERO))).collect();
        let mut gaps: Vec<f64> = areas.windows(2).map(|pair| pair[1] - pair[0]).collect();
        gaps.sort_by(f64::total_cmp);
        let n = gaps.len() as f64;
        let distance = gaps.iter().enumerate().fold(0.0_f64, |worst, (rank, gap)| {
            let theory = 1.0 - (-gap).exp();
            worst.max((theory - rank as f64 / n).abs()).max((theory - (rank + 1) as f64 / n).abs())
        });
        // The Kolmogorov distribution exceeds 1.95 with probability 0.001.
        assert!(distance * n.sqrt() < 1.95, "{distance} over {n} gaps");
    }

    #[test]
    fn gaps_keep_their_spread() {
        for (gaps, cv) in [
            (Law::gamma_mean_cv(1.0, 2.0), 2.0),
            (Law::gamma_mean_cv(1.0, 0.5), 0.5),
            // cv² = Γ(1 + 2/k)/Γ(1 + 1/k)² - 1 at k = 0.7.
            (Law::weibull_mean_shape(1.0, 0.7), 1.462),
        ] {
            let mut load = start(&renewal(RateSpec::Constant(10.0), gaps), 1_000_000, 3);
            let (mut sum, mut squares, mut before) = (0.0, 0.0, SimTime::ZERO);
            for _ in 0..1_000_000 {
                let now = load.next_at().expect("an arrival");
                let gap = now.since(before).as_secs_f64();
                (sum, squares, before) = (sum + gap, squares + gap * gap, now);
                load.fire(now).expect("no trace");
            }
            let mean = sum / 1e6;
            let found = (squares / 1e6 - mean * mean).sqrt() / mean;
            assert!((found / cv - 1.0).abs() < 0.02, "{found} instead of {cv}");
        }
    }

    #[test]
    fn a_larger_rate_makes_every_arrival_earlier() {
        let slow = all(&poisson(RateSpec::Sum(vec![wave(), RateSpec::Constant(1.0)])), 5_000, 4);
        let fast = all(&poisson(RateSpec::Sum(vec![wave(), RateSpec::Constant(1.5)])), 5_000, 4);
        assert!(fast.len() > slow.len());
        assert!(slow.iter().zip(&fast).all(|(slow, fast)| fast <= slow));
    }

    #[test]
    fn seeds_and_names_decide_alone() {
        let mut spec = poisson(wave());
        let first = all(&spec, 100, 5);
        assert_eq!(first, all(&spec, 100, 5));
        assert_ne!(first, all(&spec, 100, 6));
        // Work drawn in between moves no arrival.
        let mut load = start(&spec, 100, 5);
        let law = Law::exponential(1.0).expect("a law");
        let mut mixed = Vec::new();
        while let Some(now) = load.next_at() {
            load.demand(&law, None);
            load.fire(now).expect("no trace");
            mixed.push(now);
        }
        assert_eq!(first, mixed);
        spec.name = "api".to_string();
        assert_ne!(first, all(&spec, 100, 5));
    }

    #[test]
    fn a_scale_multiplies_the_rate() {
        let mut spec = even(RateSpec::Constant(1.0), 1.0);
        spec.scale = 4.0;
        assert_eq!(nanos(&all(&spec, 1, 0)), [250_000_000, 500_000_000, 750_000_000]);
        let mut load = start(&spec, 100, 0);
        arrivals(&mut load, SimTime::from_nanos(1_125_000_000));
        // Half an arrival is owed: half a second at rate 1.
        load.set_scale(SimTime::from_nanos(1_125_000_000), 1.0);
        assert_eq!(load.next_at(), Some(SimTime::from_nanos(1_625_000_000)));
        load.set_scale(SimTime::from_nanos(1_125_000_000), 0.0);
        assert_eq!(load.next_at(), None);
        load.set_scale(SimTime::from_secs(50), 1.0);
        assert_eq!(load.next_at(), Some(SimTime::from_nanos(50_500_000_000)));
    }

    /// Even arrivals are the whole part of the area, whatever scales it has been given on the way.
    #[test]
    fn no_change_of_scale_loses_or_invents_arrivals() {
        let late_stages = [(3.0, 5.0), (4.0, 0.0), (5.0, 0.0), (0.0, 2.0), (6.0, 1.0)].map(stage).to_vec();
        let (at, lasts) = (Span::from_secs(20), Span::from_secs(10));
        let rates = [wave(), RateSpec::Stages(late_stages), RateSpec::Spike { base: 0.0, peak: 3.0, at, lasts }];
        let mut draws = Streams::new(7).named("scales");
        for round in 0..300 {
            let given = &rates[round % rates.len()];
            let (mut load, rate) = (start(&even(given.clone(), 1.0), 60, 0), Rate::new(given, Span::ZERO));
            let (mut area, mut scale, mut before, mut count) = (0.0, 1.0, Span::ZERO, 0);
            while before < Span::from_secs(60) {
                let now = before + Span::from_drawn_secs(8.0 * draws.random::<f64>());
                count += arrivals(&mut load, SimTime::ZERO + now).len();
                let until = now.min(Span::from_secs(60));
                area += scale * (rate.area(until) - rate.area(before));
                let open = area - count as f64;
                assert!((-1e-6..1.0 + 1e-6).contains(&open), "{given:?}: {count} of {area} at {now:?}");
                scale = if draws.random::<f64>() < 0.3 { 0.0 } else { 3.0 * draws.random::<f64>() };
                load.set_scale(SimTime::ZERO + until, scale);
                before = now;
            }
        }
    }

    #[test]
    fn a_trace_without_its_file_is_refused() {
        let trace = crate::workload::trace::tests::spec();
        let error = Load::new(&spec(ArrivalsSpec::Trace(trace)), SimTime::from_secs(1), &Streams::new(0), None);
        assert!(error.is_err_and(|error| error.to_string() == "recorded.csv: the file has not been opened"));
    }
}
