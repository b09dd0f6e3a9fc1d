//! Random histories: the embedded store and Redis return the same results for each (I-26).
//!
//! A history is a list of steps drawn from a seed. Each runs on two stores, and every public result is compared, ids and
//! tokens by order of issue, times by what they imply. `CLOAKROOM_SEED` sets the first seed, `CLOAKROOM_HISTORIES` the
//! number of histories.

use compare::{Against, all_alike};
pub(crate) use invariants::{Watch, live_by_user};

use crate::common::place::Place;
use crate::common::recorder::Recorder;
use crate::common::server::Server;

mod act;
mod compare;
mod content;
mod generate;
mod invariants;
mod look;
mod names;
mod replay;
mod setup;
mod step;
mod world;

#[tokio::test]
async fn two_embedded_stores_return_the_same_results_for_a_history() {
    all_alike(&Against::Memory, 50).await;
}

#[tokio::test]
async fn every_history_has_the_same_results_on_the_embedded_store_and_redis() {
    all_alike(&Against::Redis(Place::chosen()), 25).await;
}

#[tokio::test]
async fn calls_that_are_delivered_again_at_any_later_point_change_no_result() {
    let server = Server::start(&[]);
    if Recorder::start(&server, "quotes").await.misreads().await {
        println!("Not run: calls cannot be read back from this server's MONITOR output.");
        return;
    }
    all_alike(&Against::RepeatingRedis(Place::own()), 25).await;
}
