//! Three app servers over one store: processes over a private Redis, or, without Redis, all in this process.

use std::path::PathBuf;

use super::Failure;
use super::embedded::Embedded;
use super::kept::Kept;
use super::redis::PrivateRedis;

const SERVERS: usize = 3;

/// The app's line that announces its address.
const LISTENING: &str = "listening on ";

/// The servers, running until stopped or dropped.
pub(crate) struct Servers {
    addresses: Vec<String>,
    kind: Kind,
}

enum Kind {
    Processes { redis: Box<PrivateRedis>, apps: Vec<Kept> },
    Embedded(Embedded),
}

impl Servers {
    /// Starts what this machine allows, and prints what that is.
    pub(crate) async fn start() -> Result<Self, Failure> {
        let servers = match PrivateRedis::program() {
            Some(program) => {
                println!("  store     {}, private, on a Unix socket", program.display());
                Self::processes(PrivateRedis::start(&program).await?).await?
            }
            None => {
                println!("  There is no redis-server on this machine (Debian, Ubuntu: apt-get install redis-server;");
                println!("  macOS: brew install redis). The same walk on the embedded store instead:");
                println!("  store     memory:, three servers in this process");
                let (embedded, addresses) = Embedded::start(SERVERS).await?;
                Self { addresses, kind: Kind::Embedded(embedded) }
            }
        };
        for (address, number) in servers.addresses.iter().zip(1..) {
            println!("  server {number}  {address}");
        }
        Ok(servers)
    }

    async fn processes(redis: PrivateRedis) -> Result<Self, Failure> {
        let (mut apps, mut addresses) = (Vec::new(), Vec::new());
        let started = start_apps(redis.url(), &mut apps, &mut addresses).await;
        let servers = Self { addresses, kind: Kind::Processes { redis: Box::new(redis), apps } };
        match started {
            Ok(()) => Ok(servers),
            Err(failure) => servers.stop().await.and(Err(failure)),
        }
    }

    pub(crate) fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Stops the app servers, then Redis.
    pub(crate) async fn stop(self) -> Result<(), Failure> {
        match self.kind {
            Kind::Embedded(embedded) => drop(embedded),
            Kind::Processes { redis, apps } => {
                for app in apps {
                    app.stop().await?;
                }
                redis.stop().await?;
            }
        }
        Ok(())
    }
}

async fn start_apps(store: &str, apps: &mut Vec<Kept>, addresses: &mut Vec<String>) -> Result<(), Failure> {
    let program = app_program()?;
    for number in 1..=SERVERS {
        let args = ["--listen", "127.0.0.1:0", "--store", store, "--namespace", "demo"];
        let (app, line) = Kept::start(&format!("server {number}"), &program, &args, LISTENING).await?;
        addresses.push(line.trim_start_matches(LISTENING).to_owned());
        apps.push(app);
    }
    Ok(())
}

/// The app server's program, in the folder of our own.
fn app_program() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe()?;
    let app = own.with_file_name(format!("app{}", std::env::consts::EXE_SUFFIX));
    if app.is_file() { Ok(app) } else { Err("the app server is not built yet: run `make demo`".into()) }
}
