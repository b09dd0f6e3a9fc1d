//! Selection of the library pieces that a script needs.

use std::collections::HashSet;

/// The functions and constants that the body uses, and those that these use. Each definition starts with `local` at the
/// beginning of a line, a function ends with `end` there, and everything that it uses comes before it.
pub(crate) fn needed(pieces: &str, body: &str) -> String {
    let (_header, body) = body.split_once("\n]]\n").unwrap_or(("", body));
    let mut used: HashSet<&str> = words(body).collect();
    let definitions = definitions(pieces);
    let mut kept = Vec::new();
    for definition in definitions.iter().rev() {
        if used.contains(name(definition)) {
            used.extend(words(definition));
            kept.push(definition.as_str());
        }
    }
    kept.reverse();
    kept.concat()
}

/// The definitions, without the text between them.
fn definitions(pieces: &str) -> Vec<String> {
    let mut definitions: Vec<String> = Vec::new();
    let mut within = false;
    for line in pieces.lines() {
        match definitions.last_mut() {
            Some(definition) if within => *definition += &format!("{line}\n"),
            _ if line.starts_with("local ") => definitions.push(format!("{line}\n")),
            _ => continue,
        }
        within = line != "end" && (within || line.starts_with("local function "));
    }
    definitions
}

fn name(definition: &str) -> &str {
    let text = definition.trim_start_matches("local ").trim_start_matches("function ");
    words(text).next().unwrap_or_default()
}

/// The words of a text, without comments and strings.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let code = text.lines().filter_map(|line| line.split("--").next()).flat_map(|line| line.split('\'').step_by(2));
    code.flat_map(|line| line.split(|sign: char| !sign.is_alphanumeric() && sign != '_'))
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIECES: &str = "\
-- local text
local ONE = 1
local TWO = 2

-- a function
local function one()
  local it = ONE
  return it
end

local function two()
  return one() + TWO
end
";

    #[test]
    fn unused_pieces_are_left_out() {
        let one = "local ONE = 1\nlocal function one()\n  local it = ONE\n  return it\nend\n";
        assert_eq!(needed(PIECES, "--[[\nx: two\n]]\nreturn one('two') -- two"), one);
        assert_eq!(needed(PIECES, "--[[\nx: none\n]]\nreturn 1"), "");
    }

    #[test]
    fn a_functions_dependencies_are_included_in_order() {
        let all = needed(PIECES, "return two()");
        let at = |text: &str| all.find(text).expect("kept");
        assert!(at("local ONE") < at("local TWO") && at("local TWO") < at("function one") && at("one()") < at("two()"));
        assert!(!all.contains("--"));
    }
}
