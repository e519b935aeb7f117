//! The kernel: pending events in order. Generic: it knows no domain, only that an event packs into 64 bits whose order is
//! the order within an instant.

pub mod event_queue;

pub use event_queue::{EventQueue, Packed};
