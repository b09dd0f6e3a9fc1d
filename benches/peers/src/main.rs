//! What does a session cost in Cloakroom, and in the crates that users would pick instead?
//!
//! Same Redis (a private `redis-server` on loopback TCP), same run, rounds interleaved, medians and spread. Two levels:
//! the stores alone, called from many tasks, against a bare `GET` of the same bytes; and whole apps over HTTP, each a
//! process of its own, called over keep-alive connections. Next to requests per second is the cost of one: the CPU time
//! of Redis, and of the client, which is this program or the app.
//!
//! Known flaw: Redis, apps and load share one machine's cores, so a system that uses less CPU in the client also leaves
//! more to Redis.
//!
//! Redis runs with `hash-max-listpack-value 1024`, as Cloakroom recommends; `--listpack 64` is its default. Sessions in
//! strings are not affected.
//!
//! `make bench-peers`, or here
//! `cargo run --release -- [--rounds 5 --seconds 1 --tasks 64 --listpack 1024 --only login --server PATH]`:
//! PATH is a `redis-server`; without `HEXPIRE` (Redis before 7.4) ruts is left out.

mod fixture;
mod plan;
mod report;
mod round;
mod server;
mod store;
mod web;
mod work;

use plan::Plan;

pub type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, app, redis] = arguments.as_slice()
        && word == "serve"
    {
        return web::serve(app, redis);
    }
    let plan = Plan::read(&arguments)?;
    tokio::runtime::Runtime::new()?.block_on(compare(&plan))
}

async fn compare(plan: &Plan) -> Result<(), Failure> {
    let server = server::Server::start(plan).await?;
    if !server.expires_fields {
        println!("Without ruts: it needs HEXPIRE, which {} does not have\n", server.version().await?);
    }
    let mut groups = store::groups(&server, plan).await?;
    groups.extend(web::groups(&server, plan).await?);
    groups.retain(|group| plan.wants(&group.name));
    for number in 1..=plan.rounds {
        eprintln!("round {number} of {}", plan.rounds);
        for group in &mut groups {
            group.round(plan, &server).await?;
        }
    }
    report::print(&groups, plan, &server).await
}
