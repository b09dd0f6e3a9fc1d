//! The result as a table, a JSON file and a plot.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::json;

use crate::Failure;
use crate::plan::Plan;
use crate::round::Group;
use crate::server::Server;

pub async fn print(groups: &[Group], plan: &Plan, server: &Server) -> Result<(), Failure> {
    let processor = processor();
    let how = format!(
        "{} rounds of {:?}, {} tasks, {}, {processor}, {} cores",
        plan.rounds,
        plan.time,
        plan.tasks,
        server.version().await?,
        std::thread::available_parallelism()?,
    );
    println!("{how}\n\n| | per second | of ours | spread |\n|---|---|---|---|");
    for group in groups {
        println!("| **{}** | | | |", group.name);
        for row in rows(group) {
            println!("| {} | {:.0} | {:.2} | {:.0} % |", row.name, row.rate, row.of_ours, row.spread * 100.0);
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
    rate: f64,
    of_ours: f64,
    spread: f64,
}

fn rows(group: &Group) -> Vec<Row<'_>> {
    let middle = |rates: &[f64]| {
        let mut rates = rates.to_vec();
        rates.sort_by(f64::total_cmp);
        (rates[rates.len() / 2], rates[rates.len() - 1] - rates[0])
    };
    let ours = group.contestants.iter().find(|contestant| contestant.name.starts_with("cloakroom"));
    let ours = ours.map_or(1.0, |ours| middle(&ours.rates).0);
    let row = |contestant: &'_ crate::round::Contestant| middle(&contestant.rates);
    group
        .contestants
        .iter()
        .map(|contestant| {
            let (rate, range) = row(contestant);
            Row { name: &contestant.name, rate, of_ours: rate / ours, spread: range / rate }
        })
        .collect()
}

fn as_json(group: &Group) -> serde_json::Value {
    let rows = rows(group).into_iter().zip(&group.contestants);
    let rows: Vec<_> = rows
        .map(|(row, contestant)| json!({ "name": row.name, "per_second": row.rate, "rounds": contestant.rates }))
        .collect();
    json!({ "name": group.name, "rows": rows })
}

/// Bars, as long as the rate compared with the group's best.
fn plot(groups: &[Group], how: &str) -> String {
    let mut y = 20;
    let mut bars = String::new();
    for group in groups {
        let rows = rows(group);
        let best = rows.iter().map(|row| row.rate).fold(1.0, f64::max);
        y += 26;
        let _ = writeln!(bars, r#"<text x="10" y="{y}" font-weight="bold">{}</text>"#, group.name);
        for row in rows {
            y += 20;
            let width = 380.0 * row.rate / best;
            let color = if row.name.starts_with("cloakroom") { "#2a6f97" } else { "#b8c4ce" };
            let bottom = y - 12;
            let _ = writeln!(bars, r#"<text x="20" y="{y}">{}</text>"#, row.name);
            let _ = writeln!(bars, r#"<rect x="300" y="{bottom}" width="{width:.0}" height="14" fill="{color}"/>"#);
            let _ = writeln!(bars, r#"<text x="{:.0}" y="{y}">{:.0}/s</text>"#, 306.0 + width, row.rate);
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
