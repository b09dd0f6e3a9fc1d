use super::*;

/// A guest with a cart that one login has made a session for.
async fn joinable(bench: &Bench) -> Join {
    let (guest, before) = bench.guest(&["cart=1"]).await;
    let login =
        NewLogin { old: Some(old(&before, guest)), keep: vec!["cart".into()], ..login_of("ada", Cap::default()) };
    bench.try_login(&login).await.expect("logged in");
    let client = ClientInfo::new();
    Join { id: login.new.id, user: "ada".into(), secret: secret(9), client, delta: delta(&["cart=2"]), ticket: None }
}

async fn join(bench: &Bench, join: &Join) -> Result<Record, Refused> {
    bench.store.join(OP, join).await.expect("no outage")
}

#[tokio::test]
async fn an_impossible_join_changes_nothing() {
    let bench = open();
    let possible = joinable(&bench).await;
    let before = bench.live(possible.id).await;
    let other = |client| Join { client, ..possible.clone() };
    let absent = SessionId::mint(possible.id.bucket()).expect("randomness");
    for refused in [
        other(ClientInfo::new().user_agent("")),
        other(ClientInfo::new().address([192, 0, 2, 1].into())),
        Join { user: "adam".into(), ..possible.clone() },
        Join { user: "ad".into(), ..possible.clone() },
        Join { id: absent, ..possible.clone() },
    ] {
        assert_eq!(join(&bench, &refused).await, Err(Refused::NotJoined), "{refused:?}");
    }
    assert_eq!(bench.live(possible.id).await, before);
    assert_eq!(join(&bench, &possible).await.expect("joined").meta.secret, secret(9));
}

#[tokio::test]
async fn a_guests_session_is_not_joined() {
    let bench = open();
    let possible = joinable(&bench).await;
    let (guest, before) = bench.guest(&["cart=1"]).await;
    assert_eq!(join(&bench, &Join { id: guest, ..possible }).await, Err(Refused::NotJoined));
    assert_eq!(bench.live(guest).await, before);
}
