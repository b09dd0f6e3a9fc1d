//! Checks the form of the scripts in `lua/`: each header against its body, and `lua/README.md` against both.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// Commands that no script may use: unbounded work, or keys that are not named.
const FORBIDDEN: [&str; 9] = ["KEYS", "SCAN", "FLUSHDB", "FLUSHALL", "DEL", "EVAL", "SORT", "RANDOMKEY", "RENAME"];
const LONGEST_BODY: usize = 50;
const LONGEST_LINE: usize = 120;

struct Script {
    name: String,
    header: String,
    body: String,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("lua")
}

/// The Lua files of a folder: name without extension, and text.
fn files(folder: PathBuf) -> Vec<(String, String)> {
    let paths = fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path());
    let lua = paths.filter(|path| path.extension().is_some_and(|ending| ending == "lua"));
    let mut files: Vec<_> = lua
        .map(|path| {
            let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
            (name, fs::read_to_string(&path).expect("text"))
        })
        .collect();
    files.sort();
    files
}

fn scripts() -> Vec<Script> {
    let split = |(name, text): (String, String)| {
        let (header, body) = text
            .strip_prefix("--[[\n")
            .and_then(|text| text.split_once("\n]]\n"))
            .unwrap_or_else(|| panic!("{name} begins with a header"));
        Script { header: header.to_owned(), body: body.to_owned(), name }
    };
    files(folder()).into_iter().map(split).collect()
}

/// The slots of `KEYS` or `ARGV` that a text mentions. `7...` means all from 7 on: `ARGV[7...]` in a header, `ARGV, 7` in a
/// body that passes the list on.
fn slots(array: &str, text: &str) -> BTreeSet<String> {
    let (bracket, comma) = (format!("{array}["), format!("{array}, "));
    let in_brackets = text.split(&bracket).skip(1).filter_map(|rest| rest.split_once(']'));
    let mut slots: BTreeSet<String> = in_brackets.map(|(slot, _)| slot.to_owned()).collect();
    let passed_on = text.split(&comma).skip(1);
    let digits = |rest: &str| rest.chars().take_while(char::is_ascii_digit).collect::<String>();
    slots.extend(passed_on.map(digits).filter(|digits| !digits.is_empty()).map(|from| format!("{from}...")));
    slots
}

/// The slots that a header documents, at the start of a line.
fn documented(array: &str, header: &str) -> BTreeSet<String> {
    let slot = |line: &str| Some(line.strip_prefix(array)?.strip_prefix('[')?.split_once(']')?.0.to_owned());
    header.lines().filter_map(slot).collect()
}

fn section<'a>(script: &'a Script, word: &str) -> &'a str {
    let line = script.header.lines().find_map(|line| line.strip_prefix(word));
    line.unwrap_or_else(|| panic!("{} has a line `{word}`", script.name)).trim()
}

#[test]
fn a_header_begins_with_the_file_name() {
    for script in scripts() {
        let first = script.header.lines().next().expect("a line");
        let summary = first.strip_prefix(&format!("{}: ", script.name));
        assert!(summary.is_some_and(|text| text.len() > 10 && text.ends_with('.')), "{}: {first}", script.name);
    }
}

#[test]
fn a_header_has_flags_replies_and_a_reason() {
    for script in scripts() {
        assert!(["none", "allow-oom", "no-writes"].contains(&section(&script, "Flags ")), "{}", script.name);
        assert!(section(&script, "Returns ").starts_with("OK"), "{}", script.name);
        assert!(section(&script, "Why a script:").len() > 20, "{}", script.name);
    }
}

/// The words of a Lua text, comments and strings left out.
fn words(text: &str) -> BTreeSet<String> {
    let code = text.lines().filter_map(|line| line.split("--").next()).flat_map(|line| line.split('\'').step_by(2));
    code.flat_map(|line| line.split(|sign: char| !sign.is_alphanumeric() && sign != '_')).map(str::to_owned).collect()
}

#[test]
fn a_header_names_the_pieces_that_the_body_uses() {
    let function = |line: &str| Some(line.strip_prefix("local function ")?.split_once('(')?.0.to_owned());
    let pieces: Vec<(String, Vec<String>)> = files(folder().join("lib"))
        .into_iter()
        .map(|(piece, text)| (piece, text.lines().filter_map(function).collect()))
        .collect();
    for script in scripts() {
        let words = words(&script.body);
        let is_used = |(_, functions): &&(String, Vec<String>)| functions.iter().any(|name| words.contains(name));
        let used: Vec<&str> = pieces.iter().filter(is_used).map(|(piece, _)| piece.as_str()).collect();
        let used = if used.is_empty() { "none".to_owned() } else { used.join(" ") };
        assert_eq!(section(&script, "Uses "), used, "{}", script.name);
    }
}

#[test]
fn the_first_two_arguments_are_the_operation_id_and_the_not_after() {
    // `swap` has both in other forms.
    for script in scripts().into_iter().filter(|script| script.name != "swap") {
        assert!(section(&script, "ARGV[1]").starts_with("operation id"), "{}", script.name);
        assert!(section(&script, "ARGV[2]").starts_with("not after"), "{}", script.name);
        let received =
            script.body.contains("local call, late = receive(ARGV[1], ARGV[2])\nif not call then return late end\n");
        assert!(received, "{} begins by receiving the call", script.name);
    }
}

