//! Recorded cases, replayed by the very code that decides in a simulation.
