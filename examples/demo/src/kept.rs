//! A child process that never outlives the demo, however the demo ends.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::Failure;

/// A shell holds the child and ends it when our end of the pipe closes: at a stop, a panic, and also at a SIGKILL.
const KEEPER: &str =
    r#"trap : HUP INT TERM; "$@" </dev/null & exec >&-; read -r _; kill $! 2>/dev/null; wait $! 2>/dev/null"#;

/// Long enough for a busy machine.
const START: Duration = Duration::from_secs(20);
/// Longer than an app server waits for its last requests.
const STOP: Duration = Duration::from_secs(10);

/// A running child process.
pub(crate) struct Kept {
    name: String,
    keeper: Child,
    lifeline: ChildStdin,
}

impl Kept {
    /// Starts a program and waits for the line that announces that it is ready; returns that line.
    pub(crate) async fn start(
        name: &str,
        program: &Path,
        args: &[&str],
        ready: &str,
    ) -> Result<(Self, String), Failure> {
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "keeper"]).arg(program).args(args);
        let mut keeper = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (lifeline, output) = keeper.stdin.take().zip(keeper.stdout.take()).ok_or("the shell has no pipes")?;
        let kept = Self { name: name.to_owned(), keeper, lifeline };
        let mut lines = BufReader::new(output).lines();
        let line = timeout(START, wait_for(&mut lines, ready)).await;
        let line = line.map_err(|_| format!("{name} was not ready after {START:?}"))?;
        let line = line.map_err(|said| format!("{name} ended before it was ready\n{said}"))?;
        // Output that nobody reads would block the child one day.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok((kept, line))
    }

    /// Ends the child and waits until it is gone.
    pub(crate) async fn stop(self) -> Result<(), Failure> {
        let Self { name, mut keeper, lifeline } = self;
        drop(lifeline);
        match timeout(STOP, keeper.wait()).await {
            Ok(ended) => Ok(ended.map(drop)?),
            Err(_) => Err(format!("{name} did not stop within {STOP:?}").into()),
        }
    }
}

/// The first line with this text, in whatever case; if there is none, all output.
async fn wait_for(lines: &mut Lines<BufReader<ChildStdout>>, text: &str) -> Result<String, String> {
    let mut said = String::new();
    while let Ok(Some(line)) = lines.next_line().await {
        if line.to_lowercase().contains(text) {
            return Ok(line);
        }
        said.push_str(&line);
        said.push('\n');
    }
    Err(said)
}