#[test]
fn keys_and_arguments_are_used_as_documented() {
    for script in scripts() {
        let mut used = slots("ARGV", &script.body);
        assert_eq!(documented("ARGV", &script.header), used, "{}", script.name);
        used = slots("KEYS", &script.body);
        // From one slot on, keys come in pairs.
        let pairs = ["2 * i", "2 * i + 1", "2 * i + 2"].map(|slot| used.remove(slot));
        used.extend((pairs[0] && pairs[1]).then(|| "2...".to_owned()));
        used.extend((pairs[1] && pairs[2]).then(|| "3...".to_owned()));
        assert_eq!(documented("KEYS", &script.header), used, "{}", script.name);
    }
}

#[test]
fn slots_are_documented_in_order_without_a_gap() {
    for script in scripts() {
        for array in ["KEYS", "ARGV"] {
            let documented = documented(array, &script.header);
            let first = |slot: &String| slot.trim_end_matches('.').parse::<usize>().expect("a number");
            let mut numbers: Vec<_> = documented.iter().map(first).collect();
            numbers.sort_unstable();
            assert_eq!(numbers, (1..=numbers.len()).collect::<Vec<_>>(), "{} {array}", script.name);
        }
    }
}

#[test]
fn a_body_fits_one_screen() {
    for script in scripts() {
        assert!(script.body.lines().count() <= LONGEST_BODY, "{}", script.name);
    }
    for (name, text) in files(folder().join("lib")) {
        assert!(text.lines().count() <= 2 * LONGEST_BODY, "lib/{name}");
        assert!(text.starts_with("-- "), "lib/{name} begins with a comment");
    }
}

#[test]
fn lines_have_no_tabs_no_trailing_blanks_and_at_most_120_characters() {
    for (name, text) in files(folder()).into_iter().chain(files(folder().join("lib"))) {
        for line in text.lines() {
            assert!(!line.contains('\t') && line.trim_end() == line, "{name}: {line}");
            assert!(line.chars().count() <= LONGEST_LINE, "{name}: {line}");
        }
    }
}

/// The commands that a text calls.
fn commands(text: &str) -> BTreeSet<&str> {
    let calls = text.split("redis.call(").chain(text.split("redis.pcall(")).skip(1);
    calls.filter_map(|rest| rest.strip_prefix('\'')?.split_once('\'')).map(|(command, _)| command).collect()
}

#[test]
fn commands_are_literal_upper_case_and_bounded() {
    for (name, text) in files(folder()).into_iter().chain(files(folder().join("lib"))) {
        let calls = text.matches("redis.call(").count() + text.matches("redis.pcall(").count();
        let literal = text.matches("redis.call('").count() + text.matches("redis.pcall('").count();
        assert_eq!(calls, literal, "{name} calls a command that is not a literal");
        for command in commands(&text) {
            assert!(command.chars().all(|sign| sign.is_ascii_uppercase()), "{name}: {command}");
            assert!(!FORBIDDEN.contains(&command), "{name}: {command}");
        }
    }
}

#[test]
fn no_key_is_computed_and_nothing_is_global() {
    for (name, text) in files(folder()).into_iter().chain(files(folder().join("lib"))) {
        assert!(!text.contains(":s:' ..") && !text.contains("':{"), "{name} spells a key");
        assert!(!text.lines().any(|line| line.starts_with("function ")), "{name} has a global function");
    }
}

/// The cells of the first table below a heading, by row.
fn table(page: &str, heading: &str) -> Vec<Vec<String>> {
    let (_, section) = page.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("a section {heading}"));
    let rows = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells = |row: &str| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    rows.skip(2).map(cells).collect()
}

/// The words in backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn page() -> String {
    fs::read_to_string(folder().join("README.md")).expect("lua/README.md")
}

#[test]
fn the_page_lists_every_script_with_its_flags() {
    let listed: BTreeSet<(String, String)> =
        table(&page(), "Scripts").iter().map(|row| (row[0].trim_matches('`').to_owned(), row[2].clone())).collect();
    let existing = scripts().into_iter().map(|script| (script.name.clone(), section(&script, "Flags ").to_owned()));
    assert_eq!(listed, existing.collect());
}

#[test]
fn the_page_names_the_scripts_that_use_each_kind_of_key() {
    let page = page();
    for row in table(&page, "Keys") {
        let key = row[0].trim_matches('`').split(['<', '{']).next_back().expect("a key");
        let shape = row[0].trim_matches('`').replace("<user>", "").replace("<id>", "");
        let writers: BTreeSet<&str> = quoted(&row[2]).chain(quoted(&row[3])).filter(|word| *word != "@").collect();
        let users: BTreeSet<String> = scripts()
            .into_iter()
            .filter(|script| script.header.replace("<user>", "").replace("<id>", "").contains(&shape_of(&shape)))
            .map(|script| script.name)
            .collect();
        let users: BTreeSet<&str> = users.iter().map(String::as_str).collect();
        assert!(writers.is_subset(&users), "{key}: {writers:?} against {users:?}");
        assert_eq!(writers, users, "{shape}: every script that names such a key is listed");
    }
}

/// A kind of key as headers write it: the deadline index ends with `d`, the others go on.
fn shape_of(shape: &str) -> String {
    if shape.ends_with(":d") { format!("{shape} ") } else { shape.to_owned() }
}
