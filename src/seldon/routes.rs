//! Where Envoy sends a model's requests.
//!
//! Routes are what was last published, not what is true now: they change only with an update.
//!
//! Source of the rules: scheduler `pkg/envoy/processor/incremental.go`.

use crate::seldon::model::Model;
use crate::seldon::model::Version;
use crate::units::ServerId;

/// All of a model's traffic.
const WHOLE: u32 = 100;

/// The part of a model's route that leads to one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The version.
    pub version: u32,
    /// Its server.
    pub server: ServerId,
    /// Share of the model's requests in percent. The shares of a model sum to 100.
    pub weight_percent: u32,
    /// Ordinals of the server replicas that share them, ascending.
    pub replicas: Vec<u32>,
}

/// Splits `weight` during a rolling update: the latest version's share, and the last available version's. The arguments are
/// the numbers of endpoints of each.
pub fn split(weight: u32, latest: u32, last_available: u32) -> (u32, u32) {
    let all = u64::from(latest) + u64::from(last_available);
    let share = (u64::from(weight) * u64::from(last_available)).checked_div(all).unwrap_or_default();
    let share = u32::try_from(share).expect("a share is at most the whole");
    (weight - share, share)
}

/// Writes the routes that a model should have now.
pub(super) fn write(model: &Model, routes: &mut Vec<Route>) {
    routes.clear();
    if !model.can_receive_traffic() {
        return;
    }
    let latest = model.latest();
    let previous = model.last_available().filter(|last| last.number() != latest.number());
    let endpoints = |version: &Version| u32::try_from(version.assignment().count()).expect("fewer than 2^32 endpoints");
    let (latest_weight, previous_weight) =
        previous.map_or((WHOLE, 0), |previous| split(WHOLE, endpoints(latest), endpoints(previous)));
    let parts = previous.map(|previous| (previous, previous_weight)).into_iter().chain([(latest, latest_weight)]);
    for (version, weight_percent) in parts {
        let replicas: Vec<u32> = version.assignment().collect();
        if let Some(server) = version.server().filter(|_| !replicas.is_empty()) {
            routes.push(Route { version: version.number(), server, weight_percent, replicas });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_follow_endpoints_and_the_latest_gets_the_rest() {
        assert_eq!(split(100, 1, 3), (25, 75));
        assert_eq!(split(100, 2, 1), (67, 33));
        assert_eq!(split(100, 0, 2), (0, 100));
        assert_eq!(split(100, 2, 0), (100, 0));
        assert_eq!(split(100, 0, 0), (100, 0));
    }

    #[test]
    fn shares_are_those_of_single_precision() {
        for (weight, latest, last) in (1..=100).flat_map(|w| (1..40).flat_map(move |l| (0..40).map(move |a| (w, l, a))))
        {
            let share = (last as f32 / (last + latest) as f32 * weight as f32) as u32;
            assert_eq!(split(weight, latest, last).1, share, "{weight} {latest} {last}");
        }
    }
}
