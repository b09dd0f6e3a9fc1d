//! Records what the store sends to Redis, read from `MONITOR`, so that a call can be delivered again.

use std::collections::HashMap;
use std::path::Path;

use redis::Value;
use redis::aio::MultiplexedConnection;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::server::Server;

/// One script call as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    /// The script's file name without `.lua`.
    pub(crate) script: String,
    sha: String,
    pub(crate) keys: Vec<Vec<u8>>,
    pub(crate) args: Vec<Vec<u8>>,
}

impl Call {
    /// The same with another not-after, in milliseconds since 1970.
    pub(crate) async fn with_not_after(mut self, ms: u64, redis: &mut MultiplexedConnection) -> Self {
        let mut not_after = ms;
        if self.script == "swap" {
            let expiry = redis::cmd("PEXPIRETIME").arg(&self.keys[0]).query_async::<u64>(redis).await;
            not_after = expiry.expect("the session's key") - ms;
        }
        self.args[1] = not_after.to_string().into_bytes();
        self
    }

    /// Moves every instant among the arguments back, as if the call were as much older as the stored data was made.
    pub(crate) fn older(mut self, by_ms: u64) -> Self {
        let now =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_millis() as u64;
        let near = |ms: u64| ms.abs_diff(now) < 1_000_000_000_000;
        for arg in self.args.iter_mut().skip(1).filter(|arg| arg.len() == 13) {
            let instant = std::str::from_utf8(arg).ok().and_then(|text| text.parse().ok()).filter(|ms| near(*ms));
            if let Some(ms) = instant {
                *arg = (ms - by_ms).to_string().into_bytes();
            }
        }
        self
    }

    /// Whether both are one call, perhaps delivered at different times.
    fn is_delivery_of(&self, other: &Self) -> bool {
        (&self.script, &self.keys, &self.args[0]) == (&other.script, &other.keys, &other.args[0])
    }

    /// Sends it.
    pub(crate) async fn deliver(&self, redis: &mut MultiplexedConnection) -> Result<Value, redis::RedisError> {
        let mut call = redis::cmd("EVALSHA");
        call.arg(&self.sha).arg(self.keys.len()).arg(&self.keys).arg(&self.args);
        call.query_async(redis).await
    }
}

/// Watches one namespace of a server from its start.
pub(crate) struct Recorder {
    lines: tokio::io::Lines<BufReader<UnixStream>>,
    redis: MultiplexedConnection,
    namespace: Vec<u8>,
    names: HashMap<String, String>,
    calls: Vec<Call>,
    marks: u64,
}

impl Recorder {
    /// For a server on which no script has run yet: a script's name is learned from its first run, by `EVAL`.
    pub(crate) async fn start(server: &Server, namespace: &str) -> Self {
        let mut stream = UnixStream::connect(server.socket()).await.expect("the server is up");
        stream.write_all(b"MONITOR\r\n").await.expect("the server reads");
        let mut lines = BufReader::new(stream).lines();
        let first = lines.next_line().await.expect("the server answers");
        assert_eq!(first.as_deref(), Some("+OK"));
        let redis = server.connection().await;
        let namespace = format!("{namespace}:").into_bytes();
        Self { lines, redis, namespace, names: HashMap::new(), calls: Vec::new(), marks: 0 }
    }

