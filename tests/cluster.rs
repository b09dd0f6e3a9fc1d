//! A Redis Cluster.

use crate::common::cluster::{Cluster, SLOTS};
use crate::common::reshard::Move;

#[tokio::test]
async fn the_harness_fails_over_and_moves_slots() {
    let cluster = Cluster::start(3, 1);
    let map = cluster.map();
    assert_eq!(map.iter().map(|owned| owned.last - owned.first + 1).sum::<u16>(), SLOTS);
    let slot = cluster.slot("{a}");
    let before = cluster.owner(slot).port();
    cluster.owner(slot).ask::<()>(&["SET", "{a}1", "x"]);
    cluster.fail_over(slot);
    assert_ne!(cluster.owner(slot).port(), before);

    let to = (0..3).map(|number| cluster.owner(SLOTS / 3 * number)).find(|to| to.port() != cluster.owner(slot).port());
    cluster.owner(slot).ask::<()>(&["SET", "{a}2", "y"]);
    let moving = Move::begin(&cluster, slot, to.expect("another master"));
    moving.keys(&["{a}1"]);
    assert!(moving.from().try_ask::<String>(&["GET", "{a}1"]).is_err_and(|error| error.code() == Some("ASK")));
    assert_eq!(moving.from().ask::<String>(&["GET", "{a}2"]), "y");
    let to = moving.to().port();
    moving.finish();
    assert_eq!(cluster.owner(slot).port(), to);
    assert_eq!(cluster.owner(slot).ask::<String>(&["GET", "{a}2"]), "y");

    let killed = cluster.node(0);
    let lost = cluster.map().into_iter().find(|owned| owned.port == killed.port());
    let slot = lost.map_or(slot, |owned| owned.first);
    let owner = cluster.owner(slot).clone();
    owner.kill();
    println!("promoted after {:?}", cluster.wait_for_another_owner(slot, &owner));
}
