//! A Lua script as it is sent to the server.

use crate::store::redis::client::incident::Success;

/// A Lua script with its `#!lua` line.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    #[cfg_attr(not(test), expect(dead_code, reason = "for debug prints and tests"))]
    pub(crate) name: &'static str,
    pub(crate) body: String,
    /// Lower-case hexadecimal SHA-1 of the body.
    pub(crate) sha: String,
    /// What a successful call shows about the server.
    pub(crate) success: Success,
}

impl Script {
    /// Joins the parts below a `#!lua` line; `flags` is a list separated by commas, or empty.
    ///
    /// The line is present without flags too, so that the server checks undeclared behaviour.
    pub(crate) fn new(name: &'static str, flags: &str, parts: &[&str]) -> Self {
        let mut body = String::from("#!lua");
        if !flags.is_empty() {
            body.push_str(" flags=");
            body.push_str(flags);
        }
        for part in parts {
            body.push('\n');
            body.push_str(part);
        }
        let sha = sha1_smol::Sha1::from(&body).digest().to_string();
        let success = if flags.contains("allow-oom") { Success::Ending } else { Success::Write };
        Self { name, body, sha, success }
    }
}

#[cfg(test)]
mod tests {
    use super::{Script, Success};

    #[test]
    fn the_first_line_names_the_flags() {
        let script = Script::new("end", "allow-oom,no-writes", &["-- a", "return 1"]);
        assert_eq!(script.body, "#!lua flags=allow-oom,no-writes\n-- a\nreturn 1");
        assert_eq!((script.sha.len(), script.success), (40, Success::Ending));
        assert_eq!(Script::new("save", "", &["return 1"]).success, Success::Write);
        assert_eq!(Script::new("end", "", &["return 1"]).body, "#!lua\nreturn 1");
    }
}
