//! The one list of scalers: from what a scenario says to a scaler at work.

use super::hpa::spec::CrossVersionObjectReference;
use super::hpa::{Hpa, HpaObject};
use super::scaler::Wake;
use super::schedule::Schedule;
use super::seat::{Seat, Seated};
use super::spec::{HpaControllerSpec, ScalerSpec};
use crate::units::SimTime;

/// The one namespace that is simulated.
const NAMESPACE: &str = "default";

/// What a scaler's object is called, and what it scales.
#[derive(Clone, Debug)]
pub struct Placement {
    /// Name of the object.
    pub name: String,
    /// The workload.
    pub target: CrossVersionObjectReference,
    /// When the run begins.
    pub begins: SimTime,
    /// When the first pass is due, for scalers that work in periods.
    pub first: SimTime,
}

/// Puts a scaler to work; `None` for a fixed size, which needs nobody, and for inference lag, which Seldon's own parts see to.
pub fn seat(spec: &ScalerSpec, controller: &HpaControllerSpec, place: Placement) -> Option<(Box<dyn Seated>, Wake)> {
    fn boxed<S: super::scaler::Scaler + 'static>(rules: S, first: SimTime) -> Option<(Box<dyn Seated>, Wake)> {
        let (seat, wake) = Seat::new(rules, first);
        Some((Box::new(seat), wake))
    }
    match spec {
        ScalerSpec::Fixed | ScalerSpec::SeldonLag => None,
        ScalerSpec::Schedule(schedule) => {
            boxed(Schedule { spec: schedule.clone(), target: place.target, begins: place.begins }, place.first)
        }
        ScalerSpec::Hpa(hpa) => {
            boxed(Hpa::new(HpaObject::admitted(NAMESPACE, &place.name, &hpa.spec, controller)), place.first)
        }
    }
}

/// Gives a scaler at work its new spec; `name` is its object's.
pub fn amend(
    seat: &mut dyn Seated,
    now: SimTime,
    name: &str,
    spec: &ScalerSpec,
    controller: &HpaControllerSpec,
) -> Wake {
    match spec {
        ScalerSpec::Fixed | ScalerSpec::SeldonLag => Wake::Keep,
        ScalerSpec::Schedule(schedule) => seat.amended(now, schedule),
        ScalerSpec::Hpa(hpa) => seat.amended(now, &HpaObject::admitted(NAMESPACE, name, &hpa.spec, controller)),
    }
}
