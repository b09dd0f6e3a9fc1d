//! Expiry with a grace, on Redis: which servers find a session past its deadline.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use cloakroom::{ClientInfo, EndReason, Sessions};

use crate::common::server::Server;
use crate::common::{keys, redis_stage, until};

const GRACE: Duration = Duration::from_secs(600);
const PAST_THE_DEADLINE: Duration = Duration::from_secs(32 * 60);

#[tokio::test]
async fn servers_with_different_graces_agree_on_which_sessions_live() {
    let with = redis_stage(|with| with.expiry_grace(GRACE)).await;
    let without = with.another(|with| with).await;
    let (_, token) = with.guest().await;
    let other = without.open(None, ClientInfo::new()).await.expect("there");
    other.insert("a", &1).expect("legal");
    other.save().await.expect("there").into_result().expect("saved");
    let other = crate::common::token(&other);
    with.advance(PAST_THE_DEADLINE).await;
    for server in [&with.sessions, &without, &with.another(|with| with.expiry_grace(GRACE * 6)).await] {
        let late = server.open(Some(&token), ClientInfo::new()).await.expect("there");
        assert_eq!((late.id(), late.ended()), (None, Some(EndReason::Expired)));
        let late = server.open(Some(&other), ClientInfo::new()).await.expect("there");
        assert_eq!((late.id(), late.ended()), (None, None), "it was made without grace");
    }
}

#[tokio::test]
async fn every_server_refuses_a_write_within_the_grace() {
    let with = redis_stage(|with| with.expiry_grace(GRACE)).await;
    let without = with.another(|with| with).await;
    let (_, token) = with.guest().await;
    let slow = without.open(Some(&token), ClientInfo::new()).await.expect("there");
    with.advance(PAST_THE_DEADLINE).await;
    slow.insert("late", &1).expect("not known yet");
    assert!(slow.save().await.expect("there").into_result().is_err());
    assert!(slow.increment("n", 1).await.is_err());
}

#[tokio::test]
async fn a_load_asks_for_the_expiry_before_the_hash() {
    let server = Server::start(&[]);
    let sessions =
        Sessions::builder(server.url()).namespace("order").expiry_grace(GRACE).connect().await.expect("a server");
    let session = sessions.open(None, ClientInfo::new()).await.expect("there");
    session.insert("a", &1).expect("legal");
    session.save().await.expect("there").into_result().expect("saved");
    let path = server.socket().with_file_name("monitor");
    let output = fs::File::create(&path).expect("the server's folder");
    let mut monitor = Command::new("redis-cli");
    monitor.arg("-s").arg(server.socket()).arg("monitor").stdin(Stdio::null()).stdout(output);
    let mut monitor = monitor.spawn().expect("redis-cli comes with redis-server");
    until("MONITOR is on", || async { fs::metadata(&path).is_ok_and(|file| file.len() > 0) }).await;
    let token = crate::common::token(&session);
    drop(sessions.peek(Some(&token), ClientInfo::new()).await.expect("there"));
    let seen = || fs::read_to_string(&path).expect("MONITOR writes it");
    until("the load was seen", || async { seen().contains("HGETALL") }).await;
    let _ = (monitor.kill(), monitor.wait());
    let commands: Vec<String> = seen().lines().filter_map(|line| line.split('"').nth(1).map(str::to_owned)).collect();
    let at = |name: &str| commands.iter().position(|command| command == name);
    assert!(at("PTTL") < at("HGETALL") && at("PTTL").is_some(), "{commands:?}");
}

#[tokio::test]
async fn after_everything_has_expired_and_been_swept_only_tombstones_are_left() {
    let stage = redis_stage(|with| with.expiry_grace(GRACE)).await;
    for user in ["ada", "bob"] {
        let (session, _) = stage.user(user).await;
        let _ = session.rotate().await.expect("there");
        session.increment("n", 1).await.expect("there");
    }
    let _ = (stage.guest().await, stage.guest().await.0.logout().await.expect("there"));
    stage.sessions.revoke_user("bob").await.expect("there");
    stage.advance(PAST_THE_DEADLINE).await;
    stage.sessions.sweep().await.expect("there");
    for mut redis in stage.masters().await {
        for key in keys::all(&mut redis, &stage.namespace).await {
            let ttl: i64 = redis::cmd("PTTL").arg(&key).query_async(&mut redis).await.expect("there");
            assert!(ttl > 0, "{key} has no expiry");
            if key.contains(":r:") {
                continue;
            }
            let fields: Vec<String> = redis::cmd("HKEYS").arg(&key).query_async(&mut redis).await.expect("a hash");
            let meta: Vec<u8> = redis::cmd("HGET").arg(&key).arg("@").query_async(&mut redis).await.expect("a hash");
            assert!(fields == ["@"] && meta[1] != 0, "{key} is not a tombstone");
        }
    }
    stage.advance(Duration::from_secs(3960)).await;
    assert_eq!(stage.keys().await, Vec::<String>::new());
}

#[tokio::test]
async fn loading_peeking_and_touching_create_nothing() {
    let stage = redis_stage(|with| with).await;
    let (session, token) = stage.guest().await;
    let foreign = crate::common::foreign_token();
    for token in [&foreign, &format!("{}{}", &token[..22], &foreign[22..])] {
        let draft = stage.sessions.open(Some(token), ClientInfo::new()).await.expect("there");
        let _ = draft.touch().await.expect("there");
        drop(stage.sessions.peek(Some(token), ClientInfo::new()).await.expect("there"));
    }
    let _ = session.invalidate().await.expect("there");
    stage.advance(Duration::from_secs(3960)).await;
    let _ = stage.open(&token).await.touch().await.expect("there");
    assert_eq!(stage.keys().await, Vec::<String>::new());
}
