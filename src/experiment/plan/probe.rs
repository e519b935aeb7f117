//! Around the recommendation: how much more load it carries, which delay breaks it, what one replica carries, what a
//! fixed size would cost.
//!
//! A change of the recommended setting is judged by the search's first seeds, fewer of them than a proof takes: it holds
//! if it holds in at least the share that the goal asks for. Limits are found by bisection, so they are as sharp as the
//! step at which that ends, and right where more load or a longer delay never helps.
