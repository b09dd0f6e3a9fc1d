//! A private Redis server on a Unix socket, and if asked for at an address of the loopback network.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// Runs the server until its own standard input ends, which it does when the test program dies, however it dies.
const KEEPER: &str = r#"redis-server "$@" >/dev/null & echo $!; read -r _; kill -9 $!; wait $!"#;

pub(crate) struct TestServer {
    folder: PathBuf,
    options: Vec<String>,
    keeper: Child,
    pid: String,
}

impl TestServer {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// `options` as on the server's command line.
    pub(crate) fn with(options: &[&str]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("cloakroom-client-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self::within(folder, options)
    }

    /// A Sentinel with this configuration file.
    pub(crate) fn sentinel(configuration: &str, port: u16) -> Self {
        let folder = std::env::temp_dir().join(format!("cloakroom-sentinel-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("sentinel.conf"), configuration).unwrap();
        Self::within(folder, &["--sentinel", "--bind", &host(), "--port", &port.to_string()])
    }

    fn within(folder: PathBuf, options: &[&str]) -> Self {
        let options: Vec<_> = options.iter().map(|option| option.to_string()).collect();
        let (keeper, pid) = run(&folder, &options);
        let server = Self { folder, options, keeper, pid };
        server.wait_until_ready();
        server
    }

    pub(crate) fn socket(&self) -> String {
        self.folder.join("s").to_str().unwrap().to_owned()
    }

    pub(crate) fn url(&self) -> String {
        format!("redis+unix://{}", self.socket())
    }

    pub(crate) fn kill(&mut self) {
        drop(self.keeper.stdin.take());
        self.keeper.wait().unwrap();
    }

    pub(crate) fn restart(&mut self) {
        (self.keeper, self.pid) = run(&self.folder, &self.options);
        self.wait_until_ready();
    }

    /// Changes the text of one of its files while it is down.
    pub(in crate::store::redis) fn edit(&self, file: &str, change: impl Fn(String) -> String) {
        let path = self.folder.join(file);
        std::fs::write(&path, change(std::fs::read_to_string(&path).unwrap())).unwrap();
    }

    /// For its next start; of a duplicate option, Redis takes the last.
    pub(in crate::store::redis) fn set_option(&mut self, name: &str, value: &str) {
        self.options.extend([name.to_owned(), value.to_owned()]);
    }

    /// Stops it without its noticing: connections stay open and get no replies.
    pub(crate) fn stop(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.pid]).status().unwrap().success());
    }

    /// One command on a connection of its own, as the default user.
    pub(crate) fn admin<T: redis::FromRedisValue>(&self, command: &str) -> T {
        redis::from_redis_value(self.try_admin(command).unwrap()).unwrap()
    }

    pub(crate) fn try_admin(&self, command: &str) -> redis::RedisResult<redis::Value> {
        ask(self.url(), command)
    }

    /// The same, where that user has a password.
    pub(crate) fn admin_with<T: redis::FromRedisValue>(&self, password: &str, command: &str) -> T {
        redis::from_redis_value(self.try_admin_with(password, command).unwrap()).unwrap()
    }

    pub(crate) fn try_admin_with(&self, password: &str, command: &str) -> redis::RedisResult<redis::Value> {
        ask(format!("redis+unix://{}?pass={password}", self.socket()), command)
    }

    /// A connection of its own, as the default user.
    pub(crate) fn connection(&self) -> redis::Connection {
        redis::Client::open(self.url()).unwrap().get_connection().unwrap()
    }

    fn wait_until_ready(&self) {
        let limit = Instant::now() + Duration::from_secs(10);
        while !self.answers() {
            assert!(Instant::now() < limit, "redis-server does not start in {:?}", self.folder);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn answers(&self) -> bool {
        let Ok(mut socket) = UnixStream::connect(self.socket()) else { return false };
        socket.write_all(b"PING\r\n").is_ok() && socket.read(&mut [0; 64]).is_ok_and(|read| read > 0)
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.kill();
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

fn ask(url: String, command: &str) -> redis::RedisResult<redis::Value> {
    let mut words = command.split(' ');
    let mut cmd = redis::cmd(words.next().unwrap());
    for word in words {
        cmd.arg(word);
    }
    cmd.query(&mut redis::Client::open(url)?.get_connection()?)
}

/// Limits the number of servers: if all tests had theirs at the same time, they would time the machine and not the code.
#[derive(Debug)]
pub(crate) struct Lease(());

static TURNS: (Mutex<u32>, Condvar) = (Mutex::new(2), Condvar::new());

impl Lease {
    pub(crate) fn wait() -> Self {
        let left = TURNS.0.lock().unwrap();
        *TURNS.1.wait_while(left, |left| *left == 0).unwrap() -= 1;
        Self(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        *TURNS.0.lock().unwrap() += 1;
        TURNS.1.notify_one();
    }
}

/// An address of the loopback network for this process alone, so that ports cannot collide.
pub(crate) fn host() -> String {
    let [_, a, b, c] = std::process::id().to_be_bytes();
    format!("127.{}.{b}.{c}", 128 | a)
}

/// A port of [`host`] that no other test has.
pub(crate) fn port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(6400);
    NEXT.fetch_add(1, Ordering::Relaxed) as u16
}

fn run(folder: &PathBuf, options: &[String]) -> (Child, String) {
    let installed = Command::new("redis-server").arg("--version").output().is_ok();
    assert!(installed, "these tests start a private Redis: install `redis-server` (apt-get install redis-server)");
    let configuration = folder.join("sentinel.conf");
    let mut keeper = Command::new("sh")
        .args(["-c", KEEPER, "sh"])
        .args(configuration.exists().then_some(configuration))
        .args(["--port", "0", "--unixsocket", "s", "--save", "", "--daemonize", "no", "--dir"])
        .arg(folder)
        .args(options)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut pid = String::new();
    BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut pid).unwrap();
    (keeper, pid.trim().to_owned())
}
