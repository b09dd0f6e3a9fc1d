//! Checks the documentation against the source tree.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every Rust source file below a folder.
fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder of ours") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(fs::read_to_string(&path).expect("UTF-8"));
        }
    }
}

/// The names of all test functions.
pub(crate) fn tests() -> BTreeSet<String> {
    let mut files = Vec::new();
    for folder in ["src", "tests", "examples"] {
        sources(&Path::new(ROOT).join(folder), &mut files);
    }
    let mut names = BTreeSet::new();
    for file in files {
        let lines: Vec<&str> = file.lines().map(str::trim).collect();
        for (at, line) in lines.iter().enumerate() {
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                let function = lines[at..].iter().find_map(|line| line.split("fn ").nth(1));
                names.extend(function.and_then(|rest| rest.split(['(', '<']).next()).map(str::to_owned));
            }
        }
    }
    names
}

/// The rows of the guarantees' tables: number, sentence, tests or `open: ...`.
fn rows() -> Vec<(String, String)> {
    let text = read("src/guide/guarantees.md");
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let rows = text.lines().map(cells).filter(|cells| cells.len() == 5);
    let numbered = rows.filter(|cells| cells[1].chars().last().is_some_and(|last| last.is_ascii_digit()));
    numbered.map(|mut cells| (cells.swap_remove(1), cells.swap_remove(3))).collect()
}

#[test]
fn every_requirement_names_an_existing_test_or_an_open_issue() {
    let tests = tests();
    for (number, shown) in rows() {
        if shown.starts_with("open: ") {
            assert!(!shown.contains('`'), "{number} is open and names a test");
            continue;
        }
        let named: Vec<&str> = shown.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "{number} names no test");
        for name in named {
            assert!(tests.contains(name), "{number} names `{name}`, which is not a test");
        }
    }
}

#[test]
fn every_requirement_has_a_row() {
    let listed: Vec<String> = rows().into_iter().map(|(number, _)| number).collect();
    let numbers = |prefix: &str, numbers: &[(u32, u32)], width: usize| {
        let each = numbers.iter().flat_map(|&(first, last)| first..=last);
        each.map(|number| format!("{prefix}{number:0width$}")).collect::<Vec<_>>()
    };
    let mut wanted = numbers("R", &[(1, 6), (10, 48)], 1);
    wanted.extend(numbers("I-", &[(1, 26)], 2));
    wanted.extend(numbers("D-", &[(1, 14)], 1));
    let sorted = |mut numbers: Vec<String>| {
        numbers.sort();
        numbers
    };
    assert_eq!(sorted(listed), sorted(wanted));
}

#[test]
fn the_readme_is_short_and_shows_the_tested_example() {
    let readme = read("README.md");
    assert!(readme.lines().count() <= 130, "{} lines", readme.lines().count());
    let block = readme.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a Rust block");
    let example = read("examples/hello.rs");
    let program: Vec<&str> = example.lines().filter(|line| !line.starts_with("//!")).collect();
    assert_eq!(block.trim(), program.join("\n").trim());
}

#[test]
fn the_readme_lists_every_feature_and_every_make_target() {
    let (readme, manifest, makefile) = (read("README.md"), read("Cargo.toml"), read("Makefile"));
    let features = manifest.split("[features]").nth(1).and_then(|rest| rest.split("\n[").next()).expect("features");
    for feature in features.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name) {
        assert!(feature == "default" || readme.contains(&format!("| `{feature}` |")), "feature {feature}");
    }
    for target in ["demo", "test", "browser-test", "serve", "bench"] {
        assert!(makefile.contains(&format!("\n{target}:")) && readme.contains(&format!("make {target}")), "{target}");
    }
}

/// From the top; a room may import from its own level and from all below.
const ROOMS: [&[&str]; 4] = [
    &["fuzz", "web", "compat", "testing"],
    &["session", "sessions"],
    &["store"],
    &["config", "identity", "fields", "end", "error", "doctor", "util"],
];

