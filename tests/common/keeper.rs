//! A program that ends with the test program, however that ends.
//!
//! It runs under a shell that waits for the pipe from the test program to close, then kills it and removes its folder.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A word on the pipe says that the folder stays, for a restart. Signals from a terminal reach the whole group: the shell
/// must outlive the test program.
const KEEPER: &str = r#"trap '' INT TERM HUP
"$@" >>log 2>&1 & echo $!
read -r word
kill -9 $! 2>/dev/null
wait $! 2>/dev/null
[ "$word" ] || rm -rf "$FOLDER""#;

pub(crate) struct Keeper {
    shell: Child,
    pid: u32,
}

impl Keeper {
    /// Runs a command line in a folder of its own; its output goes to the file `log` there.
    pub(crate) fn run(folder: &Path, program: &Path, arguments: &[String]) -> Self {
        let mut shell = Command::new("sh")
            .args(["-c", KEEPER, "sh"])
            .arg(program)
            .args(arguments)
            .current_dir(folder)
            .env("FOLDER", folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut pid = String::new();
        BufReader::new(shell.stdout.take().expect("piped")).read_line(&mut pid).expect("the shell writes it");
        Self { shell, pid: pid.trim().parse().expect("a process id") }
    }

    pub(crate) const fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends a signal, such as `STOP` or `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.pid.to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Kills the program as `kill -9` does; its folder stays.
    pub(crate) fn kill(mut self) {
        self.shell.stdin.as_mut().expect("an open pipe").write_all(b"keep\n").expect("the shell reads");
        self.shell.wait().expect("the shell ends");
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        drop(self.shell.wait());
    }
}

/// The server's program: from the folder that `CLOAKROOM_BINARIES` names, else the installed one.
pub(crate) fn server_program() -> PathBuf {
    let Some(folder) = std::env::var_os("CLOAKROOM_BINARIES") else { return "redis-server".into() };
    let folder = PathBuf::from(folder);
    let known = ["redis-server", "valkey-server"].map(|name| folder.join(name));
    let found = known.into_iter().find(|path| path.exists());
    found.unwrap_or_else(|| panic!("no redis-server or valkey-server in {}", folder.display()))
}
