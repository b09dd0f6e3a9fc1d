use std::net::Ipv6Addr;

use super::*;
use crate::identity::client::ClientInfo;
use crate::store::Rotation;

/// The metadata of a session as `lua/lib/meta.lua` packs it.
fn packed(state: u8, rotated: bool, operations: u8, tail: &[u8]) -> Vec<u8> {
    let millis = |ms: u64| ms.to_be_bytes()[2..].to_vec();
    let mut bytes = vec![FORMAT, state, u8::from(rotated), 0];
    for ms in [1_700_000_000_001, 1_700_000_000_002, 1_700_000_000_003, 1_800_000, 43_200_000] {
        bytes.extend(millis(ms));
    }
    for number in [60_000_u32, 5_000, 7, 3, 9, 321] {
        bytes.extend(number.to_be_bytes());
    }
    bytes.extend([millis(1_700_000_000_004), millis(1_700_000_000_005), vec![0xaa; 32], vec![0, 0, 0, 11]].concat());
    bytes.push(operations);
    if rotated {
        bytes.extend([vec![0xbb; 32], millis(1_700_000_000_006), millis(0), vec![0]].concat());
    }
    for at in 0..operations {
        bytes.extend([vec![at; 8], millis(1_700_000_000_007), vec![2], vec![0, at]].concat());
    }
    bytes.extend(tail);
    bytes
}

fn client() -> ClientInfo {
    ClientInfo::new().address([192, 0, 2, 1].into()).user_agent("curl/8")
}

fn meta(packed: &[u8]) -> Meta {
    match decode(packed).expect("readable") {
        Stored::Session { meta, .. } => *meta,
        other => panic!("not a session: {other:?}"),
    }
}

#[test]
fn every_field_of_a_live_sessions_metadata_reads_back() {
    let meta = meta(&packed(0, true, 8, &tail(Some("ada"), &client(), None)));
    assert_eq!((meta.created, meta.since, meta.touched), (1_700_000_000_001, 1_700_000_000_002, 1_700_000_000_003));
    assert_eq!(meta.lifetimes, Lifetimes { idle_ms: 1_800_000, absolute_ms: 43_200_000, interval_ms: 60_000 });
    assert_eq!((meta.grace_ms, meta.generation, meta.version, meta.uses), (5_000, 3, 9, 11));
    assert_eq!((meta.index_until, meta.secret), (1_700_000_000_004, SecretHash([0xaa; 32])));
    let rotation = Rotation { previous: SecretHash([0xbb; 32]), at: 1_700_000_000_006, used: None, former: Vec::new() };
    assert_eq!(meta.rotation, Some(rotation));
    assert_eq!((meta.user.as_deref(), meta.client), (Some("ada"), client()));
}

#[test]
fn a_tombstone_has_its_reason_and_both_secrets() {
    let stored = decode(&packed(4, true, 2, &[])).expect("readable");
    let previous = Some(SecretHash([0xbb; 32]));
    assert_eq!(
        stored,
        Stored::Ended(Tombstone {
            reason: EndReason::Revoked,
            secret: SecretHash([0xaa; 32]),
            previous,
            successor: None,
            door: false
        })
    );
    assert_eq!(stored.stays_ms(), 0);
}

#[test]
fn every_client_reads_back_unchanged() {
    let addresses = [None, Some([192, 0, 2, 1].into()), Some(Ipv6Addr::LOCALHOST.into())];
    for address in addresses {
        for agent in [None, Some(""), Some("é"), Some(&*"x".repeat(1024))] {
            let mut client = ClientInfo::new();
            client = address.map_or(client.clone(), |address| client.address(address));
            client = agent.map_or(client.clone(), |agent| client.user_agent(agent));
            for remember in [None, Some(true), Some(false)] {
                for user in [None, Some("ada"), Some(&*"u".repeat(1024))] {
                    let meta = meta(&packed(0, false, 0, &tail(user, &client, remember)));
                    assert_eq!((meta.user.as_deref(), &meta.client, meta.remember), (user, &client, remember));
                }
            }
        }
    }
}

#[test]
fn truncated_or_overlong_metadata_is_unreadable() {
    let whole = packed(0, true, 3, &tail(Some("ada"), &client(), None));
    for length in 0..whole.len() {
        assert!(matches!(decode(&whole[..length]), Err(Error::Unreadable(_))), "{length} bytes");
    }
    assert!(matches!(decode(&[&whole[..], &[0]].concat()), Err(Error::Unreadable(_))));
}

#[test]
fn no_bytes_cause_a_panic_of_the_decoder() {
    let whole = packed(0, true, 3, &tail(Some("ada"), &client(), None));
    for at in 0..whole.len() {
        for with in [0, 1, 2, 0x7f, 0x80, 0xff] {
            let mut changed = whole.clone();
            changed[at] = with;
            drop(decode(&changed));
            drop(decode(&changed[..changed.len() - 1]));
        }
    }
}

#[test]
fn unknown_formats_states_and_users_are_unreadable() {
    let whole = packed(0, false, 0, &tail(Some("ada"), &client(), None));
    for (at, with) in [(0, 2), (1, 200), (2, 8)] {
        let mut changed = whole.clone();
        changed[at] = with;
        assert!(matches!(decode(&changed), Err(Error::Unreadable(_))), "byte {at}");
    }
    let user = whole.windows(3).position(|bytes| bytes == b"ada").expect("stored");
    let mut changed = whole;
    changed[user] = 0xff;
    assert!(matches!(decode(&changed), Err(Error::Unreadable(_))));
}

#[test]
fn an_address_of_another_length_is_unreadable() {
    let without = packed(0, false, 0, &tail(Some("ada"), &ClientInfo::new(), None));
    let length = without.len() - 4;
    assert_eq!(without[length..], [0, 0xff, 0xff, 0], "no address, no user agent, no flags");
    for other in [1, 5, 6, 15, 17, 255] {
        let mut changed = without.clone();
        changed[length] = other;
        // Readable if the bytes were skipped, or if there were none.
        for skipped in [0, usize::from(other)] {
            changed.splice(length + 1..changed.len() - 3, vec![0; skipped]);
            assert!(matches!(decode(&changed), Err(Error::Unreadable(_))), "{other}, {skipped} bytes");
        }
    }
}

#[test]
fn a_parked_session_reads_as_parked() {
    assert_eq!(
        decode(&packed(PARKED, false, 1, &tail(Some("ada"), &client(), None))).expect("readable"),
        Stored::Parked
    );
    assert_eq!(EndReason::from_code(PARKED), None);
}
