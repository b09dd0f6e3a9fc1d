//! Repeats of any call, at any later time: they revive nothing, overwrite nothing newer, end nothing newer (I-18).
//!
//! Each operation is recorded as it is sent to Redis and sent again by hand; everything stored is compared byte for byte.
//! `histories.rs` does the same at random points of random histories.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redis::Value;

use crate::common::recorder;
use crate::common::server::Server;
use operations::{OPERATIONS, script};
use scene::{LATE, MOVED_ON, OK, Scene, code};

mod dump;
mod operations;
mod order;
mod revival;
mod scene;

fn server() -> Arc<Server> {
    Arc::new(Server::start(&[]))
}

#[test]
fn every_script_is_delivered_again_here() {
    let mut operations = OPERATIONS.map(script).to_vec();
    operations.sort_unstable();
    operations.dedup();
    assert_eq!(operations, recorder::scripts());
}

#[tokio::test]
async fn an_immediate_repeat_gets_the_first_reply_and_changes_nothing() {
    let server = server();
    for operation in OPERATIONS {
        let mut scene = Scene::before(&server, operation).await;
        let before = scene.dump().await;
        let call = scene.operate().await;
        let after = scene.dump().await;
        scene.deliver(&call).await;
        assert_eq!(scene.dump().await, after, "{operation}: delivered again");

        scene.restore(&before).await;
        scene.precede().await;
        let before = scene.dump().await;
        let first = scene.deliver(&call).await;
        assert_ne!(scene.dump().await, before, "{operation}: the first delivery");
        let second = scene.deliver(&call).await;
        match operation {
            // The caller then sends the classic script, which recognizes it.
            "swap" | "admit" => {
                assert_eq!((code(&first), code(&second)), (Some(OK), Some(MOVED_ON)), "{operation}");
            }
            // The first reply is the bare number.
            "create" => assert_eq!(second, Value::Array(vec![Value::Int(OK), first]), "{operation}"),
            // This script replies OK and nothing else of meaning.
            "raise" => assert_eq!(code(&first), code(&second), "{operation}: the answers"),
            _ => assert_eq!(first, second, "{operation}: the answers"),
        }
    }
}

#[tokio::test]
async fn a_call_past_its_not_after_is_refused_without_effect() {
    let server = server();
    for operation in OPERATIONS {
        let mut scene = Scene::before(&server, operation).await;
        let before = scene.dump().await;
        let call = scene.operate().await;
        scene.restore(&before).await;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as u64;
        let late = scene.with_not_after(call, now - 1).await;
        // A swap leaves it to the classic script to say why.
        let refusal = if operation == "swap" { MOVED_ON } else { LATE };
        assert_eq!(code(&scene.deliver(&late).await), Some(refusal), "{operation}");
        assert_eq!(scene.dump().await, before, "{operation}");
    }
}

#[tokio::test]
async fn a_delayed_first_delivery_is_refused_past_its_not_after() {
    let server = server();
    for operation in OPERATIONS {
        let mut scene = Scene::before(&server, operation).await;
        let before = scene.dump().await;
        let call = scene.operate().await;
        scene.restore(&before).await;
        let waited = Duration::from_secs(61);
        scene.stage.advance(waited).await;
        let before = scene.dump().await;
        scene.deliver(&call.older(waited.as_millis() as u64)).await;
        assert_eq!(scene.dump().await, before, "{operation}");
    }
}
