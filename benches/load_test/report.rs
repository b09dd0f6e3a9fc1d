//! The result: a table, a JSON file and a plot.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use super::Failure;
use super::args::Args;
use super::observe::Sample;
use super::operation::Operation;
use super::plot;
use super::tally::{Tally, Times};

/// With their names in the JSON.
const PERCENTILES: [(&str, f64); 5] = [("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p99.9", 99.9), ("max", 100.0)];

/// All results.
pub(crate) struct Report {
    pub(crate) fill: Duration,
    pub(crate) tally: Tally,
    pub(crate) usage: Usage,
    /// The number of masters that the usage covers, or why it is left out.
    pub(crate) observed: Result<usize, String>,
}

/// Redis before the filling, after it, and after the load.
pub(crate) struct Usage {
    pub(crate) empty: Option<Sample>,
    pub(crate) full: Option<Sample>,
    pub(crate) after: Option<Sample>,
}

impl Report {
    /// Prints the table, and writes it, the JSON and the plot.
    pub(crate) fn publish(&self, args: &Args) -> Result<(), Failure> {
        let text = self.table(args)?;
        println!("{text}");
        fs::write(args.out.join("report.txt"), &text)?;
        fs::write(args.out.join("report.json"), serde_json::to_vec_pretty(&self.json(args))?)?;
        fs::write(args.out.join("percentiles.svg"), plot::percentiles(&self.tally, &headline(args)))?;
        println!("as report.txt, report.json and percentiles.svg in {}", args.out.display());
        Ok(())
    }

    /// Responses per second.
    fn rate(&self) -> f64 {
        self.tally.answered() as f64 / self.tally.seconds
    }

    fn json(&self, args: &Args) -> Value {
        let operations: BTreeMap<_, _> = self
            .tally
            .requests
            .iter()
            .map(|(operation, requests)| {
                let of =
                    json!({ "count": requests.times.count(), "errors": requests.errors, "ms": ms(&requests.times) });
                (operation.name(), of)
            })
            .collect();
        json!({
            "asked": {
                "servers": args.servers, "sessions": args.sessions, "rate": args.rate, "seconds": args.seconds,
                "mix": args.mix, "users_percent": args.users, "skew": args.skew, "connections": args.connections,
            },
            "fill_seconds": self.fill.as_secs_f64(),
            "scheduled": self.tally.scheduled,
            "answered": self.tally.answered(),
            "failed": self.tally.failed(),
            "rate": self.rate(),
            "operations": operations,
            "start_ms": ms(&self.tally.start),
            "redis": self.redis(args).unwrap_or_else(|why| json!({ "left_out": why })),
        })
    }

    /// The usage of the servers, or why it is unknown.
    fn redis(&self, args: &Args) -> Result<Value, String> {
        let masters = self.observed.clone()?;
        let Usage { empty: Some(empty), full: Some(full), after: Some(after) } = &self.usage else {
            return Err("a master gave no answer".into());
        };
        let cores = (after.cpu_seconds - full.cpu_seconds) / self.tally.seconds;
        let stored = full.memory_bytes.saturating_sub(empty.memory_bytes);
        let commands: BTreeMap<_, _> = after
            .commands
            .iter()
            .filter_map(|(name, (calls, us))| {
                let before = full.commands.get(name).copied().unwrap_or_default();
                let (calls, us) = (calls.saturating_sub(before.0), us.saturating_sub(before.1));
                (calls > 0).then(|| (name, json!({ "calls": calls, "us_per_call": us as f64 / calls as f64 })))
            })
            .collect();
        Ok(json!({
            "masters": masters,
            "cores": cores,
            "cores_per_10k_requests": cores / (self.rate() / 10_000.0),
            "memory_bytes": { "empty": empty.memory_bytes, "full": full.memory_bytes, "after": after.memory_bytes },
            "memory_per_session": stored / args.sessions as u64,
            "commands": commands,
        }))
    }

    fn table(&self, args: &Args) -> Result<String, fmt::Error> {
        let (tally, mut text) = (&self.tally, String::new());
        writeln!(text, "\n{}", headline(args))?;
        writeln!(
            text,
            "filled in {:.1} s; {:.0} answers per second of {:.0} asked; {} of {} failed\n",
            self.fill.as_secs_f64(),
            self.rate(),
            args.rate,
            tally.failed(),
            tally.scheduled
        )?;
        writeln!(
            text,
            "| ms | requests | p50 | p90 | p99 | p99.9 | max | errors |\n|---|---|---|---|---|---|---|---|"
        )?;
        for (operation, requests) in &tally.requests {
            let errors: Vec<_> = requests.errors.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
            row(&mut text, operation.name(), &requests.times, &errors.join(", "))?;
        }
        row(&mut text, "start", &tally.start, "")?;
        match self.redis(args) {
            Ok(redis) => server(&mut text, &redis),
            Err(why) => writeln!(text, "\nRedis's own figures are left out: {why}"),
        }?;
        if tally.requests.contains_key(&Operation::Create) {
            writeln!(text, "\n`create` follows a logout at once, so it is timed from its begin.")?;
        }
        Ok(text)
    }
}

fn headline(args: &Args) -> String {
    let Args { servers, sessions, rate, seconds, .. } = args;
    format!("{servers} app servers, {sessions} sessions, {rate:.0} requests per second for {seconds} s")
}

fn ms(times: &Times) -> Value {
    PERCENTILES.iter().map(|(name, percentile)| ((*name).to_owned(), json!(times.percentile_ms(*percentile)))).collect()
}

fn row(text: &mut String, name: &str, times: &Times, errors: &str) -> fmt::Result {
    write!(text, "| {name} | {} |", times.count())?;
    for (_, percentile) in PERCENTILES {
        write!(text, " {:.2} |", times.percentile_ms(percentile))?;
    }
    writeln!(text, " {errors} |")
}

fn server(text: &mut String, redis: &Value) -> fmt::Result {
    let number = |value: &Value| value.as_f64().unwrap_or(0.0);
    writeln!(
        text,
        "\nRedis, {} master(s): {:.2} cores, {:.2} per 10,000 requests/s; {} bytes a session",
        redis["masters"],
        number(&redis["cores"]),
        number(&redis["cores_per_10k_requests"]),
        redis["memory_per_session"]
    )?;
    writeln!(text, "\n| command | calls | µs each |\n|---|---|---|")?;
    for (name, of) in redis["commands"].as_object().into_iter().flatten() {
        writeln!(text, "| {name} | {} | {:.1} |", of["calls"], number(&of["us_per_call"]))?;
    }
    Ok(())
}
