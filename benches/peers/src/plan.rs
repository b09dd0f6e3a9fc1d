//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use crate::Failure;

const ARGUMENTS: &str = "--rounds --seconds --tasks --server --listpack --only";

pub struct Plan {
    pub rounds: usize,
    pub time: Duration,
    pub tasks: usize,
    pub server: PathBuf,
    /// The server's `hash-max-listpack-value`.
    pub listpack: usize,
    only: Option<String>,
}

impl Plan {
    pub fn read(arguments: &[String]) -> Result<Self, Failure> {
        let server = PathBuf::from("redis-server");
        let mut plan = Self { rounds: 5, time: Duration::from_secs(1), tasks: 64, server, listpack: 1024, only: None };
        for pair in arguments.chunks(2) {
            let [name, value] = pair else { return Err(format!("{} needs a value", pair[0]).into()) };
            match name.as_str() {
                "--rounds" => plan.rounds = value.parse::<usize>()?.max(1),
                "--seconds" => plan.time = Duration::try_from_secs_f64(value.parse()?)?,
                "--tasks" => plan.tasks = value.parse::<usize>()?.max(1),
                "--server" => plan.server = value.into(),
                "--listpack" => plan.listpack = value.parse()?,
                "--only" => plan.only = Some(value.clone()),
                _ => return Err(format!("unknown: {name}; there are {ARGUMENTS}").into()),
            }
        }
        Ok(plan)
    }

    /// Whether a group of this name is to be run.
    pub fn wants(&self, group: &str) -> bool {
        self.only.as_ref().is_none_or(|only| group.contains(only.as_str()))
    }
}
