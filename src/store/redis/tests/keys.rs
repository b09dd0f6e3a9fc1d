//! The layout of what is stored.

use super::*;

impl Bench {
    pub(super) fn all_keys(&self) -> Vec<String> {
        let mut connection = self.server.blocking();
        let mut scan = ::redis::cmd("SCAN");
        scan.cursor_arg(0).arg("MATCH").arg(format!("{}:*", self.store.settings.namespace)).arg("COUNT").arg(1_000);
        let found: std::collections::BTreeSet<String> =
            scan.iter(&mut connection).unwrap().map(Result::unwrap).collect();
        found.into_iter().collect()
    }
}

#[tokio::test]
async fn every_key_but_the_deadline_index_expires() {
    let bench = open();
    let (id, before) = bench.login("ada").await;
    bench.login("ada").await;
    bench.store.reauthenticate(bench.op(), &again(&before, id, 2)).await.unwrap().unwrap();
    bench.advance(2 * MINUTE);
    let seen = bench.live(id).await.meta.touched;
    bench.touch(id, seen, Some("ada")).await.unwrap();
    bench.save(&Save { generation: 2, ..saving(id, &["a=1"]) }).await.unwrap();
    bench.revoke("ada", Scope::Others(id)).await.unwrap();
    bench.revoke("bob", Scope::All).await.unwrap();
    let (guest, _) = bench.guest(&["a=1"]).await;
    bench.end(guest).await;
    let keys = bench.all_keys();
    let kind = |key: &String| key.split(':').nth(2).unwrap().to_owned();
    let mut kinds: Vec<String> = keys.iter().map(kind).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["d", "r", "r", "s", "s", "s", "u"]);
    for key in keys {
        let expires = bench.expiry(key.as_bytes()) > 0;
        assert_eq!(expires, kind(&key) != "d", "{key}");
    }
}

#[tokio::test]
async fn nothing_is_left_when_everything_has_ended_and_been_forgotten() {
    let bench = open();
    let (ada, _) = bench.login("ada").await;
    let (id, _) = bench.guest(&["a=1"]).await;
    bench.end(id).await;
    bench.revoke("ada", Scope::All).await.unwrap();
    bench.advance(REMEMBER + REMEMBER / 10);
    bench.sweep(ada.bucket()).await;
    assert_eq!(bench.all_keys(), [""; 0]);
}

#[tokio::test]
async fn no_key_contains_a_user_id() {
    let bench = open();
    bench.login("ada.lovelace").await;
    assert!(bench.all_keys().iter().all(|key| !key.contains("ada")));
}
