//! The same script call delivered twice, for operations whose ids are not chosen by the contract's callers.

use ::redis::Value;

use super::*;
use crate::store::redis::client::Script;
use crate::store::redis::script::call::ScriptCall;
use crate::store::redis::script::reply::{Code, Reply, number};

impl Bench {
    /// Sends it twice under one operation and returns both contents.
    async fn twice(&self, call: &ScriptCall<'_>) -> [Reply; 2] {
        let op = self.op();
        let first = self.store.call(&mut self.store.delivery(op), call).await.unwrap();
        [first, self.store.call(&mut self.store.delivery(op), call).await.unwrap()]
    }

    fn revoking(&self, ids: &[SessionId]) -> ScriptCall<'static> {
        self.named(&scripts::REVOKE, ids)
            .number(EndReason::Revoked.code())
            .number(REMEMBER)
            .number(crate::config::timeouts::NO_END_MS)
            .bytes(meta::owner("ada"))
            .members(ids)
    }

    fn named(&self, script: &'static Script, ids: &[SessionId]) -> ScriptCall<'static> {
        let ada = UserHash::of("ada");
        let mut keys = vec![self.store.keys.deadlines(ada.bucket())];
        if script.name == "revoke" {
            keys.push(keys[0].clone()); // no session has to stay
        }
        keys.extend(ids.iter().flat_map(|id| [self.store.keys.session(*id), self.store.keys.index(&ada)]));
        ScriptCall::new(script, keys)
    }
}

fn count(reply: &Reply) -> i64 {
    number(&reply.value().unwrap()).unwrap()
}

#[tokio::test]
async fn a_repeated_revocation_counts_what_it_ended_and_ends_nothing_more() {
    let bench = open();
    let ids = [bench.login("ada").await.0, bench.login("ada").await.0];
    let twice = bench.twice(&bench.revoking(&ids)).await;
    assert_eq!(twice.each_ref().map(count), [2, 2]);
    let again = bench.twice(&bench.revoking(&ids)).await;
    assert_eq!(again.each_ref().map(count), [0, 0], "another operation ended none");
}

#[tokio::test]
async fn a_repeated_raise_raises_once_even_if_the_kept_session_has_ended() {
    let bench = open();
    let (id, _) = bench.login("ada").await;
    let epoch = bench.store.keys.epoch(&UserHash::of("ada"));
    let call = ScriptCall::new(
        &scripts::RAISE,
        vec![epoch.clone(), bench.store.keys.index(&UserHash::of("ada")), bench.store.keys.session(id)],
    )
    .number(bench.store.now())
    .number(EPOCH_LIFE_MS)
    .bytes(meta::owner("ada"));
    let op = bench.op();
    let raise = async || bench.store.call(&mut bench.store.delivery(op), &call).await.unwrap().code;
    assert_eq!(raise().await, Code::Ok);
    let (stored, expiry): (Vec<u8>, i64) = (bench.raw("GET", &epoch, &[]), bench.expiry(&epoch));
    assert_eq!(raise().await, Code::Ok);
    bench.end(id).await;
    assert_eq!(raise().await, Code::Ok);
    assert_eq!((bench.raw::<Vec<u8>>("GET", &epoch, &[]), bench.expiry(&epoch)), (stored, expiry));
}

#[tokio::test]
async fn an_epoch_never_goes_down() {
    let bench = open();
    let epoch = bench.store.keys.epoch(&UserHash::of("ada"));
    for (given, stored) in [(1_000, 1_000), (900, 1_000), (1_001, 1_001)] {
        let call = ScriptCall::new(
            &scripts::RAISE,
            vec![epoch.clone(), bench.store.keys.index(&UserHash::of("ada")), epoch.clone()],
        )
        .number(given)
        .number(HOUR);
        assert!(bench.twice(&call.nothing()).await.iter().all(|reply| reply.code == Code::Ok));
        assert_eq!(bench.raw::<u64>("GET", &epoch, &[]), stored);
    }
}

#[tokio::test]
async fn a_repeated_sweep_counts_what_it_ended_and_ends_nothing_more() {
    let bench = open();
    let mut login = login_of("ada", Cap::default());
    login.new.grace_ms = GRACE as u32;
    bench.try_login(&login).await.unwrap();
    bench.advance(LIFE + 1);
    let call = bench.named(&scripts::SWEEP, &[login.new.id]).number(REMEMBER).members(&[login.new.id]);
    let twice = bench.twice(&call).await.map(|reply| reply.value().unwrap());
    let expected = Value::Array(vec![Value::Int(1), Value::Int(0), Value::Int(0)]);
    assert_eq!(twice, [expected.clone(), expected]);
}

#[tokio::test]
async fn a_late_repeat_after_a_lost_reply_has_an_unknown_outcome() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    let call = ScriptCall::new(&scripts::ROTATE, vec![bench.store.keys.session(id)]);
    let mut delivery = bench.store.delivery(Op { not_after: 0, ..bench.op() });
    delivery.note_lost();
    let answer = bench.store.call(&mut delivery, &call).await;
    assert!(matches!(answer, Err(Error::Indeterminate(_))), "{answer:?}");
}
