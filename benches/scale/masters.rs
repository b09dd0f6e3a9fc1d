//! The distribution of slots and sessions over the masters of a Cluster of 3 and of 6.
//!
//! Known flaw: chance; each figure is one drawing of n guests' sessions.

use cloakroom::Sessions;

use super::CONTENT;
use super::common::Failure;
use super::common::cluster::Cluster;
use super::common::fill::guests;

pub(crate) async fn print(count: usize) -> Result<(), Failure> {
    println!(
        "\n| masters | slots each | {count} sessions: fewest | most | most of the mean | filled in |\n|---|---|---|---|---|---|"
    );
    for masters in [3, 6] {
        let cluster = Cluster::start(masters, 0);
        let sessions = Sessions::builder(cluster.url()).namespace("masters").connect().await?;
        let begun = std::time::Instant::now();
        guests(&sessions, count, CONTENT).await?;
        let filled = begun.elapsed().as_secs_f64();
        let mut stored = Vec::new();
        for node in cluster.nodes() {
            let mut redis = node.connection().await;
            let keys: Vec<String> = redis::cmd("KEYS").arg("*:s:*").query_async(&mut redis).await?;
            stored.push(keys.len());
        }
        stored.sort_unstable();
        let slots: Vec<_> = cluster.map().iter().map(|owned| (owned.last - owned.first + 1).to_string()).collect();
        let (fewest, most) = (stored[0], stored[masters - 1]);
        let of = most as f64 * masters as f64 / count as f64;
        println!("| {masters} | {} | {fewest} | {most} | {of:.2} | {filled:.1} s |", slots.join(", "));
    }
    Ok(())
}
