//! The guide: documentation only.

/// The design: module borders, the life of one request, keys, scripts, and decisions with their reasons.
#[doc = include_str!("guide/design.md")]
pub mod design {}

/// What is promised, under which failure, within which limit, and the test that shows it.
#[doc = include_str!("guide/guarantees.md")]
pub mod guarantees {}

/// How speed and memory are measured, with which flaws, and what a run said.
#[doc = include_str!("guide/performance.md")]
pub mod performance {}
