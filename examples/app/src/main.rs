//! What does a real app server on Cloakroom look like? Any number of these share one Redis.
//!
//! `make app`, then `target/release/app --listen 127.0.0.1:3001 --store redis://127.0.0.1:6379 --namespace demo`

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use cloakroom::{ConfigError, Sessions};
use tokio::net::TcpListener;
use tracing_subscriber::filter::LevelFilter;

mod args;
mod serve;

use args::Args;

/// A visitor sees "expired" for at least this long after a session's deadline.
const LEAST_GRACE: Duration = Duration::from_secs(60);
/// The longest grace that the crate accepts.
const MOST_GRACE: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_max_level(LevelFilter::WARN).with_writer(std::io::stderr).init();
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(Some(args)) => args,
        Ok(None) => {
            println!("{}", args::USAGE);
            return ExitCode::SUCCESS;
        }
        Err(wrong) => return fail(2, &wrong),
    };
    let sessions = match open(&args) {
        Ok(sessions) => sessions,
        Err(wrong) => return fail(2, &wrong),
    };
    match run(&args, sessions).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(1, &*error),
    }
}

/// Checks the settings. No I/O: until the store is there, requests that need it get 503.
fn open(args: &Args) -> Result<Sessions, ConfigError> {
    let grace = (3 * args.sweep_interval).clamp(LEAST_GRACE, MOST_GRACE);
    let mut builder =
        Sessions::builder(&args.store).namespace(&args.namespace).timeouts(args.timeouts).expiry_grace(grace);
    if let Some(cap) = args.cap {
        builder = builder.cap(cap);
    }
    builder.connect_lazy()
}

async fn run(args: &Args, sessions: Sessions) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(args.listen).await.map_err(|error| format!("{}: {error}", args.listen))?;
    println!("listening on http://{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    let _sweeper = sessions.spawn_sweeper(args.sweep_interval);
    serve::until_stopped(listener, routes::router(sessions)).await?;
    Ok(())
}

fn fail(code: u8, error: &dyn Error) -> ExitCode {
    eprintln!("app: {error}");
    let mut source = error.source();
    while let Some(error) = source {
        eprintln!("  because: {error}");
        source = error.source();
    }
    ExitCode::from(code)
}
