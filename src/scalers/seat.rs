//! A seat: a scaler with its memory and its report, behind a face that does not name its types.

use super::report::Report;
use super::scaler::{Api, Scaler, Wake};
use crate::units::SimTime;
use std::any::Any;

/// A scaler at work.
pub trait Seated {
    /// The scenario's word for it.
    fn kind(&self) -> &'static str;
    /// The user replaced the spec; `spec` is the scaler's own type of it.
    ///
    /// # Panics
    /// If it is another type: a pool never changes the kind of its scaler.
    fn amended(&mut self, now: SimTime, spec: &dyn Any) -> Wake;
    /// One pass.
    fn reconcile(&mut self, now: SimTime, api: &mut dyn Api) -> Wake;
    /// What the last pass said.
    fn report(&self) -> &Report;
}

/// A scaler with its memory and its report.
pub struct Seat<S: Scaler> {
    rules: S,
    memory: S::Memory,
    report: Report,
}

impl<S: Scaler> Seat<S> {
    /// First sight of the object; `first` is when the first pass is due.
    pub fn new(rules: S, first: SimTime) -> (Self, Wake) {
        let (memory, wake) = rules.begin(first);
        (Self { rules, memory, report: Report::default() }, wake)
    }
}

impl<S: Scaler> Seated for Seat<S> {
    fn kind(&self) -> &'static str {
        S::KIND
    }

    fn amended(&mut self, now: SimTime, spec: &dyn Any) -> Wake {
        let spec = spec.downcast_ref::<S::Spec>().expect("a pool never changes the kind of its scaler");
        self.rules.amended(now, spec.clone(), &mut self.memory)
    }

    fn reconcile(&mut self, now: SimTime, api: &mut dyn Api) -> Wake {
        self.report.clear();
        self.rules.reconcile(now, api, &mut self.memory, &mut self.report)
    }

    fn report(&self) -> &Report {
        &self.report
    }
}
