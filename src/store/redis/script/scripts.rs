//! The scripts, each after the library pieces that it uses. An unused function costs the server as much as a small
//! command.

use std::sync::LazyLock;

use crate::store::redis::client::Script;
use crate::store::redis::layout::constants;

mod needed;
use crate::store::redis::script::scripts::needed::needed;

macro_rules! lib {
    ($($piece:literal)*) => {
        concat!($(include_str!(concat!("../../../../lua/lib/", $piece, ".lua")), "\n",)*)
    };
}

/// The constants, then all pieces. Each uses only what precedes it.
static PIECES: LazyLock<String> = LazyLock::new(|| constants::lua() + LIB);

const LIB: &str = lib!("call" "list" "meta" "former" "tail" "ring" "session" "standing" "fields" "delta" "limits"
    "carry" "life" "fresh" "unreadable" "index" "enter" "tombstone" "undelivered" "gate" "tombstone_fields" "park" "join");

macro_rules! scripts {
    ($($name:ident = $file:literal $flags:literal;)*) => {
        $(pub(crate) static $name: LazyLock<Script> = LazyLock::new(|| {
            let body = include_str!(concat!("../../../../lua/", $file, ".lua"));
            Script::new($file, $flags, &[&needed(&PIECES, body), body])
        });)*

        /// Every script's name, flags and body without library pieces.
        #[cfg(test)]
        pub(crate) const ALL: &[(&str, &str, &str)] =
            &[$(($file, $flags, include_str!(concat!("../../../../lua/", $file, ".lua"))),)*];

        #[cfg(test)]
        fn joined() -> Vec<Script> {
            vec![$($name.clone(),)*]
        }
    };
}

scripts! {
    CREATE = "create" "";
    TOUCH = "touch" "allow-oom";
    SAVE = "save" "";
    INCREMENT = "increment" "";
    SWAP = "swap" "";
    ROTATE = "rotate" "";
    RETIME = "retime" "";
    ADMIT = "admit" "";
    LOGIN = "login" "";
    PARK = "park" "";
    LEAVE = "leave" "";
    ACTIVATE = "activate" "allow-oom";
    LEAD = "lead" "allow-oom";
    REAUTHENTICATE = "reauthenticate" "";
    END = "end" "allow-oom";
    END_BY_KEY = "end_by_key" "allow-oom";
    RAISE = "raise" "allow-oom";
    REVOKE = "revoke" "allow-oom";
    SWEEP = "sweep" "allow-oom";
}

/// A test's own script, below the pieces that it uses.
#[cfg(test)]
pub(crate) fn joined_to_pieces(body: &str) -> String {
    needed(&PIECES, body) + body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_runs_with_the_flags_of_its_header() {
        for (name, flags, body) in ALL {
            let line = body.lines().find_map(|line| line.strip_prefix("Flags ")).expect("a line of flags");
            let declared = line.trim();
            assert_eq!(declared, if flags.is_empty() { "none" } else { flags }, "{name}");
        }
    }

    #[test]
    fn every_function_of_the_pieces_is_used_by_a_script() {
        for function in LIB.lines().filter(|line| line.starts_with("local function ")) {
            assert!(joined().iter().any(|script| script.body.contains(function)), "{function}");
        }
    }

    /// The words of a script, without comments and strings; a called function has its bracket.
    fn words(body: &str) -> Vec<String> {
        let code: String =
            body.lines().map(|line| line.split("--").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
        let code: String = code.split('\'').step_by(2).collect::<Vec<_>>().join("''");
        let code = code.replace('(', "( ");
        let word = |sign: char| sign.is_alphanumeric() || "_.(".contains(sign);
        code.split(|sign| !word(sign)).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    /// Redis finds out only when that line runs.
    #[test]
    fn every_function_and_constant_that_a_script_uses_is_among_its_pieces() {
        const BUILT_IN: [&str; 10] =
            ["assert(", "error(", "function(", "ipairs(", "next(", "pairs(", "pcall(", "tonumber(", "type(", "unpack("];
        for script in joined() {
            let (pieces, script_text) = script.body.split_once("--[[").expect("a header");
            let (_, body) = script_text.split_once("\n]]\n").expect("a header's end");
            let all = [pieces, body].concat();
            for word in words(&all) {
                let called = word.strip_suffix('(').filter(|name| !name.is_empty() && !name.contains('.'));
                if let Some(name) = called.filter(|_| !BUILT_IN.contains(&word.as_str())) {
                    assert!(all.contains(&format!("local function {name}(")), "{}: {name}", script.name);
                }
                let constant = word.len() > 1 && word.chars().all(|sign| sign.is_ascii_uppercase() || sign == '_');
                if constant && !["KEYS", "ARGV"].contains(&word.as_str()) {
                    assert!(all.contains(&format!("local {word} = ")), "{}: {word}", script.name);
                }
            }
        }
    }
}
