//! The kernel: pending events in order. Generic, knows no domain.
