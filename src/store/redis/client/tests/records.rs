//! The shared connection over TLS, with a peer in the same process that controls each record.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redis::{ErrorKind, Value, cmd};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{HandshakeKind, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, timeout};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::config::tls::Tls;
use crate::store::redis::client::node::multiplexed::Multiplexed;
use crate::store::redis::client::tests::connection::{PATIENCE, bytes, echo, later, pipe_over};
use crate::store::redis::client::tests::tls::Authority;

type Peer = TlsStream<DuplexStream>;

/// Accepts TLS as `localhost`; the settings that trust it.
pub(super) fn acceptor() -> (TlsAcceptor, Tls) {
    let authority = Authority::new();
    let tls = Tls::new().root_certificate(authority.pem());
    tls.checked().unwrap();
    let (certificate, key) = authority.sign("localhost");
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    (Arc::new(config).into(), tls)
}

fn connector(tls: &Tls) -> TlsConnector {
    Arc::new(tls.client_config().unwrap()).into()
}

/// A connection over a transport with this room each way, how often it reported a break, and its peer.
async fn connected(room: usize) -> (Multiplexed, Arc<AtomicUsize>, Peer) {
    let (acceptor, tls) = acceptor();
    connected_by(&connector(&tls), &acceptor, room).await
}

async fn connected_by(
    connector: &TlsConnector,
    acceptor: &TlsAcceptor,
    room: usize,
) -> (Multiplexed, Arc<AtomicUsize>, Peer) {
    let (ours, peer) = duplex(room);
    let name = ServerName::try_from("localhost").unwrap();
    let (ours, peer) = tokio::join!(connector.connect(name, ours), acceptor.accept(peer));
    let (pipe, broke) = pipe_over(ours.unwrap());
    (pipe, broke, peer.unwrap())
}

/// Waits for a command of this text, and replies.
async fn reply(peer: &mut Peer, text: &[u8], reply: &[u8]) {
    let mut received = vec![0; cmd("ECHO").arg(text).get_packed_command().len()];
    timeout(PATIENCE, peer.read_exact(&mut received)).await.expect("the whole command").unwrap();
    peer.write_all(reply).await.unwrap();
    peer.flush().await.unwrap();
}

fn bulk(text: &[u8]) -> Vec<u8> {
    [format!("${}\r\n", text.len()).as_bytes(), text, b"\r\n"].concat()
}

/// A resumed session would not check the certificate.
#[tokio::test]
async fn each_connection_has_a_full_handshake() {
    let (acceptor, tls) = acceptor();
    let connector = connector(&tls);
    for _ in 0..2 {
        let (pipe, _, mut peer) = connected_by(&connector, &acceptor, 64 << 10).await;
        assert_eq!(peer.get_ref().1.handshake_kind(), Some(HandshakeKind::Full));
        // With the reply the client has the tickets, too.
        tokio::join!(echo(&pipe, b"x"), reply(&mut peer, b"x", b"+OK\r\n")).0.unwrap();
    }
}

#[tokio::test]
async fn a_command_larger_than_the_transports_room_is_sent_whole() {
    let (pipe, _, mut peer) = connected(1_000).await;
    for of in [10, 5_000, 10_000, 100_000] {
        let text = bytes(of);
        let sent = timeout(PATIENCE, async { tokio::join!(echo(&pipe, &text), reply(&mut peer, &text, b"+OK\r\n")).0 });
        assert_eq!(sent.await.expect("a reply").unwrap(), Value::Okay, "{of}");
    }
}

#[tokio::test]
async fn a_reply_of_many_records_arrives_whole() {
    let (pipe, _, mut peer) = connected(64 << 10).await;
    for of in [0, 16_380, 16_384, 16_385, 100_000, 5_000_000, 7] {
        let text = bytes(of);
        let whole = bulk(&text);
        let (got, ()) = tokio::join!(echo(&pipe, b"x"), reply(&mut peer, b"x", &whole));
        assert!(got.unwrap() == Value::BulkString(text), "{of}");
    }
}

