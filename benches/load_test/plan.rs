//! The plan of one app server, sent to it as JSON.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::args::Args;
use super::operation::Operation;

/// One app server's part.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) number: usize,
    pub(crate) store: String,
    pub(crate) namespace: String,
    pub(crate) connections: usize,
    pub(crate) sessions: usize,
    pub(crate) rate: f64,
    pub(crate) seconds: u64,
    pub(crate) mix: Mix,
    pub(crate) users: u8,
    pub(crate) skew: f64,
}

/// The part of the app server with this number, from 0. The first ones take the remainder of the division.
pub(crate) fn of(args: &Args, store: &str, namespace: &str, number: usize) -> Plan {
    Plan {
        number,
        store: store.to_owned(),
        namespace: namespace.to_owned(),
        connections: args.connections,
        sessions: args.sessions / args.servers + usize::from(number < args.sessions % args.servers),
        rate: args.rate / args.servers as f64,
        seconds: args.seconds,
        mix: args.mix,
        users: args.users,
        skew: args.skew,
    }
}

/// The share of each operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mix {
    pub(crate) read: u32,
    pub(crate) write: u32,
    pub(crate) login: u32,
    pub(crate) logout: u32,
}

impl Mix {
    /// The operation for a number that is drawn evenly from 0 to 1.
    pub(crate) fn pick(self, drawn: f64) -> Operation {
        let mut left = drawn * f64::from(self.total());
        for (share, operation) in self.shares() {
            if left < f64::from(share) {
                return operation;
            }
            left -= f64::from(share);
        }
        Operation::Read
    }

    fn total(self) -> u32 {
        self.shares().into_iter().map(|(share, _)| share).sum()
    }

    fn shares(self) -> [(u32, Operation); 4] {
        [
            (self.read, Operation::Read),
            (self.write, Operation::Write),
            (self.login, Operation::Login),
            (self.logout, Operation::Logout),
        ]
    }
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut mix = Self { read: 0, write: 0, login: 0, logout: 0 };
        let mut named = Vec::new();
        for part in text.split(',') {
            let (name, share) = part.split_once('=').ok_or("expected name=share,name=share")?;
            let place = match name {
                "read" => &mut mix.read,
                "write" => &mut mix.write,
                "login" => &mut mix.login,
                "logout" => &mut mix.logout,
                _ => return Err(format!("unknown operation {name}; valid are read, write, login and logout")),
            };
            if named.contains(&name) {
                return Err(format!("{name} is named twice"));
            }
            named.push(name);
            let share = share.parse().ok().filter(|share| *share <= 1_000_000);
            *place = share.ok_or_else(|| format!("the share of {name} must be a number from 0 to 1000000"))?;
        }
        if mix.total() == 0 { Err("all shares are 0".into()) } else { Ok(mix) }
    }
}
