//! Pictures from rows: a plot never needs a new run.
