//! How long do visitors wait when requests arrive at a given rate, whether or not the responses keep up?
//!
//! Several app servers, each a process of its own (this program, started again), share one store. Requests arrive at
//! random scheduled times; the time is measured from the *scheduled* time to the response, so a stall shows in every
//! request that was due meanwhile, and not only in the one that met it. Popularity is Zipf-like. Failures are counted by
//! kind and their times are in the percentiles.
//!
//! Not timed: HTTP, cookies, filling. Known flaws: a session is used by one app server only, so two servers never share
//! one; and where servers, load and Redis share a machine, they compete for cores. The row `start` shows how late
//! requests began: where that is not far below the others, the machine was measured, not the store.
//!
//! `cargo bench --bench load_test -- --help`

mod args;
mod arrivals;
mod children;
mod fill;
mod observe;
mod operation;
mod plan;
mod plot;
mod progress;
mod report;
mod slots;
mod tally;
mod worker;
mod zipf;

#[path = "../../tests/common/server.rs"]
#[allow(dead_code, unreachable_pub)]
mod server;

use std::fs;
use std::process::ExitCode;
use std::time::Duration;

use args::Args;
use children::Children;
use observe::Observer;
use progress::Progress;
use report::{Report, Usage};
use server::Server;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let ended = match words.first().map(String::as_str) {
        Some(children::WORKER) => worker::work().await,
        _ => match Args::parse(words) {
            Ok(Some(args)) => test(&args).await,
            Ok(None) => {
                println!("{}", args::USAGE);
                Ok(())
            }
            Err(wrong) => Err(wrong.into()),
        },
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

async fn test(args: &Args) -> Result<(), Failure> {
    let own = args.store.is_none().then(|| Server::start(&[]));
    let store = args.store.clone().or_else(|| own.as_ref().map(Server::url)).unwrap_or_default();
    let namespace = format!("load-test-{}", std::process::id());
    check(args, &store, &namespace).await?;
    let measured = measure(args, &store, &namespace).await;
    if own.is_none() {
        // Not with the connections of before: there may be another master now.
        Observer::connect(&store).await.remove(&namespace).await;
    }
    measured?.publish(args)
}

/// Fails at the start and not at the end, once and not once per app server.
async fn check(args: &Args, store: &str, namespace: &str) -> Result<(), Failure> {
    fs::create_dir_all(&args.out).map_err(|error| format!("--out {}: {error}", args.out.display()))?;
    let connected = cloakroom::Sessions::builder(store).namespace(namespace).connect().await;
    connected.map(drop).map_err(|error| format!("--store: {error}").into())
}

async fn measure(args: &Args, store: &str, namespace: &str) -> Result<Report, Failure> {
    let mut observer = Observer::connect(store).await;
    let mut progress = Progress::new(args);
    let empty = observer.sample().await;
    let mut children = Children::start(args.servers, |number| plan::of(args, store, namespace, number)).await?;
    let fill = children.filled(|filled| progress.filling(filled)).await?;
    progress.line(&format!("{} sessions stored in {:.1} s", args.sessions, fill.as_secs_f64()));
    let full = observer.sample().await;
    children.go().await?;
    let tallies = children.tallies(Duration::from_secs(args.seconds), |second| progress.running(second)).await?;
    progress.end();
    let after = observer.sample().await;
    let usage = Usage { empty, full, after };
    Ok(Report { fill, tally: tally::Tally::merged(tallies), usage, observed: observer.describe() })
}
