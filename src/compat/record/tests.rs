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
        etag: Etag(Some(b"as loaded".to_vec())),
    };
    Kept {
        key: RecordKey { id, secret },
        door: None,
        meta,
        fields: Arc::new([("a", vec![0; bytes])].into_iter().collect()),
    }
}

#[test]
fn a_retimes_reply_is_compared_only_without_a_concurrent_write() {
    let kept = kept(SessionId::mint(Bucket::all().next().expect("one")).expect("random"), 1, 10);
    let now = Meta { touched: 7, etag: Etag(Some(b"now".to_vec())), ..kept.meta.clone() };
    let loaded = Some(&b"as loaded"[..]);
    let snapshot = |kept: Kept| kept.meta.snapshot(kept.fields).map(|snapshot| snapshot.etag);
    assert_eq!(snapshot(kept.clone().retimed(now.clone())).as_deref(), Some(&b"now"[..]));
    assert_eq!(snapshot(kept.clone().retimed(Meta { version: 2, ..now.clone() })).as_deref(), loaded);
    assert_eq!(snapshot(kept.clone().retimed(Meta { generation: 2, ..now.clone() })).as_deref(), loaded);
    let astray = Kept { meta: Meta { etag: Etag::default(), ..kept.meta.clone() }, ..kept };
    assert_eq!(snapshot(astray.retimed(now)), None, "its fields are not packed as a swap packs them");
}
