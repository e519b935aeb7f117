//! Scenarios: valid by construction.
//!
//! The text of a file becomes a tree whose keys and values know their place; sections of it are read against lists of keys
//! that state kind, default and meaning once; all problems are collected. What comes out is a [`Scenario`] in which
//! every number is in range and every name exists, so the simulation has nothing to refuse.

mod check;
mod check_seldon;
mod doctor;
mod files;
pub mod keys;
pub mod keys_seldon;
mod laws;
mod load;
mod names;
mod play;
mod read_hpa;
mod read_load;
mod read_pool;
mod read_rest;
mod read_seldon;
pub(crate) mod reader;
mod set;
pub mod spec;
pub mod trace;
pub(crate) mod tree;

pub use check::{SELDON_SIGNALS, SIGNALS};
pub use laws::{LAWS, LawKeys};
pub(crate) use load::stem;
pub use load::{Loaded, Origin, fingerprint, load};
pub use read_rest::FIGURES;
pub use spec::{
    AdviceSpec, EventChange, EventSpec, Fault, LoadTarget, PoolSpec, Scenario, SeldonModel, SeldonServer, SeldonSpec,
    SignalSpec, WaysOfScaling,
};
pub use trace::TraceFacts;
