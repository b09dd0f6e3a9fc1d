//! The packed metadata of a session.

use crate::identity::id::{Bucket, SessionId};
use crate::store::redis::layout::meta::{Begun, Buried, Stored, Written, decode, head, tail};
use crate::store::{Meta, NewSession, Op, Tombstone};

const OP: Op = Op { id: *b"an op id", not_after: 1_800_000_000_000, again: false };

/// What is read and written again reads equal, a write changes only what it says, and a tombstone keeps both secrets.
///
/// # Panics
/// If a property does not hold.
pub fn metadata(bytes: &[u8]) {
    let head = head(bytes);
    let Ok(stored) = decode(bytes) else { return };
    let head = head.expect("metadata begins with a head");
    if let Stored::Session { meta, .. } = &stored {
        assert_eq!((head.generation, head.version), (meta.generation, meta.version));
        assert_eq!((head.deadline(), head.stays_ms()), (meta.deadline(), stored.stays_ms()));
        assert!(meta.deadline() >= meta.touched);
        begun(meta);
        written(bytes, meta);
        buried(bytes, meta);
    }
}

/// The first metadata of a session with the same lifetimes, user and client.
fn begun(meta: &Meta) {
    let id = SessionId::shaped(Bucket::of_first_bits(1, 2), [3; 16]);
    let Meta { secret, lifetimes, grace_ms, .. } = *meta;
    let new = NewSession {
        id,
        secret,
        lifetimes,
        grace_ms,
        user: meta.user.clone(),
        client: meta.client.clone(),
        remember: meta.remember,
    };
    let packed = Begun::new(OP, &new, meta.user.as_deref(), 0).at(meta.touched, meta.index_until);
    let Ok(Stored::Session { meta: again, .. }) = decode(&packed) else { panic!("unreadable") };
    let first = Meta { user: meta.user.clone(), index_until: meta.index_until, ..Meta::first(&new, meta.touched) };
    assert_eq!(*again, first);
}

/// A write of fields: its version and its operation are new, the tail and its extras are as they were.
fn written(bytes: &[u8], meta: &Meta) {
    let write = Written { op: OP, now: meta.touched, version: meta.version ^ 1, size: 7, answer: b"an answer" };
    let after = write.after(bytes).expect("its metadata was read");
    let Ok(Stored::Session { meta: again, .. }) = decode(&after) else { panic!("unreadable") };
    assert_eq!(*again, Meta { version: meta.version ^ 1, ..meta.clone() });
    assert_eq!(head(&after).map(|head| head.size), Some(7));
    let (_, rest) = write.without_tail(bytes, &[]).expect("as before");
    assert!(after.ends_with(rest));
    let tail = tail(meta.user.as_deref(), &meta.client, meta.remember);
    // Without unknown flags and extras it is what is written for this user and client.
    assert!(rest.len() > tail.len() || rest[1..rest.len() - 1] == tail[1..tail.len() - 1]);
}

/// The tombstone of a guest that a login ends.
fn buried(bytes: &[u8], meta: &Meta) {
    let successor = SessionId::shaped(Bucket::of_first_bits(9, 9), [9; 16]);
    let head = head(bytes).expect("as before");
    let Some(buried) = Buried::of(&head, bytes, successor, OP, meta.touched) else { panic!("not buried") };
    let [before, after] = buried.around_time();
    let tombstone = decode(&[before, &[0; 6], after].concat());
    let Ok(Stored::Ended(Tombstone { secret, previous, .. })) = tombstone else { panic!("unreadable") };
    assert_eq!((secret, previous), (meta.secret, meta.rotation.as_ref().map(|rotation| rotation.previous)));
}
