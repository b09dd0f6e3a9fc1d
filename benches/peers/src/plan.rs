//! What the command line asks for.

use std::time::Duration;

use crate::Failure;

pub struct Plan {
    pub rounds: usize,
    pub time: Duration,
    pub tasks: usize,
    only: Option<String>,
}

impl Plan {
    pub fn read(arguments: &[String]) -> Result<Self, Failure> {
        let mut plan = Self { rounds: 5, time: Duration::from_secs(1), tasks: 64, only: None };
        for pair in arguments.chunks(2) {
            let [name, value] = pair else { return Err(format!("{} needs a value", pair[0]).into()) };
            match name.as_str() {
                "--rounds" => plan.rounds = value.parse::<usize>()?.max(1),
                "--seconds" => plan.time = Duration::try_from_secs_f64(value.parse()?)?,
                "--tasks" => plan.tasks = value.parse::<usize>()?.max(1),
                "--only" => plan.only = Some(value.clone()),
                _ => return Err(format!("unknown: {name}; there are --rounds --seconds --tasks --only").into()),
            }
        }
        Ok(plan)
    }

    /// Whether a group of this name is to be run.
    pub fn wants(&self, group: &str) -> bool {
        self.only.as_ref().is_none_or(|only| group.contains(only.as_str()))
    }
}
