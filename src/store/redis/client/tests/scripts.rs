use redis::{RedisError, Value};

use super::*;
use crate::store::redis::client::{Script, ScriptAnswer};

pub(crate) fn counting() -> Script {
    Script::new("count", "", &["return redis.call('INCRBY', KEYS[1], ARGV[1])"])
}

pub(crate) async fn count(client: &Client, path: Path) -> Result<ScriptAnswer, Error> {
    Ok(client.script(path, &client.budget(), &counting(), &[b"n"], &[b"1"]).await?)
}

/// The server's error code.
pub(crate) fn code(error: &Error) -> Option<String> {
    let outage = std::error::Error::source(error).unwrap();
    outage.source()?.downcast_ref::<RedisError>()?.code().map(Into::into)
}

#[tokio::test]
async fn a_script_unknown_to_the_server_is_sent_by_its_body() {
    let server = Server::start(&[]);
    let client = client(&server);
    for (path, first) in PATHS.into_iter().zip([1, 3]) {
        for expected in [first, first + 1] {
            let sent = count(&client, path).await.unwrap();
            assert_eq!((sent.answer.value().unwrap(), sent.times), (Value::Int(expected), 1));
        }
        server.admin::<()>("SCRIPT FLUSH");
    }
    assert_eq!(count(&client, Path::Request).await.unwrap().answer.value().unwrap(), Value::Int(5));
    assert!(server.admin::<String>("INFO commandstats").contains("cmdstat_eval:calls=3"));
}

#[tokio::test]
async fn keys_and_arguments_arrive_byte_for_byte() {
    let server = Server::start(&[]);
    let client = client(&server);
    let echo = Script::new("echo", "no-writes", &["return {KEYS[1], ARGV[1], ARGV[2], #ARGV}"]);
    let sent = client.script(Path::Request, &client.budget(), &echo, &[b"k\0\xff"], &[b"", b"\r\n"]).await.unwrap();
    let text = |bytes: &[u8]| Value::BulkString(bytes.to_vec());
    assert_eq!(
        sent.answer.value().unwrap(),
        Value::Array(vec![text(b"k\0\xff"), text(b""), text(b"\r\n"), Value::Int(2)])
    );
}

#[tokio::test]
async fn reads_return_in_order() {
    let server = Server::start(&[]);
    server.admin::<()>("SET a 1");
    let client = client(&server);
    for path in PATHS {
        let mut commands = redis::pipe();
        commands.cmd("GET").arg("a").cmd("GET").arg("b");
        let answers = client.read(path, &client.budget(), b"a", &commands).await.unwrap();
        assert_eq!(answers, [Value::BulkString(b"1".to_vec()), Value::Nil]);
    }
}

#[tokio::test]
async fn full_memory_refuses_scripts_without_the_allow_oom_flag_at_once() {
    let server = Server::start(&["--maxmemory", "1", "--maxmemory-policy", "noeviction"]);
    let client = client(&server);
    let start = tokio::time::Instant::now();
    let error = count(&client, Path::Request).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)) && code(&error).as_deref() == Some("OOM"), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(1));
    let flagged = Script::new("count", "allow-oom", &["return redis.call('INCR', KEYS[1])"]);
    let sent = client.script(Path::Request, &client.budget(), &flagged, &[b"n"], &[]).await.unwrap();
    assert_eq!(sent.answer.value().unwrap(), Value::Int(1));
}

#[tokio::test]
async fn an_error_inside_a_script_is_not_unavailable() {
    let server = Server::start(&[]);
    let client = client(&server);
    server.admin::<()>("SET n text");
    let half = Script::new("half", "", &["redis.call('SET', KEYS[2], 1) return redis.call('INCR', KEYS[1])"]);
    let error = client.script(Path::Request, &client.budget(), &half, &[b"n", b"done"], &[]).await.unwrap_err();
    assert!(matches!(Error::from(error), Error::Indeterminate(_)));
    assert_eq!(server.admin::<i64>("GET done"), 1);
}

#[tokio::test]
async fn the_clock_is_the_servers_once_connected() {
    let server = Server::start(&[]);
    for path in PATHS {
        let client = client(&server);
        assert!(client.now() > 1_700_000_000_000, "this machine's, before that");
        get(&client, path, "k").await.unwrap();
        // On a busy machine time may pass between the two readings.
        let differs = || {
            let (seconds, micros) = server.admin::<(u64, u64)>("TIME");
            client.now().abs_diff(seconds * 1000 + micros / 1000) >= 100
        };
        assert!((0..20).any(|_| !differs()));
        let measured: String = server.admin("INFO commandstats");
        assert!(measured.contains("cmdstat_time:calls="), "{measured}");
        client.clock_seen(b"k", 1_000);
        assert!(client.now() < 10_000, "a late refusal tells the time too");
    }
}
