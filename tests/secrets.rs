//! R2: one scenario calls every operation; nothing that opens a session is found anywhere but at the client.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use cloakroom::{AsCluster, Cap, ClientInfo, Login, Session, Sessions, Timeouts};
use sha2::{Digest, Sha256};

use crate::common::server::Server;
use crate::common::{keys, until};

mod compat;

/// Every token of the scenario, as its client got it.
#[derive(Default)]
pub(crate) struct Issued(Vec<String>);

impl Issued {
    fn note(&mut self, session: &Session) {
        self.0.extend(session.token().map(|token| token.reveal().to_string()));
    }

    fn last(&self) -> &str {
        self.0.last().expect("one was issued")
    }
}

/// The log of the scenario.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Calls every operation, and prints whatever can be printed.
pub(crate) async fn scenario(sessions: &Sessions, issued: &mut Issued) {
    let client = ClientInfo::new().user_agent("curl/8");
    let session = sessions.open(None, client.clone()).await.expect("there");
    session.insert("cart", &["hat"]).expect("legal");
    session.save().await.expect("there").into_result().expect("saved");
    issued.note(&session);
    session.increment("hits", 1).await.expect("there");
    session.insert("cart", &["coat"]).expect("legal");
    session.save().await.expect("there").into_result().expect("saved");
    let _ = session.rotate().await.expect("there");
    issued.note(&session);
    let again = sessions.open(Some(issued.last()), client.clone()).await.expect("there");
    let _ = again.touch().await.expect("there"); // the first use of the new secret
    again.increment("hits", 1).await.expect("there"); // a swap: the handle has seen everything stored
    session.increment("hits", 1).await.expect("there"); // no swap: the handle has not, and neither has the next
    session.insert("cart", &["scarf"]).expect("legal");
    session.save().await.expect("there").into_result().expect("saved");
    session.set_timeouts(Timeouts::new().idle(Duration::from_secs(600))).await.expect("live");
    let ticket = sessions.ticket("ada").await.expect("there");
    let _ = session.login(Login::new("ada").keep(["cart"]).ticket(ticket)).await.expect("there");
    issued.note(&session);
    let _ = session.login(Login::new("ada")).await.expect("there");
    issued.note(&session);
    for _ in 0..2 {
        let other = sessions.open(None, client.clone()).await.expect("there");
        let _ = other.login(Login::new("ada").cap(Cap::evict(1))).await.expect("there");
        issued.note(&other);
    }
    let other = sessions.open(Some(issued.last()), client.clone()).await.expect("there");
    println!("{session:?} {other:?} {sessions:?} {:?} {:?} {ticket:?}", session.token(), session.cookie_change());
    let _ = other.logout_keeping(["cart"]).await.expect("there");
    issued.note(&other);
    let last = sessions.open(None, client).await.expect("there");
    last.insert("a", &1).expect("legal");
    last.save().await.expect("there").into_result().expect("saved");
    issued.note(&last);
    tracing::info!(?last, error = ?last.get::<Vec<u8>>("a").err(), "seen");
    drop(sessions.user("ada").list().await.expect("there"));
    sessions.revoke_user("ada").await.expect("there");
    sessions.revoke_guests(|_| {}).await.expect("there");
}

fn monitor(server: &Server) -> Child {
    let output = fs::File::create(server.socket().with_file_name("monitor")).expect("the server's folder");
    let mut command = Command::new("redis-cli");
    command.arg("-s").arg(server.socket()).arg("monitor").stdin(Stdio::null()).stdout(output);
    command.spawn().expect("redis-cli comes with redis-server")
}

/// Every encoding in which a secret could appear.
fn forms(token: &str) -> Vec<Vec<u8>> {
    let bytes = Base64UrlUnpadded::decode_vec(token).expect("our own token");
    let secret = &bytes[16..];
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let base64 = base64ct::Base64Unpadded::encode_string(secret);
    // Redis holds a digest of the CSRF token, which opens nothing.
    let csrf = Sha256::new().chain_update(b"cloakroom csrf 1").chain_update(secret).finalize();
    // The middle of the token's text does not depend on how its ends align to groups of three bytes.
    vec![
        csrf[..16].to_vec(),
        quoted(&csrf[..16]),
        Base64UrlUnpadded::encode_string(&csrf)[..40].into(),
        secret.to_vec(),
        hex.clone().into_bytes(),
        hex.to_uppercase().into_bytes(),
        base64[..40].into(),
        token[24..60].into(),
        quoted(secret),
    ]
}