#[tokio::test]
async fn replies_may_end_anywhere_in_a_record() {
    let (pipe, _, mut peer) = connected(64 << 10).await;
    let replies = b"$4\r\n\r\n\r\n\r\n:7\r\n+OK\r\n";
    let [one, two, three] = ["A", "B", "C"].map(cmd);
    for of_a_record in [1, 5, replies.len()] {
        let peers = async {
            let _ = peer.read(&mut [0; 100]).await.unwrap();
            for record in replies.chunks(of_a_record) {
                peer.write_all(record).await.unwrap();
                peer.flush().await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        let call = |command| pipe.one(command, later());
        let all = timeout(PATIENCE, async { tokio::join!(call(&one), call(&two), call(&three), peers) });
        let (one, two, three, ()) = all.await.expect("three replies");
        assert_eq!(one.unwrap(), Value::BulkString(b"\r\n\r\n".to_vec()));
        assert_eq!((two.unwrap(), three.unwrap()), (Value::Int(7), Value::Okay));
    }
}

#[tokio::test]
async fn a_connection_that_ends_within_a_reply_fails_its_callers() {
    for says_goodbye in [true, false] {
        let (pipe, broke, mut peer) = connected(64 << 10).await;
        let cut = async {
            reply(&mut peer, b"x", b"$100000\r\nhalf of it").await;
            if says_goodbye {
                peer.shutdown().await.unwrap();
            }
            drop(peer);
        };
        let (got, ()) = tokio::join!(timeout(PATIENCE, echo(&pipe, b"x")), cut);
        let (got, after) = (got.expect("nobody waits").unwrap_err(), echo(&pipe, b"after").await.unwrap_err());
        for error in [got, after] {
            assert!(error.kind() == ErrorKind::Io && !error.is_timeout(), "{error:?}");
        }
        assert_eq!(broke.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn a_record_that_was_changed_on_the_way_ends_the_connection() {
    let (pipe, broke, mut peer) = connected(64 << 10).await;
    let forged = async {
        let _ = peer.read(&mut [0; 100]).await.unwrap();
        let (transport, _) = peer.get_mut();
        transport.write_all(b"\x17\x03\x03\x00\x20+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+\r").await.unwrap();
    };
    let (got, ()) = tokio::join!(timeout(PATIENCE, echo(&pipe, b"x")), forged);
    assert!(got.expect("nobody waits").is_err());
    assert_eq!(broke.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_late_reply_is_not_the_next_callers() {
    let (pipe, broke, mut peer) = connected(64 << 10).await;
    let (late, ours) = (cmd("ECHO").arg("late").to_owned(), bulk(b"mine"));
    let until = Instant::now() + Duration::from_millis(60);
    assert!(timeout(PATIENCE, pipe.one(&late, until)).await.expect("its time is over").unwrap_err().is_timeout());
    let peers = async {
        reply(&mut peer, b"late", &bulk(b"late")).await;
        reply(&mut peer, b"mine", &ours).await;
    };
    let (got, ()) = tokio::join!(echo(&pipe, b"mine"), peers);
    assert_eq!(got.unwrap(), Value::BulkString(b"mine".to_vec()));
    assert_eq!(broke.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn the_last_handle_says_goodbye() {
    let (pipe, broke, mut peer) = connected(64 << 10).await;
    let (_, ()) = tokio::join!(echo(&pipe, b"x"), reply(&mut peer, b"x", b"+OK\r\n"));
    drop(pipe);
    // Without a `close_notify` this is an error: the connection may have been cut.
    let rest = timeout(PATIENCE, peer.read(&mut [0; 100])).await.expect("the connection ends");
    assert_eq!(rest.unwrap(), 0);
    assert_eq!(broke.load(Ordering::Relaxed), 0);
}

/// On a worker thread, which would run the connection's task right after the first call.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn calls_that_are_ready_at_once_share_a_record() {
    /// TLS 1.3 adds a type and an authentication tag to the content of a record.
    const ADDED: usize = 17;
    let (pipe, _, mut peer) = connected(64 << 10).await;
    let (_, ()) = tokio::join!(echo(&pipe, b"x"), reply(&mut peer, b"x", b"+OK\r\n"));
    tokio::spawn(async move {
        for _ in 0..50 {
            let pipe = pipe.clone();
            tokio::spawn(async move { pipe.one(&cmd("PING"), later()).await });
        }
    });
    let expected = 50 * cmd("PING").get_packed_command().len();
    let (transport, _) = peer.get_mut();
    let mut records = Vec::new();
    while records.iter().sum::<usize>() < expected {
        let mut header = [0; 5];
        timeout(PATIENCE, transport.read_exact(&mut header)).await.expect("all calls").unwrap();
        let length = u16::from_be_bytes([header[3], header[4]]).into();
        transport.read_exact(&mut vec![0; length]).await.unwrap();
        records.push(length - ADDED);
    }
    assert_eq!(records, [expected]);
}
