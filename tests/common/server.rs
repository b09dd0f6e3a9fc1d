//! Real Redis servers, private to the test program.
//!
//! Each runs under a shell that kills it as soon as the pipe from the test program closes, however that ends.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

/// Starts the server, waits for the pipe to close, kills the server.
const UNDER_PARENT: &str =
    r#"redis-server "$@" >"$LOG" 2>&1 & echo $! >"$PID"; cat >/dev/null; kill -9 $! 2>/dev/null"#;

/// A running `redis-server` on a Unix socket, with its own folder.
pub(crate) struct Server {
    folder: PathBuf,
    parent: Child,
}

impl Server {
    /// The server that tests share; started by the first that asks, ended with the last that holds it.
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().expect("no test panics while it starts a server");
        shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Self::start(&[]));
            *shared = Arc::downgrade(&server);
            server
        })
    }

    /// A server of its own, with these settings besides.
    pub(crate) fn start(settings: &[&str]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("cloakroom-test-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for the server");
        let parent = launch(&folder, settings);
        let server = Self { folder, parent };
        server.wait();
        server
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// The store URL of this server.
    pub(crate) fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    pub(crate) fn pid(&self) -> u32 {
        let text = fs::read_to_string(self.folder.join("pid")).expect("the parent writes it");
        text.trim().parse().expect("a process id")
    }

    /// Sends the server a signal, such as `STOP` or `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.pid().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// A plain connection for looking at what is stored.
    pub(crate) async fn connection(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(format!("unix://{}", self.socket().display())).expect("a path");
        // A machine that is busy with other tests may keep the server waiting for longer than the default, half a second.
        let patient = redis::AsyncConnectionConfig::new()
            .set_connection_timeout(Some(Duration::from_secs(10)))
            .set_response_timeout(Some(Duration::from_secs(10)));
        client.get_multiplexed_async_connection_with_config(&patient).await.expect("the server is up")
    }

    fn wait(&self) {
        let limit = Instant::now() + Duration::from_secs(10);
        while std::os::unix::net::UnixStream::connect(self.socket()).is_err() {
            let log = || fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(
                Instant::now() < limit,
                "no redis-server came up; install Debian's redis-server. Its log:\n{}",
                log()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.parent.stdin.take());
        let _ = self.parent.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn launch(folder: &Path, settings: &[&str]) -> Child {
    let socket = folder.join("socket");
    let mut child = Command::new("sh")
        .args(["-c", UNDER_PARENT, "redis-server", "--port", "0", "--unixsocket"])
        .arg(socket)
        .args(["--dir"])
        .arg(folder)
        .args(["--save", "", "--appendonly", "no"])
        .args(settings)
        .env("LOG", folder.join("log"))
        .env("PID", folder.join("pid"))
        .stdin(Stdio::piped())
        .spawn()
        .expect("a shell");
    child.stdin.as_mut().expect("piped").flush().expect("an open pipe");
    child
}