/// Bytes as MONITOR and SLOWLOG write them.
fn quoted(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for &byte in bytes {
        match byte {
            b'\\' | b'"' => text.extend([b'\\', byte]),
            b'\n' => text.extend(b"\\n"),
            b'\r' => text.extend(b"\\r"),
            b'\t' => text.extend(b"\\t"),
            7 => text.extend(b"\\a"),
            8 => text.extend(b"\\b"),
            0x20..=0x7e => text.push(byte),
            _ => text.extend(format!("\\x{byte:02x}").bytes()),
        }
    }
    text
}

fn contains(hay: &[u8], needle: &[u8]) -> bool {
    hay.windows(needle.len()).any(|window| window == needle)
}

#[tokio::test]
async fn no_secret_that_opens_a_session_reaches_redis_its_logs_or_ours() {
    let settings = [
        "--slowlog-log-slower-than",
        "0",
        "--slowlog-max-len",
        "1000000",
        "--rdbcompression",
        "no",
        "--loglevel",
        "debug",
    ];
    let server = Server::start(&settings);
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
    let _traced = tracing::subscriber::set_default(subscriber);
    let mut monitor = monitor(&server);
    let path = server.socket().with_file_name("monitor");
    until("MONITOR is on", || async { fs::metadata(&path).is_ok_and(|file| file.len() > 0) }).await;

    let mut issued = Issued::default();
    let builder = || Sessions::builder(server.url()).namespace("r2").expiry_grace(Duration::from_secs(3600));
    for as_in_a_cluster in [builder().across_slots(), builder().while_resharding()] {
        scenario(&as_in_a_cluster.connect().await.expect("a server"), &mut issued).await;
    }
    let sessions = builder().connect().await.expect("a server");
    scenario(&sessions, &mut issued).await;
    let mut redis = server.connection().await;
    let dump = dump(&server, &mut redis).await;
    let expired = sessions.open(None, ClientInfo::new()).await.expect("there");
    expired.insert("a", &1).expect("legal");
    expired.save().await.expect("there").into_result().expect("saved");
    issued.note(&expired);
    keys::age(&mut redis, "r2", Duration::from_secs(32 * 60)).await;
    assert_eq!(sessions.sweep().await.expect("there").expired, 1);

    let mut slowlog = Command::new("redis-cli");
    let slowlog =
        slowlog.arg("-s").arg(server.socket()).args(["slowlog", "get", "-1"]).output().expect("redis-cli runs");
    let _: () = redis::cmd("SAVE").query_async(&mut redis).await.expect("there");
    let places = [
        ("MONITOR", read_until_quiet(&path).await),
        ("SLOWLOG", slowlog.stdout),
        ("DUMP", dump),
        ("the RDB file", fs::read(server.socket().with_file_name("dump.rdb")).expect("SAVE wrote it")),
        ("the server's log", fs::read(server.socket().with_file_name("log")).expect("a log")),
        ("our log", log.0.lock().expect("no panic").clone()),
    ];
    let _ = monitor.kill();
    let _ = monitor.wait();
    assert_every_script_ran(&places[0].1);
    assert!(issued.0.len() >= 8, "{} tokens", issued.0.len());
    for token in &issued.0 {
        for form in forms(token) {
            for (place, content) in &places {
                assert!(!contains(content, &form), "a secret in {place}");
            }
        }
    }
    assert!(contains(&places[0].1, b"cart") && contains(&places[5].1, b"seen"), "the search looks at the right things");
    assert!(contains(&places[1].1, b"cart") && contains(&places[3].1, b"r2:{"), "and so do these");
}

/// Every key's content as `DUMP` returns it.
async fn dump(server: &Server, redis: &mut redis::aio::MultiplexedConnection) -> Vec<u8> {
    let _ = server;
    let mut all = Vec::new();
    for key in keys::all(redis, "r2").await {
        let content: Vec<u8> = redis::cmd("DUMP").arg(&key).query_async(redis).await.expect("there");
        all.extend(content);
    }
    all
}

async fn read_until_quiet(path: &std::path::Path) -> Vec<u8> {
    let mut last = 0;
    loop {
        let content = fs::read(path).expect("MONITOR writes it");
        if content.len() == last {
            return content;
        }
        last = content.len();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Compares the scenario with the list of scripts, so that none is forgotten.
fn assert_every_script_ran(monitored: &[u8]) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/lua");
    let files = fs::read_dir(folder).expect("the scripts").map(|entry| entry.expect("an entry").path());
    let scripts = files.filter(|path| path.extension().is_some_and(|extension| extension == "lua"));
    let names = scripts.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()));
    // Only drop-in stores call it: see their scenario.
    let names: BTreeSet<String> = names.filter(|name| name != "lead").collect();
    let missing: Vec<_> =
        names.iter().filter(|name| !contains(monitored, format!("--[[\\n{name}: ").as_bytes())).collect();
    assert!(names.len() >= 10 && missing.is_empty(), "not in the scenario: {missing:?}");
}
