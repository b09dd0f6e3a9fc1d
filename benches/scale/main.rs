//! Does a load stay as fast with ever more sessions stored, what does each request cost Redis, and how much memory does a
//! session take?
//!
//! The parts: `loads` with 10,000 stored, ten times as many, and so on up to `--most`; `shares` of a Redis core; `memory`
//! by layout, against a bare string and against Spring Session's keys; `masters` of Clusters. Each file documents what it
//! times and its flaw.
//!
//! `make scale`, or `cargo bench --bench scale -- --most 1000000 --rounds 5 --seconds 1`

#[path = "../common/mod.rs"]
mod common;
mod loads;
mod masters;
mod memory;
mod shares;
mod spring;

use common::Failure;
use common::fill::Content;
use common::plan::Plan;

const CONTENT: Content = Content::new(4, 50);

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let plan = Plan::read(&[("--most", 10_000.0), ("--weighed", 10_000.0)]);
    loads::print(&plan).await?;
    shares::print(&plan).await?;
    memory::print(plan.count("--weighed")).await?;
    masters::print(plan.count("--weighed")).await
}
