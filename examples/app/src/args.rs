//! The command line. Small enough not to need a library.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use cloakroom::{Cap, Timeout, Timeouts};

pub(crate) const USAGE: &str = "\
app --listen ADDRESS --store URL --namespace NAME [options]

  --listen ADDRESS         such as 127.0.0.1:3001; with port 0 any free one
  --store URL              redis://127.0.0.1:6379, redis+unix:///path, or memory:
  --namespace NAME         first part of every key
  --idle TIME              a session ends this long after its last use; default 30m, or `never`
  --absolute TIME          and this long after its login at the latest; default 12h, or `never`
  --touch-interval TIME    use is noted at most once per TIME; default: the smaller of 60s and a tenth of --idle
  --cap N                  sessions per user, 1 to 256; default 100
  --cap-policy POLICY      at the cap, `reject` a login or `evict` the earliest one; default evict
  --sweep-interval TIME    default 10s

TIME is a whole number and a unit: 500ms, 2s, 30m, 12h, 7d.";

/// The crate's own default, which `--cap-policy` alone keeps.
const DEFAULT_CAP: u16 = 100;

/// The settings of one server.
pub(crate) struct Args {
    pub(crate) listen: SocketAddr,
    pub(crate) store: String,
    pub(crate) namespace: String,
    pub(crate) timeouts: Timeouts,
    /// The crate's default, if not given.
    pub(crate) cap: Option<Cap>,
    pub(crate) sweep_interval: Duration,
}

/// The wrong argument, and its valid values.
#[derive(Debug)]
pub(crate) struct BadArgs(String);

impl std::error::Error for BadArgs {}

impl fmt::Display for BadArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (see --help)", self.0)
    }
}

/// The values as given on the command line.
#[derive(Default)]
struct Given {
    listen: Option<String>,
    store: Option<String>,
    namespace: Option<String>,
    idle: Option<String>,
    absolute: Option<String>,
    touch_interval: Option<String>,
    cap: Option<String>,
    cap_policy: Option<String>,
    sweep_interval: Option<String>,
}

impl Args {
    /// Reads the arguments; `None` if help was asked for.
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Option<Self>, BadArgs> {
        let Some(given) = Given::read(words)? else { return Ok(None) };
        let listen = required("--listen", given.listen)?;
        Ok(Some(Self {
            listen: listen.parse().map_err(|_| bad("--listen", &listen, "an address with a port, 127.0.0.1:3001"))?,
            store: required("--store", given.store)?,
            namespace: required("--namespace", given.namespace)?,
            timeouts: timeouts(given.idle, given.absolute, given.touch_interval)?,
            cap: cap(given.cap, given.cap_policy)?,
            sweep_interval: sweep_interval(given.sweep_interval)?,
        }))
    }
}

impl Given {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Option<Self>, BadArgs> {
        let mut given = Self::default();
        while let Some(word) = words.next() {
            if word == "--help" || word == "-h" {
                return Ok(None);
            }
            let (name, attached) = match word.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (word, None),
            };
            let place = given.place(&name).ok_or_else(|| BadArgs(format!("unknown argument {name}")))?;
            *place = Some(attached.or_else(|| words.next()).ok_or_else(|| BadArgs(format!("{name} needs a value")))?);
        }
        Ok(Some(given))
    }

    fn place(&mut self, name: &str) -> Option<&mut Option<String>> {
        Some(match name {
            "--listen" => &mut self.listen,
            "--store" => &mut self.store,
            "--namespace" => &mut self.namespace,
            "--idle" => &mut self.idle,
            "--absolute" => &mut self.absolute,
            "--touch-interval" => &mut self.touch_interval,
            "--cap" => &mut self.cap,
            "--cap-policy" => &mut self.cap_policy,
            "--sweep-interval" => &mut self.sweep_interval,
            _ => return None,
        })
    }
}

fn timeouts(idle: Option<String>, absolute: Option<String>, touch: Option<String>) -> Result<Timeouts, BadArgs> {
    let mut timeouts = Timeouts::new();
    if let Some(text) = idle {
        timeouts = timeouts.idle(timeout("--idle", &text)?);
    }
    if let Some(text) = absolute {
        timeouts = timeouts.absolute(timeout("--absolute", &text)?);
    }
    if let Some(text) = touch {
        timeouts = timeouts.touch_interval(duration("--touch-interval", &text)?);
    }
    Ok(timeouts)
}

fn timeout(name: &str, text: &str) -> Result<Timeout, BadArgs> {
    if text == "never" { Ok(Timeout::Never) } else { duration(name, text).map(Timeout::After) }
}

fn sweep_interval(text: Option<String>) -> Result<Duration, BadArgs> {
    let text = text.unwrap_or_else(|| "10s".to_owned());
    let interval = duration("--sweep-interval", &text)?;
    let most = Duration::from_secs(8 * 60 * 60);
    let fine = !interval.is_zero() && interval <= most;
    fine.then_some(interval).ok_or_else(|| bad("--sweep-interval", &text, "1ms to 8h"))
}

fn cap(most: Option<String>, policy: Option<String>) -> Result<Option<Cap>, BadArgs> {
    if most.is_none() && policy.is_none() {
        return Ok(None);
    }
    let most = match most {
        Some(text) => text.parse().map_err(|_| bad("--cap", &text, "a number, 1 to 256"))?,
        None => DEFAULT_CAP,
    };
    match policy.as_deref() {
        None | Some("evict") => Ok(Some(Cap::evict(most))),
        Some("reject") => Ok(Some(Cap::reject(most))),
        Some(text) => Err(bad("--cap-policy", text, "`reject` or `evict`")),
    }
}

/// A whole number and a unit.
fn duration(name: &str, text: &str) -> Result<Duration, BadArgs> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit_ms = match unit {
        "ms" => Some(1),
        "s" => Some(1000),
        "m" => Some(60 * 1000),
        "h" => Some(60 * 60 * 1000),
        "d" => Some(24 * 60 * 60 * 1000),
        _ => None,
    };
    let ms = unit_ms.and_then(|unit_ms: u64| number.parse::<u64>().ok()?.checked_mul(unit_ms));
    ms.map(Duration::from_millis).ok_or_else(|| bad(name, text, "a whole number and a unit: 500ms, 2s, 30m, 12h, 7d"))
}

fn required(name: &str, value: Option<String>) -> Result<String, BadArgs> {
    value.ok_or_else(|| BadArgs(format!("{name} is missing")))
}

fn bad(name: &str, value: &str, wanted: &str) -> BadArgs {
    BadArgs(format!("{name} {value}: expected {wanted}"))
}
