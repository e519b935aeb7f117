//! How many replicas the scheduler asks for a server, from what its models want.
//!
//! Law: pure functions of the figures at the moment of the event: no batching, no cool-down, no limit of velocity.
//!
//! Source of the rules: scheduler `pkg/scheduler/server` (`server_scaling.go`).

/// The figures of a server at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerFigures {
    /// Replicas that the operator expects; `None` until it has told.
    pub expected: Option<u32>,
    /// Least; 0 is unset.
    pub min: u32,
    /// Most; 0 is unset.
    pub max: u32,
    /// Connected replicas without a loaded or loading model.
    pub empty: u32,
    /// The most replicas that a model on the server wants.
    pub largest_wanted: u32,
}

/// The answer to a model that did not get all the replicas it wants; `None` asks for nothing.
pub fn scale_up(figures: &ServerFigures) -> Option<u32> {
    let expected = figures.expected?;
    (figures.max >= 1 && figures.largest_wanted > expected).then(|| figures.largest_wanted.min(figures.max))
}

/// The answer to a model replica that has left the server; `None` asks for nothing. `pack` is the draw for packing.
pub fn scale_down(figures: &ServerFigures, pack: bool) -> Option<u32> {
    let expected = figures.expected?;
    let ServerFigures { empty, largest_wanted, .. } = *figures;
    let least = figures.min.max(1);
    let pack = pack && largest_wanted < expected;
    let spare = expected.saturating_sub(largest_wanted);
    let target = match pack && spare > empty && largest_wanted > 0 {
        true => least.max(largest_wanted),
        false => least.max(expected.saturating_sub(empty)),
    };
    ((pack || empty > 0) && expected > 1).then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(expected: u32, min: u32, max: u32, empty: u32, largest_wanted: u32) -> ServerFigures {
        ServerFigures { expected: Some(expected), min, max, empty, largest_wanted }
    }

    #[test]
    fn growth_follows_the_largest_model_up_to_the_bound() {
        assert_eq!(scale_up(&figures(2, 0, 5, 0, 4)), Some(4));
        assert_eq!(scale_up(&figures(2, 0, 3, 0, 4)), Some(3));
        assert_eq!(scale_up(&figures(2, 0, 0, 0, 4)), None, "no bound, no growth");
        assert_eq!(scale_up(&figures(4, 0, 5, 0, 4)), None);
        assert_eq!(scale_up(&ServerFigures { expected: None, ..figures(0, 0, 5, 0, 4) }), None);
    }

    #[test]
    fn empty_replicas_go_and_packing_goes_further() {
        assert_eq!(scale_down(&figures(5, 1, 5, 2, 1), false), Some(3));
        assert_eq!(scale_down(&figures(5, 4, 5, 2, 1), false), Some(4));
        assert_eq!(scale_down(&figures(5, 1, 5, 0, 1), false), None);
        assert_eq!(scale_down(&figures(5, 1, 5, 2, 1), true), Some(1));
        assert_eq!(scale_down(&figures(5, 1, 5, 0, 5), true), None, "nothing to pack");
        assert_eq!(scale_down(&figures(1, 0, 5, 1, 0), true), None, "one stays");
    }
}
