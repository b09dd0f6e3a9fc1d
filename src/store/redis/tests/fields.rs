//! The position of fields in the hash.

use super::*;

impl Bench {
    /// The names of the hash's fields, without the metadata.
    fn laid(&self, id: SessionId) -> Vec<String> {
        let mut names: Vec<String> = self.raw("HKEYS", &self.store.keys.session(id), &[]);
        names.retain(|name| name != "@");
        names.sort_unstable();
        names
    }

    /// Saves by the classic script or by a swap.
    async fn put(&self, id: SessionId, swaps: bool, delta: Delta) {
        let snapshot = self.snapshot(id).await.filter(|_| swaps);
        let wrote = self
            .store
            .save(self.op(), &Save { delta: delta.into(), snapshot, ..saving(id, &[]) })
            .await
            .unwrap()
            .unwrap();
        assert_eq!(wrote.etag.is_some(), swaps);
    }
}

fn change(name: &str, stored: Vec<u8>) -> Delta {
    Delta { clear: false, changes: vec![(name.into(), Some(stored))] }
}

#[tokio::test]
async fn a_field_moves_when_its_kind_or_size_does_and_is_never_in_two_places() {
    let bench = open();
    let (small, large) = (encode_bytes(&[b'x'; 1023]), encode_bytes(&[b'x'; 1024]));
    for swaps in [false, true] {
        let (id, _) = bench.guest(&["b=1"]).await;
        for (stored, laid) in [
            (small.clone(), vec!["="]),
            (large.clone(), vec!["=", "a"]),
            (encode_counter(7), vec!["=", "a"]),
            (small.clone(), vec!["="]),
            (encode_counter(-7), vec!["=", "a"]),
            (large.clone(), vec!["=", "a"]),
        ] {
            bench.put(id, swaps, change("a", stored.clone())).await;
            assert_eq!(bench.laid(id), laid, "swaps {swaps}");
            let record = bench.live(id).await;
            assert_eq!((names(&record), &stored_at(&record, 0)), (vec!["a", "b"], &stored));
        }
        bench.put(id, swaps, delta(&["b"])).await;
        assert_eq!(bench.laid(id), ["a"], "nothing lies together any more");
        bench.put(id, swaps, delta(&["a", "c=1"])).await;
        assert_eq!(bench.laid(id), ["="]);
        bench.put(id, swaps, Delta { changes: change("n", encode_counter(1)).changes, ..cleared(&[]) }).await;
        assert_eq!(bench.laid(id), ["n"]);
        bench.put(id, swaps, cleared(&[])).await;
        assert_eq!(bench.laid(id), [""; 0]);
    }
}

#[tokio::test]
async fn a_packed_field_is_not_a_counter() {
    let bench = open();
    let (id, _) = bench.guest(&["a=1"]).await;
    let add = Increment { id, generation: 1, field: "a".into(), by: 1, snapshot: None };
    assert_eq!(bench.store.increment(bench.op(), &add).await.unwrap(), Err(Refused::WrongKind));
    assert_eq!(bench.laid(id), ["="]);
}

#[tokio::test]
async fn misplaced_fields_read_right_and_are_left_to_the_classic_script() {
    let bench = open();
    let (id, _) = bench.guest(&["b=1"]).await;
    let key = bench.store.keys.session(id);
    let _: u32 = bench.raw("HSET", &key, &[b"a", &encode_bytes(b"1")]);
    let record = bench.live(id).await;
    assert_eq!(names(&record), ["a", "b"]);
    assert_eq!(record.etag, None);
    bench.put(id, false, delta(&["a=2"])).await;
    assert_eq!(bench.laid(id), ["="], "and put where it belongs");
    assert_eq!(names(&bench.live(id).await), ["a", "b"]);
}

#[tokio::test]
async fn packed_fields_that_are_not_small_are_left_to_the_classic_script() {
    let bench = open();
    for stored in [encode_counter(17), encode_bytes(&[b'x'; 2_000])] {
        let (id, _) = bench.guest(&["b=1"]).await;
        let both = [(&b"a"[..], &stored[..]), (b"b", b"1")];
        let etag = crate::store::redis::layout::fields::pack(both.into_iter(), 0);
        let _: u32 = bench.raw("HSET", &bench.store.keys.session(id), &[b"=", &etag]);
        assert_eq!(bench.live(id).await.etag, None);
        bench.put(id, false, delta(&["b=2"])).await;
        let record = bench.live(id).await;
        assert_eq!((names(&record), &stored_at(&record, 0)), (vec!["a", "b"], &stored));
    }
}

#[tokio::test]
async fn damaged_fields_are_unreadable() {
    let bench = open();
    let (id, _) = bench.guest(&["b=1"]).await;
    let key = bench.store.keys.session(id);
    let _: u32 = bench.raw("HSET", &key, &[b"b", &encode_bytes(&[b'x'; 2_000])]);
    assert!(matches!(bench.store.load(id).await, Err(Error::Unreadable(_))), "which of them?");
    let _: u32 = bench.raw("HDEL", &key, &[b"b"]);
    bench.live(id).await;
    let _: u32 = bench.raw("HSET", &key, &[b"=", b"\x01\0"]);
    assert!(matches!(bench.store.load(id).await, Err(Error::Unreadable(_))));
}
