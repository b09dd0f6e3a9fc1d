//! Metadata as released versions wrote it must remain readable. A change of the format adds lines; it changes none.

use super::*;
use crate::store::redis::layout::meta::Stored;

/// A name and the bytes in hex, on each line.
const RECORDED: &str = include_str!("../meta/recorded.txt");

fn recorded() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let lines = RECORDED.lines().map(|line| line.split_once(' ').unwrap());
    lines.map(move |(name, hex)| (name, hex.as_bytes().chunks(2).map(byte).collect()))
}

fn stored(name: &str) -> Stored {
    let (_, etag) = recorded().find(|(recorded, _)| *recorded == name).unwrap();
    meta::decode(&etag).unwrap()
}

fn session(name: &str) -> (Meta, u32) {
    match stored(name) {
        Stored::Session { meta, keep_ms } => (*meta, keep_ms),
        other => panic!("{name}: {other:?}"),
    }
}

fn tombstone(name: &str) -> Tombstone {
    match stored(name) {
        Stored::Ended(tombstone) => tombstone,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn recorded_sessions_are_still_read() {
    let (guest, keep_ms) = session("guest");
    assert_eq!((guest.user, guest.lifetimes, guest.secret, keep_ms), (None, SPANS, secret(1), 0));
    assert_eq!((guest.client, guest.rotation, guest.generation, guest.uses), (ClientInfo::new(), None, 1, 0));
    let client = ClientInfo::new().address([192, 0, 2, 1].into()).user_agent("curl/8");
    let (user, _) = session("user");
    assert_eq!((user.user.as_deref(), user.client, user.remember), (Some("ada"), client.clone(), Some(true)));
    assert!(user.index_until > user.since && user.since >= user.created);
    let (rotated, _) = session("rotated");
    let rotation = rotated.rotation.unwrap();
    assert_eq!((rotated.secret, rotation.previous, rotation.used), (secret(2), secret(1), None));
    assert_eq!((rotated.user.as_deref(), rotated.client, rotated.remember), (Some("ada"), client, Some(true)));
    assert_eq!(rotated.version, 2);
}

#[test]
fn recorded_tombstones_and_parked_sessions_are_still_read() {
    let ended = Tombstone {
        reason: EndReason::LoggedOut,
        secret: secret(2),
        previous: Some(secret(1)),
        successor: None,
        door: false,
    };
    assert_eq!(tombstone("tombstone"), ended);
    let successor = Some("8889a4ee-1b1e-8fde-a8f9-c709a3c23138".parse().unwrap());
    let succeeded =
        Tombstone { reason: EndReason::LoggedIn, secret: secret(1), previous: None, successor, door: false };
    assert_eq!(tombstone("succeeded"), succeeded);
    assert_eq!(stored("parked"), Stored::Parked);
    assert!(session("refused").1 > 120_000, "dead from the beginning");
}

#[test]
fn scripts_pack_what_they_read_to_the_same_bytes() {
    let script = scripts::joined_to_pieces("return pack_meta(unpack_meta(ARGV[1]))");
    let server = Server::shared();
    for (name, etag) in recorded() {
        let mut eval = ::redis::cmd("EVAL");
        let again: Vec<u8> = eval.arg(&script).arg(0).arg(&etag).query(&mut server.blocking()).unwrap();
        assert_eq!(again, etag, "{name}");
    }
}

/// R47: later additions add no byte to a session that does not use them.
#[tokio::test]
async fn a_plain_session_is_as_long_as_the_recorded_one() {
    let bench = open();
    let (guest, _) = bench.guest(&["a=1"]).await;
    let client = ClientInfo::new().address([192, 0, 2, 1].into()).user_agent("curl/8");
    let mut login = login_of("ada", Cap::default());
    (login.new.client, login.new.remember) = (client, Some(true));
    bench.try_login(&login).await.unwrap();
    for (name, id) in [("guest", guest), ("user", login.new.id)] {
        let (_, before) = recorded().find(|(recorded, _)| *recorded == name).unwrap();
        let etag: Vec<u8> = bench.raw("HGET", &bench.store.keys.session(id), &[b"@"]);
        assert_eq!((etag.len(), &etag[..4]), (before.len(), &before[..4]), "{name}");
    }
}
