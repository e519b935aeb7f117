//! Many runs: statistics over seeds, sweeps, comparisons, plans.
