//! The app servers, seen from the parent.

use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use super::Failure;
use super::plan::Plan;
use super::tally::Tally;
use super::worker::{Said, Second};

/// The argument that makes this program an app server.
pub(crate) const WORKER: &str = "app-server";

/// The limit for the last responses and a report of a few kilobytes.
const AFTER_THE_END: Duration = Duration::from_secs(120);

/// The running app servers. They end when this process does, because their standard input closes.
pub(crate) struct Children {
    begun: Instant,
    orders: Vec<ChildStdin>,
    _processes: Vec<Child>,
    said: UnboundedReceiver<(usize, Result<Said, Failure>)>,
}

impl Children {
    pub(crate) async fn start(count: usize, plan: impl Fn(usize) -> Plan + Send) -> Result<Self, Failure> {
        let (says, said) = unbounded_channel();
        let mut children = Self { begun: Instant::now(), orders: Vec::new(), _processes: Vec::new(), said };
        for number in 0..count {
            let plan = plan(number);
            let mut command = Command::new(std::env::current_exe()?);
            // The namespace is passed only to show in a list of processes which ones belong together.
            command.args([WORKER, &plan.namespace]).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
            let mut process = command.spawn()?;
            let (mut orders, output) = process.stdin.take().zip(process.stdout.take()).ok_or("pipes were asked for")?;
            orders.write_all(format!("{}\n", serde_json::to_string(&plan)?).as_bytes()).await?;
            tokio::spawn(listen(number, BufReader::new(output).lines(), says.clone()));
            children.orders.push(orders);
            children._processes.push(process);
        }
        Ok(children)
    }

    /// Waits until all sessions are stored, and prints how many are; returns how long it took.
    pub(crate) async fn filled(&mut self, mut progress: impl FnMut(usize) + Send) -> Result<Duration, Failure> {
        let mut stored = vec![0; self.orders.len()];
        let mut ready = 0;
        while ready < stored.len() {
            match self.next().await? {
                (number, Said::Stored(count)) => {
                    stored[number] = count;
                    progress(stored.iter().sum());
                }
                (_, Said::Ready) => ready += 1,
                (_, Said::Second(_) | Said::Done(_)) => {}
            }
        }
        Ok(self.begun.elapsed())
    }

    /// Starts the load.
    pub(crate) async fn go(&mut self) -> Result<(), Failure> {
        for orders in &mut self.orders {
            orders.write_all(b"go\n").await?;
        }
        Ok(())
    }

    /// Waits for the end of the load, and prints its progress.
    pub(crate) async fn tallies(
        &mut self,
        time: Duration,
        progress: impl FnMut(Second) + Send,
    ) -> Result<Vec<Tally>, Failure> {
        let limit = time + AFTER_THE_END;
        let tallies = timeout(limit, self.collect(progress)).await;
        tallies.map_err(|_| format!("the app servers have not ended after {limit:?}"))?
    }

    async fn collect(&mut self, mut progress: impl FnMut(Second) + Send) -> Result<Vec<Tally>, Failure> {
        let mut tallies = Vec::new();
        let mut latest = vec![Second::default(); self.orders.len()];
        while tallies.len() < latest.len() {
            match self.next().await? {
                (number, Said::Second(second)) => {
                    latest[number] = second;
                    progress(sum(&latest));
                }
                (_, Said::Done(tally)) => tallies.push(tally),
                (_, Said::Stored(_) | Said::Ready) => {}
            }
        }
        Ok(tallies)
    }

    async fn next(&mut self) -> Result<(usize, Said), Failure> {
        let (number, said) = self.said.recv().await.ok_or("all app servers ended")?;
        Ok((number, said?))
    }
}

type Lines = tokio::io::Lines<BufReader<tokio::process::ChildStdout>>;

/// Passes on the messages of an app server, up to the last one.
async fn listen(number: usize, mut lines: Lines, says: UnboundedSender<(usize, Result<Said, Failure>)>) {
    loop {
        let said = match lines.next_line().await {
            Ok(Some(line)) => serde_json::from_str(&line).map_err(Into::into),
            Ok(None) => Err(format!("app server {number} ended early").into()),
            Err(error) => Err(error.into()),
        };
        let last = matches!(said, Err(_) | Ok(Said::Done(_)));
        if says.send((number, said)).is_err() || last {
            return;
        }
    }
}

/// The sum over all app servers; its second is the one that all have reached.
fn sum(latest: &[Second]) -> Second {
    Second {
        second: latest.iter().map(|each| each.second).min().unwrap_or(0),
        answered: latest.iter().map(|each| each.answered).sum(),
        failed: latest.iter().map(|each| each.failed).sum(),
        under_way: latest.iter().map(|each| each.under_way).sum(),
    }
}
