//! The result as a table, a JSON file and a plot.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::json;

use crate::Failure;
use crate::plan::Plan;
use crate::round::{Contestant, Group, Round};
use crate::server::Server;

pub async fn print(groups: &[Group], plan: &Plan, server: &Server) -> Result<(), Failure> {
    let processor = processor();
    let how = format!(
        "{} rounds of {:?}, {} tasks, {} with hash-max-listpack-value {}, {processor}, {} cores",
        plan.rounds,
        plan.time,
        plan.tasks,
        server.version().await?,
        plan.listpack,
        std::thread::available_parallelism()?,
    );
    println!("{how}\n\n| | per second | of ours | spread | µs of the client | µs of Redis |");
    println!("|---|---|---|---|---|---|");
    for group in groups {
        println!("| **{}** | | | | | |", group.name);
        for row in rows(group) {
            let Row { name, middle: Round { rate, client, redis }, of_ours, spread } = row;
            println!("| {name} | {rate:.0} | {of_ours:.2} | {:.0} % | {client:.2} | {redis:.2} |", spread * 100.0);
        }
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/bench-peers");
    fs::create_dir_all(&folder)?;
    let all: Vec<_> = groups.iter().map(as_json).collect();
    fs::write(folder.join("peers.json"), serde_json::to_vec_pretty(&json!({ "how": how, "groups": all }))?)?;
    fs::write(folder.join("peers.svg"), plot(groups, &how))?;
    println!("\nas target/bench-peers/peers.json and .svg");
    Ok(())
}

struct Row<'a> {
    name: &'a str,
    middle: Round,
    of_ours: f64,
    spread: f64,
}

fn rows(group: &Group) -> Vec<Row<'_>> {
    let ours = group.contestants.iter().find(|contestant| contestant.name.starts_with("cloakroom"));
    let ours = ours.map_or(1.0, |ours| median(&ours.rounds, |round| round.rate));
    group.contestants.iter().map(|contestant| row(contestant, ours)).collect()
}

fn row(contestant: &Contestant, ours: f64) -> Row<'_> {
    let rounds = &contestant.rounds;
    let of = |what: fn(&Round) -> f64| median(rounds, what);
    let middle =
        Round { rate: of(|round| round.rate), client: of(|round| round.client), redis: of(|round| round.redis) };
    let most = rounds.iter().map(|round| round.rate).fold(f64::MIN, f64::max);
    let least = rounds.iter().map(|round| round.rate).fold(f64::MAX, f64::min);
    Row { name: &contestant.name, middle, of_ours: middle.rate / ours, spread: (most - least) / middle.rate }
}

fn median(rounds: &[Round], what: impl Fn(&Round) -> f64) -> f64 {
    let mut all: Vec<f64> = rounds.iter().map(what).collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn as_json(group: &Group) -> serde_json::Value {
    let rows = rows(group).into_iter().zip(&group.contestants);
    let rows: Vec<_> = rows
        .map(|(row, contestant)| {
            let rates: Vec<f64> = contestant.rounds.iter().map(|round| round.rate).collect();
            let Round { rate, client, redis } = row.middle;
            json!({ "name": row.name, "per_second": rate, "rounds": rates, "client_us": client, "redis_us": redis })
        })
        .collect();
    json!({ "name": group.name, "rows": rows })
}

/// Bars, as long as the rate compared with the group's best.
fn plot(groups: &[Group], how: &str) -> String {
    let mut y = 20;
    let mut bars = String::new();
    for group in groups {
        let rows = rows(group);
        let best = rows.iter().map(|row| row.middle.rate).fold(1.0, f64::max);
        y += 26;
        let _ = writeln!(bars, r#"<text x="10" y="{y}" font-weight="bold">{}</text>"#, group.name);
        for row in rows {
            y += 20;
            let width = 380.0 * row.middle.rate / best;
            let color = if row.name.starts_with("cloakroom") { "#2a6f97" } else { "#b8c4ce" };
            let bottom = y - 12;
            let _ = writeln!(bars, r#"<text x="20" y="{y}">{}</text>"#, row.name);
            let _ = writeln!(bars, r#"<rect x="300" y="{bottom}" width="{width:.0}" height="14" fill="{color}"/>"#);
            let _ = writeln!(bars, r#"<text x="{:.0}" y="{y}">{:.0}/s</text>"#, 306.0 + width, row.middle.rate);
        }
    }
    let height = y + 20;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"780\" height=\"{height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"780\" height=\"{height}\" fill=\"white\"/>\n\
         <text x=\"10\" y=\"20\">{how}</text>\n{bars}</svg>\n"
    )
}

fn processor() -> String {
    let told = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = told.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or_else(|| "unknown processor".to_owned(), |(_, name)| name.trim().to_owned())
}
