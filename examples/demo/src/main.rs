//! Does it work? One visitor, three app servers, one private Redis: `make demo`. To try it by hand: `make serve`.
//!
//! `cargo build -p app -p demo && target/debug/demo [--serve]`

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use tokio::signal::unix::{SignalKind, signal};

mod answer;
mod embedded;
mod kept;
mod redis;
mod servers;
mod tour;
mod visitor;
mod walk;

use servers::Servers;
use tour::Tour;

/// The error text for whoever started the demo.
type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let serve = match words.as_slice() {
        [] => false,
        [word] if word == "--serve" => true,
        _ => {
            eprintln!("usage: demo [--serve]");
            return ExitCode::from(2);
        }
    };
    match run(serve).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\ndemo: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// The servers are stopped in any case.
async fn run(serve: bool) -> Result<(), Failure> {
    let start = Instant::now();
    println!("Cloakroom: one visitor, three app servers, one store\n");
    let servers = tokio::select! {
        servers = Servers::start() => servers?,
        stop = interrupted() => return stop.and(Err("interrupted".into())),
    };
    println!("  up after {} ms", start.elapsed().as_millis());
    let shown = if serve { keep_up(&servers).await } else { show(&servers).await };
    servers.stop().await?;
    if shown.is_ok() {
        println!("\nEverything has been stopped; nothing is left running.");
    }
    shown
}

async fn show(servers: &Servers) -> Result<(), Failure> {
    let mut tour = Tour::new(servers.addresses().to_vec());
    tokio::select! {
        walked = walk::walk(&mut tour) => walked?,
        stop = interrupted() => return stop.and(Err("interrupted".into())),
    }
    println!("\n{}", tour.summary());
    Ok(())
}

async fn keep_up(servers: &Servers) -> Result<(), Failure> {
    let [first, second, ..] = servers.addresses() else { return Err("fewer than two servers".into()) };
    println!("\nTry it in a browser, on any of the servers, or:");
    println!("  curl -c jar -b jar -X PUT -d '[\"hat\"]' {first}/api/fields/cart");
    println!("  curl -c jar -b jar -d '{{\"user\":\"ada\"}}' {second}/api/login");
    println!("  curl -b jar {first}/api/session\n\nctrl-c stops everything.");
    interrupted().await
}

/// Returns at ctrl-c, SIGTERM, or when the terminal is closed.
async fn interrupted() -> Result<(), Failure> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {}, _ = hangup.recv() => {} }
    Ok(())
}
