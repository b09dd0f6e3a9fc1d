//! The demo's page, in headless Chromium over two app servers on one private Redis: `make browser-test`.
//!
//! Each file is one subject. Screenshots go to `target/browser/` of the crate.

use std::error::Error;

mod browser;
mod cookie;
mod end_notice;
mod forgery;
#[path = "../../examples/demo/src/kept.rs"]
mod kept;
mod noscript;
mod outage;
mod phone;
#[path = "../../examples/demo/src/redis.rs"]
mod redis;
mod rotation;
mod site;
mod stage;
mod story;

/// The cause of a failed test.
type Failure = Box<dyn Error + Send + Sync>;
