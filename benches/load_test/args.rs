//! The command line.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::plan::Mix;

pub(crate) const USAGE: &str = "\
cargo bench --bench load_test -- [options]

  --store URL        any that the crate accepts; without it, a private redis-server on a Unix socket
  --servers N        app servers, each a process; default 2
  --sessions N       stored before the load begins; default 2000
  --rate N           requests per second in all, at scheduled times, whether or not responses keep up; default 1000
  --seconds N        how long; default 5
  --mix SHARES       default read=90,write=8,login=1,logout=1; operations left out do not occur
  --users PERCENT    of the sessions that are users' rather than guests'; five sessions a user; default 50
  --skew S           of popularity: the n-th session is used as 1/n^S; 0 is uniform; default 1
  --connections N    of each app server; default 2
  --out FOLDER       where report.json, report.txt and percentiles.svg go; default target/load_test
  --rounds N         has no effect here; accepted because `cargo bench -- --rounds 7` passes it to every bench

On a given store, sessions are stored in a namespace of their own, which is removed at the end; after an interrupted
run they end by their idle timeout, 30 minutes.";

const NAMES: &str = "--store --servers --sessions --rate --seconds --mix --users --skew --connections --out --rounds";

/// The parsed arguments.
#[derive(Debug, Clone)]
pub(crate) struct Args {
    pub(crate) store: Option<String>,
    pub(crate) servers: usize,
    pub(crate) sessions: usize,
    pub(crate) rate: f64,
    pub(crate) seconds: u64,
    pub(crate) mix: Mix,
    pub(crate) users: u8,
    pub(crate) skew: f64,
    pub(crate) connections: usize,
    pub(crate) out: PathBuf,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            store: None,
            servers: 2,
            sessions: 2000,
            rate: 1000.0,
            seconds: 5,
            mix: Mix { read: 90, write: 8, login: 1, logout: 1 },
            users: 50,
            skew: 1.0,
            connections: 2,
            out: PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/load_test")),
        }
    }
}

/// The wrong argument, and the valid ones.
#[derive(Debug)]
pub(crate) struct BadArgs(String);

impl std::error::Error for BadArgs {}

impl fmt::Display for BadArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (see --help)", self.0)
    }
}

impl Args {
    /// Reads the arguments; `None` if help was asked for.
    pub(crate) fn parse(words: impl IntoIterator<Item = String>) -> Result<Option<Self>, BadArgs> {
        let mut args = Self::default();
        let mut words = words.into_iter();
        while let Some(name) = words.next() {
            if name == "--help" {
                return Ok(None);
            }
            if !NAMES.split(' ').any(|known| known == name) {
                return Err(BadArgs(format!("unknown argument {name}; valid are {NAMES}")));
            }
            let value = words.next().ok_or_else(|| BadArgs(format!("{name} needs a value")))?;
            args.set(&name, &value)?;
        }
        if args.servers > args.sessions {
            return Err(BadArgs(format!("--sessions {}: each of {} servers needs one", args.sessions, args.servers)));
        }
        Ok(Some(args))
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), BadArgs> {
        match name {
            "--store" => self.store = Some(value.to_owned()),
            "--servers" => self.servers = number(name, value, 1, 256)?,
            "--sessions" => self.sessions = number(name, value, 1, 100_000_000)?,
            "--rate" => self.rate = number(name, value, 1.0, 10_000_000.0)?,
            "--seconds" => self.seconds = number(name, value, 1, 86_400)?,
            "--mix" => self.mix = value.parse().map_err(|wrong| BadArgs(format!("--mix {value}: {wrong}")))?,
            "--users" => self.users = number(name, value, 0, 100)?,
            "--skew" => self.skew = number(name, value, 0.0, 5.0)?,
            "--connections" => self.connections = number(name, value, 1, 64)?,
            "--out" if value.is_empty() => return Err(BadArgs("--out needs the name of a folder".into())),
            "--out" => self.out = PathBuf::from(value),
            _ => drop(number::<u32>(name, value, 1, u32::MAX)?),
        }
        Ok(())
    }
}

fn number<T: FromStr + PartialOrd + fmt::Display>(name: &str, text: &str, least: T, most: T) -> Result<T, BadArgs> {
    let value = text.parse().ok().filter(|value| (&least..=&most).contains(&value));
    value.ok_or_else(|| BadArgs(format!("{name} {text}: must be a number from {least} to {most}")))
}
