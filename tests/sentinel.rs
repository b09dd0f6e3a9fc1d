//! A group watched by Sentinels.

use crate::common::sentinel::Sentinels;

#[tokio::test]
async fn the_harness_fails_over() {
    let group = Sentinels::start();
    let first = group.master().clone();
    group.fail_over();
    println!("planned: {:?}", group.wait_for_another_master(&first));
    let second = group.master().clone();
    second.kill();
    println!("killed: {:?}", group.wait_for_another_master(&second));
}
