use super::*;
use crate::config::timeouts::Timeouts;
use crate::identity::id::Bucket;
use crate::store::Etag;

/// A guest's session with one field of n bytes.
pub(super) fn kept(id: SessionId, secret: u8, bytes: usize) -> Kept {
    let secret = SecretHash([secret; 32]);
    let meta = Meta {
        created: 0,
        since: 0,
        touched: 0,
        lifetimes: Timeouts::new().checked().expect("the defaults"),
        grace_ms: 0,
        generation: 1,
        version: 1,
        uses: 0,
        index_until: 0,
        secret,
        rotation: None,
        user: None,
        client: ClientInfo::new(),
        remember: None,
    };
    Kept {
        session: LoadedSession { id, meta, etag: Some(Etag(b"as loaded".to_vec())) },
        door: None,
        fields: Arc::new([("a", vec![0; bytes])].into_iter().collect()),
    }
}

#[test]
fn a_retimes_reply_is_compared_only_without_a_concurrent_write() {
    let kept = kept(SessionId::mint(Bucket::all().next().expect("one")).expect("random"), 1, 10);
    let now = Meta { touched: 7, ..kept.session.meta.clone() };
    let [loaded, later] = [&b"as loaded"[..], b"now"].map(|bytes| Some(Etag(bytes.to_vec())));
    let etag_after = |mut session: LoadedSession, now: &Meta| {
        session.retimed(now, later.clone());
        session.snapshot(Arc::clone(&kept.fields)).map(|snapshot| snapshot.etag)
    };
    assert_eq!(etag_after(kept.session.clone(), &now), later);
    assert_eq!(etag_after(kept.session.clone(), &Meta { version: 2, ..now.clone() }), loaded);
    assert_eq!(etag_after(kept.session.clone(), &Meta { generation: 2, ..now.clone() }), loaded);
    let astray = LoadedSession { etag: None, ..kept.session.clone() };
    assert_eq!(etag_after(astray, &now), None, "its fields are not packed as a swap packs them");
}
