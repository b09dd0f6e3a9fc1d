//! The guide: documentation only.

/// The design: module borders, the life of a request, keys, scripts, and decisions with their reasons.
#[doc = include_str!("guide/design.md")]
pub mod design {}

/// Server settings, what a failover can undo, sizing.
#[doc = include_str!("guide/operations.md")]
pub mod operations {}

/// What is guaranteed, under which failure, within which limit, and which test shows it.
#[doc = include_str!("guide/guarantees.md")]
pub mod guarantees {}

/// For applications on tower-sessions, axum-login or actix-session: what changes, what improves, what stays.
#[doc = include_str!("guide/drop_in.md")]
pub mod drop_in {}

/// How speed and memory are measured, known flaws of the method, and results.
#[doc = include_str!("guide/performance.md")]
pub mod performance {}

/// The store's URL and every setting, with default, range and reason.
#[doc = include_str!("guide/settings.md")]
pub mod settings {}

/// Other session crates: the differences, and how fast each is.
#[doc = include_str!("guide/comparison.md")]
pub mod comparison {}
