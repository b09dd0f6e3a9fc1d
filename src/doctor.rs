//! Findings about server settings that put sessions at risk, each with a remedy.

use std::fmt;

/// Severity of a [`Finding`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// For information.
    Info,
    /// Data may be lost in a failure that has to be expected.
    Warning,
    /// A guarantee of this crate does not hold on this server.
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

/// One finding of [`Sessions::doctor`](crate::Sessions::doctor).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The severity.
    pub severity: Severity,
    /// One stable word in snake case, for alerts and to ignore a finding by.
    pub code: &'static str,
    /// The server concerned; empty if none in particular.
    pub server: String,
    /// What was found and what it means.
    pub what: String,
    /// What to do.
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
