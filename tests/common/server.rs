//! Real Redis servers, private to the test program.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use redis::FromRedisValue;
use redis::aio::MultiplexedConnection;

use keeper::{Keeper, server_program};

// Named by path, because the benches include this file alone.
#[path = "keeper.rs"]
mod keeper;
#[path = "ports.rs"]
pub(crate) mod ports;

/// A running server with its own folder: always on a Unix socket, on a TCP port of the loopback interface if asked for.
pub(crate) struct Server {
    folder: PathBuf,
    arguments: Vec<String>,
    port: Option<u16>,
    keeper: Mutex<Option<Keeper>>,
}

impl Server {
    /// The server that tests share; started by the first that asks, ended with its last holder.
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().expect("no test panics while it starts a server");
        shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Self::start(&[]));
            *shared = Arc::downgrade(&server);
            server
        })
    }

    /// A private server on a Unix socket, with these further settings.
    pub(crate) fn start(settings: &[&str]) -> Self {
        Self::run(folder(), None, &["--port", "0"], settings)
    }

    /// A private server that listens on a TCP port too.
    pub(crate) fn listening(settings: &[&str]) -> Self {
        let port = ports::free();
        Self::run(folder(), Some(port), &["--port", &port.to_string()], settings)
    }

    /// A private server whose TCP port speaks TLS: the authority of its clients, its certificate and its key, as PEM.
    pub(crate) fn listening_tls(pems: [&str; 3], settings: &[&str]) -> Self {
        let (folder, port) = (folder(), ports::free());
        let own = [("ca-cert-file", "authority"), ("cert-file", "server"), ("key-file", "key")];
        let mut place: Vec<String> = ["--port", "0", "--tls-port"].map(str::to_owned).into();
        place.push(port.to_string());
        for ((setting, name), pem) in own.into_iter().zip(pems) {
            fs::write(folder.join(name), pem).expect("a folder of ours");
            place.extend([format!("--tls-{setting}"), name.to_owned()]);
        }
        let place: Vec<&str> = place.iter().map(String::as_str).collect();
        Self::run(folder, Some(port), &place, settings)
    }

    /// A private Sentinel with this configuration file, which it rewrites.
    pub(crate) fn sentinel(configuration: &str) -> Self {
        let (folder, port) = (folder(), ports::free());
        let file = folder.join("sentinel.conf");
        fs::write(&file, configuration).expect("a folder of ours");
        let file = file.display().to_string();
        Self::run(folder, Some(port), &[&file, "--sentinel", "--port", &port.to_string()], &[])
    }

    fn run(folder: PathBuf, port: Option<u16>, place: &[&str], settings: &[&str]) -> Self {
        // Relative, because a socket's path has at most 107 bytes.
        let fixed = ["--bind", "127.0.0.1", "--unixsocket", "socket", "--daemonize", "no", "--dir"];
        let path = folder.display().to_string();
        // A Sentinel has no such settings.
        let volatile = if place.contains(&"--sentinel") { &[][..] } else { &["--save", "", "--appendonly", "no"] };
        let arguments = [place, &fixed[..], &[path.as_str()], volatile, settings].concat();
        let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        let keeper = Mutex::new(Some(Keeper::run(&folder, &server_program(), &arguments)));
        let server = Self { folder, arguments, port, keeper };
        server.wait();
        server
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// The TCP port, if it listens on one.
    pub(crate) fn port(&self) -> u16 {
        self.port.expect("started with a port")
    }

    /// The store URL of this server.
    pub(crate) fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.keeper().as_ref().expect("it runs").pid()
    }

    /// Stops the server without its noticing: connections stay open and get no replies.
    pub(crate) fn stop(&self) {
        self.signal("STOP");
    }

    /// Continues a stopped server, which executes what waits in its sockets.
    pub(crate) fn go_on(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        self.keeper().as_ref().expect("it runs").signal(name);
    }

    /// Ends the server as `kill -9` does. Its files stay for [`restart`](Self::restart).
    pub(crate) fn kill(&self) {
        self.keeper().take().expect("it runs").kill();
    }

    /// Starts a killed server again, at the same place and with the same files.
    pub(crate) fn restart(&self) {
        self.restart_with(&[]);
    }

    /// The same with these settings, which replace the ones of the same name.
    pub(crate) fn restart_with(&self, settings: &[&str]) {
        let settings = settings.iter().map(|&setting| setting.to_owned());
        let arguments: Vec<_> = self.arguments.iter().cloned().chain(settings).collect();
        *self.keeper() = Some(Keeper::run(&self.folder, &server_program(), &arguments));
        self.wait();
    }

    /// One command on a connection of its own, as the default user; blocks.
    pub(crate) fn ask<T: FromRedisValue>(&self, command: &[&str]) -> T {
        self.try_ask(command).unwrap_or_else(|error| panic!("{command:?}: {error}"))
    }

    /// The same, for a command that may be refused, or get no reply: then it fails after two seconds.
    pub(crate) fn try_ask<T: FromRedisValue>(&self, command: &[&str]) -> Result<T, redis::RedisError> {
        let patience = Some(Duration::from_secs(2));
        let mut connection = self.client().get_connection_with_timeout(Duration::from_secs(2))?;
        connection.set_read_timeout(patience)?;
        redis::cmd(command[0]).arg(&command[1..]).query(&mut connection)
    }

    /// A plain connection for reading what is stored, as the default user.
    pub(crate) async fn connection(&self) -> MultiplexedConnection {
        // On a machine that is busy with other tests, the server may be late for longer than the default, half a second.
        let patient = redis::AsyncConnectionConfig::new()
            .set_connection_timeout(Some(Duration::from_secs(10)))
            .set_response_timeout(Some(Duration::from_secs(10)));
        self.client().get_multiplexed_async_connection_with_config(&patient).await.expect("the server is up")
    }

    fn client(&self) -> redis::Client {
        redis::Client::open(format!("unix://{}", self.socket().display())).expect("a path")
    }

    fn keeper(&self) -> MutexGuard<'_, Option<Keeper>> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self) {
        let limit = Instant::now() + Duration::from_secs(10);
        while !self.answers() {
            let log = || fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(
                Instant::now() < limit,
                "no redis-server came up; install Debian's redis-server. Its log:\n{}",
                log()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether it listens and has read its files.
    fn answers(&self) -> bool {
        let Ok(mut socket) = UnixStream::connect(self.socket()) else { return false };
        let mut answer = [0; 64];
        let asked = socket.set_read_timeout(Some(Duration::from_secs(1))).and_then(|()| socket.write_all(b"PING\r\n"));
        asked
            .and_then(|()| socket.read(&mut answer))
            .is_ok_and(|read| !answer[..read].starts_with(b"-LOADING") && read > 0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.keeper().take());
        // A killed server left it.
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// A folder for a server, removed with it.
fn folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("cloakroom-test-{}-{number}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder for the server");
    folder
}
