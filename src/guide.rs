//! The guide: documentation only.

/// The design: module borders, the life of one request, keys, scripts, and decisions with their reasons.
#[doc = include_str!("guide/design.md")]
pub mod design {}

/// Settings of the servers, what a failover can undo, sizing.
#[doc = include_str!("guide/operations.md")]
pub mod operations {}

/// What is promised, under which failure, within which limit, and the test that shows it.
#[doc = include_str!("guide/guarantees.md")]
pub mod guarantees {}