    /// Whether the server's `MONITOR` output cannot be parsed: Valkey 8.1.1 does not escape quotes and backslashes.
    pub(crate) async fn misreads(&mut self) -> bool {
        let () = redis::cmd("ECHO").arg("\"\\").query_async(&mut self.redis).await.expect("the server is up");
        loop {
            let line = self.lines.next_line().await.expect("the server is up").expect("a line");
            if line.contains("\"ECHO\"") {
                return !line.ends_with(r#""\"\\""#);
            }
        }
    }

    /// Every call that was sent so far, each once.
    pub(crate) async fn calls(&mut self) -> &[Call] {
        self.marks += 1;
        let mark = format!("{} {}", text(&self.namespace), self.marks);
        let () = redis::cmd("ECHO").arg(&mark).query_async(&mut self.redis).await.expect("the server is up");
        while let Some(line) = self.lines.next_line().await.expect("the server is up") {
            let Some(words) = words(&line) else { continue };
            if words.get(1).is_some_and(|word| word == mark.as_bytes()) {
                break;
            }
            self.note(words);
        }
        &self.calls
    }

    /// The last call of this script.
    pub(crate) async fn last(&mut self, script: &str) -> Call {
        let call = self.calls().await.iter().rfind(|call| call.script == script).cloned();
        call.unwrap_or_else(|| panic!("no call of {script} was sent"))
    }

    fn note(&mut self, mut words: Vec<Vec<u8>>) {
        let command = words[0].to_ascii_uppercase();
        if !matches!(command.as_slice(), b"EVAL" | b"EVALSHA") {
            return;
        }
        let number: usize =
            std::str::from_utf8(&words[2]).ok().and_then(|text| text.parse().ok()).expect("a count of keys");
        let args = words.split_off(3 + number);
        let keys = words.split_off(3);
        if !keys.first().is_some_and(|key| key.starts_with(&self.namespace)) {
            return;
        }
        let sha =
            if command == b"EVAL" { sha1_smol::Sha1::from(&words[1]).digest().to_string() } else { text(&words[1]) };
        if command == b"EVAL"
            && let Some(name) = script_of(&words[1])
        {
            self.names.insert(sha.clone(), name);
        }
        // Redis replies NOSCRIPT to an EVALSHA of a name that is not known yet; the EVAL that follows is the same call.
        let Some(script) = self.names.get(&sha).cloned() else { return };
        let call = Call { script, sha, keys, args };
        if !self.calls.iter().any(|other| other.is_delivery_of(&call)) {
            self.calls.push(call);
        }
    }
}

/// The names of all scripts, from the directory.
pub(crate) fn scripts() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("lua");
    let files = std::fs::read_dir(folder).expect("the folder of scripts");
    let paths = files.map(|file| file.expect("readable").path());
    let scripts = paths.filter(|path| path.extension().is_some_and(|extension| extension == "lua"));
    let mut names: Vec<_> =
        scripts.map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    names
}

/// The script whose file is part of this body.
fn script_of(body: &[u8]) -> Option<String> {
    let body = text(body);
    scripts().into_iter().find(|name| body.contains(&format!("--[[\n{name}: ")))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The words of a line of `MONITOR`; none if a script issued the command.
fn words(line: &str) -> Option<Vec<Vec<u8>>> {
    let (head, command) = line.split_once("] ")?;
    if head.ends_with(" lua") { None } else { Some(unquoted(command.as_bytes())) }
}

/// Undoes Redis's quoting (`sdscatrepr`): words in double quotes, with backslashes before non-printable bytes.
///
/// A word ends only where another one begins, or the line ends: see [`misreads`](Recorder::misreads).
fn unquoted(line: &[u8]) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut bytes = line.iter();
    while bytes.by_ref().any(|byte| *byte == b'"') {
        let mut word = Vec::new();
        while let Some(byte) = bytes.next() {
            match byte {
                b'"' if matches!(bytes.as_slice(), [] | [b' ', b'"', ..]) => break,
                b'\\' => word.push(escaped(&mut bytes)),
                byte => word.push(*byte),
            }
        }
        words.push(word);
    }
    words
}

fn escaped<'a>(bytes: &mut impl Iterator<Item = &'a u8>) -> u8 {
    match *bytes.next().expect("something follows a backslash") {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'a' => 7,
        b'b' => 8,
        b'x' => {
            let digits = [bytes.next(), bytes.next()].map(|digit| *digit.expect("two digits follow"));
            let digits = std::str::from_utf8(&digits).expect("digits").to_owned();
            u8::from_str_radix(&digits, 16).expect("hexadecimal digits")
        }
        other => other,
    }
}

#[test]
fn monitor_lines_are_unquoted() {
    for quote in ["\\\"", "\""] {
        let line = r#"1700000000.000001 [0 unix:/s] "EVALSHA" "a?b\\" "\x00\xffz\n\r\t\a\b" """#.replace('?', quote);
        let words = super::recorder::words(&line).expect("not from a script");
        assert_eq!(words, [&b"EVALSHA"[..], b"a\"b\\", b"\x00\xffz\n\r\t\x07\x08", b""]);
    }
    assert_eq!(super::recorder::words(r#"1.2 [0 lua] "GET" "a""#), None);
}
