//! Problems of a user's input: all at once, each under the user's own line, each with a way out.
//!
//! Whoever reads input collects [`Problem`]s with byte ranges; [`Problems`] holds them beside the text they speak of and
//! draws them. [`units`] turns the text of a value into its type, or into a sentence that says what to write instead.

mod problem;
mod render;
pub mod units;

pub(crate) use problem::line_of;
pub use problem::{Flag, Problem, Problems, Severity, Source};

/// The candidate that `word` was most likely meant to be: at most one edit and a quarter of its length away.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = 1 + word.chars().count() / 4;
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|&(distance, _)| distance <= most)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn a_slip_finds_its_word_and_noise_finds_none() {
        assert_eq!(closest("cpuu", ["memory", "cpu"]), Some("cpu"));
        assert_eq!(closest("max_replicaz", ["min_replicas", "max_replicas"]), Some("max_replicas"));
        assert_eq!(closest("zebra", ["cpu", "memory"]), None);
    }
}
