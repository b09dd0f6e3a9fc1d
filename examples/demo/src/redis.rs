//! A private Redis: on a Unix socket in a folder of its own, without persistence.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::Failure;
use super::kept::Kept;

/// Printed by every version, though not in the same case.
const READY: &str = "ready to accept connections";

/// A running private server.
pub(crate) struct PrivateRedis {
    url: String,
    server: Kept,
    _folder: Folder,
}

impl PrivateRedis {
    /// The program, if it is in the `PATH`.
    pub(crate) fn program() -> Option<PathBuf> {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|folder| folder.join("redis-server")).find(|program| program.is_file())
    }

    pub(crate) async fn start(program: &Path) -> Result<Self, Failure> {
        let folder = Folder::new()?;
        let path = folder.0.to_str().ok_or("the folder for temporary files has a name that is not UTF-8")?;
        let socket = format!("{path}/redis.sock");
        let args = ["--port", "0", "--unixsocket", &socket, "--dir", path, "--save", "", "--appendonly", "no"];
        let (server, _) = Kept::start("redis-server", program, &args, READY).await?;
        Ok(Self { url: format!("redis+unix://{socket}"), server, _folder: folder })
    }

    /// Its URL for `Sessions::builder`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) async fn stop(self) -> Result<(), Failure> {
        self.server.stop().await
    }
}

/// A folder that only we can enter, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> io::Result<Self> {
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        let path = std::env::temp_dir().join(format!("cloakroom-demo-{}-{nanos}", std::process::id()));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