#[test]
fn rooms_import_nothing_from_above_them() {
    let level = |room: &str| ROOMS.iter().position(|rooms| rooms.contains(&room));
    let mut seen = 0;
    for room in ROOMS.concat() {
        let mut files = Vec::new();
        let folder = Path::new(ROOT).join("src").join(room);
        if folder.is_dir() {
            sources(&folder, &mut files);
        }
        files.extend(fs::read_to_string(folder.with_extension("rs")));
        // Test files may import from above.
        files.retain(|file| !file.contains("\n#[test]") && !file.contains("\n#[tokio::test"));
        for line in files.iter().flat_map(|file| file.lines()).filter(|line| !line.trim_start().starts_with("//")) {
            for path in line.split("crate::").skip(1) {
                let other = path.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')).next();
                if let Some(other) = other.filter(|other| level(other).is_some()) {
                    seen += 1;
                    assert!(level(other) >= level(room), "`{room}` imports `{other}`: {line}");
                }
            }
        }
    }
    assert!(seen > 500, "only {seen} imports were found");
}

/// Whether a line of code names the redis or deadpool crate; `redis::Redis` is our own module.
fn names_the_driver(line: &str) -> bool {
    let of_the_crate = |(at, path): (usize, &str)| {
        let before = line[..at].strip_suffix("::").unwrap_or(&line[..at]);
        let is_root = !before.ends_with(|letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':');
        is_root && !path.starts_with("redis::Redis")
    };
    line.contains("deadpool") || line.match_indices("redis::").any(|(at, _)| of_the_crate((at, &line[at..])))
}

#[test]
fn the_redis_crate_stays_in_its_room() {
    let mut named = 0;
    let mut folders = vec![Path::new(ROOT).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let text = path.to_string_lossy().replace(ROOT, "");
            let room = text.starts_with("/src/store/redis") || text.starts_with("/src/fuzz");
            if path.is_dir() {
                folders.push(path);
            } else if text.ends_with(".rs") {
                let file = fs::read_to_string(&path).expect("text");
                let code = file.lines().filter(|line| !line.trim_start().starts_with("//"));
                let lines: Vec<&str> = code.filter(|line| names_the_driver(line)).collect();
                named += lines.len();
                assert!(room || lines.is_empty(), "{text} names the driver: {lines:?}");
                let pool = lines.iter().any(|line| line.contains("deadpool"));
                assert!(!pool || text.ends_with("client/bulk.rs"), "{text} names deadpool: {lines:?}");
            }
        }
    }
    assert!(named > 50, "only {named} lines were found");
}

#[test]
fn no_key_is_built_outside_the_file_for_keys() {
    let mut files = Vec::new();
    sources(&Path::new(ROOT).join("src"), &mut files);
    let spelled = files.iter().filter(|file| file.contains("}:s:") || file.contains("}}:s:") || file.contains(":{{{"));
    let spelled: Vec<&str> = spelled.filter_map(|file| file.lines().next()).collect();
    assert!(spelled.len() <= 1, "keys in: {spelled:?}");
}

#[test]
fn the_rust_version_is_the_highest_that_a_dependency_needs() {
    let metadata = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--all-features", "--offline", "--manifest-path"])
        .arg(Path::new(ROOT).join("Cargo.toml"))
        .output()
        .expect("cargo runs");
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).expect("JSON");
    let version = |package: &serde_json::Value| {
        let text = package["rust_version"].as_str()?.to_owned();
        let mut numbers = text.split('.').map(|number| number.parse().unwrap_or(0_u32));
        Some((numbers.next()?, numbers.next().unwrap_or(0)))
    };
    let needed = normal_dependencies(&metadata).iter().filter_map(|package| version(package)).max();
    let ours = metadata["packages"].as_array().expect("packages").iter().find(|package| package["name"] == "cloakroom");
    assert!(ours.and_then(version) >= needed, "a dependency needs {needed:?}");
}

/// The packages that a user builds: everything reached without development dependencies.
fn normal_dependencies(metadata: &serde_json::Value) -> Vec<&serde_json::Value> {
    let nodes = metadata["resolve"]["nodes"].as_array().expect("nodes");
    let mut reached: Vec<&str> = vec![metadata["resolve"]["root"].as_str().expect("a root")];
    let mut at = 0;
    while at < reached.len() {
        let node = nodes.iter().find(|node| node["id"] == reached[at]).expect("a node");
        for dependency in node["deps"].as_array().expect("dependencies") {
            let kinds = dependency["dep_kinds"].as_array().expect("kinds");
            let id = dependency["pkg"].as_str().expect("an id");
            if kinds.iter().any(|kind| kind["kind"] != "dev") && !reached.contains(&id) {
                reached.push(id);
            }
        }
        at += 1;
    }
    let packages = metadata["packages"].as_array().expect("packages");
    packages.iter().filter(|package| package["id"].as_str().is_some_and(|id| reached.contains(&id))).collect()
}
