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

/// Applications on tower-sessions, axum-login or actix-session: what changes, what they gain, what stays as it was.
#[doc = include_str!("guide/drop_in.md")]
pub mod drop_in {}

/// How speed and memory are measured, with which flaws, and what a run said.
#[doc = include_str!("guide/performance.md")]
pub mod performance {}

/// The URL of the store, and every setting with its default, range and reason.
#[doc = include_str!("guide/settings.md")]
pub mod settings {}

/// Other session crates: what differs, and how fast each is.
#[doc = include_str!("guide/comparison.md")]
pub mod comparison {}
