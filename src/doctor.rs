//! What a server's settings put at risk: findings, each with its cure.

use std::fmt;

/// How much a [`Finding`] matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Good to know.
    Info,
    /// Something may be lost in a case that has to be expected.
    Warning,
    /// A promise of this crate does not hold on this server.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One thing that [`Sessions::doctor`](crate::Sessions::doctor) found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// One word in snake case, stable: for alerts, and to be passed over by.
    pub code: &'static str,
    /// The server that it was found on; empty if it is not about one.
    pub server: String,
    /// What was found, and what it means.
    pub what: String,
    /// What to do about it.
    pub cure: &'static str,
}

impl Finding {
    pub(crate) fn new(severity: Severity, code: &'static str, what: impl Into<String>, cure: &'static str) -> Self {
        Self { severity, code, server: String::new(), what: what.into(), cure }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { severity, code, server, what, cure } = self;
        let at = if server.is_empty() { "" } else { " at " };
        write!(f, "{severity} {code}{at}{server}: {what}. {cure}")
    }
}
