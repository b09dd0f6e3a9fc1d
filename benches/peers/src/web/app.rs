//! An app in a process of its own.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::Failure;

/// Ends when this is dropped.
pub struct App {
    pub port: u16,
    pub process: u32,
    _child: Child,
}

impl App {
    pub async fn start(app: &str, redis: &str) -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["serve", app, redis])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = child.stdout.take().ok_or("piped")?;
        let line = BufReader::new(output).lines().next_line().await?;
        let port = line.ok_or_else(|| format!("the app on {app} ended at once"))?.parse()?;
        let process = child.id().ok_or("running")?;
        Ok(Self { port, process, _child: child })
    }
}
