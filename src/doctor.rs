//! What a server's settings put at risk: findings, each with its cure.

use std::fmt;

use crate::error::Error;
use crate::sessions::Sessions;
use crate::store::Contract;

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

/// One thing that [`Sessions::doctor`] found.
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

impl Sessions {
    /// Looks for settings of the servers that put sessions at risk; the gravest findings first, none if all is well.
    ///
    /// For a start-up check, a health page or a command line: it asks every master, so not for each request. What the
    /// server does not permit its user to ask is a finding too, not an error. It takes no longer than one
    /// [`budget`](crate::Builder::budget) in all. The embedded store has no findings.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if no master can be asked.
    ///
    /// # Redis
    /// To each master `INFO`, `CONFIG GET` and `TIME`; `CLUSTER INFO` in a Cluster, `ROLE` elsewhere; for 64 buckets by
    /// chance `ZRANGE` of the first 16 entries and `PTTL` of each.
    ///
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// # let sessions = cloakroom::Sessions::builder("memory:").namespace("shop").connect().await?;
    /// for finding in sessions.doctor().await? {
    ///     eprintln!("{finding}");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn doctor(&self) -> Result<Vec<Finding>, Error> {
        let mut findings = self.store().examine().await?;
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        Ok(findings)
    }
}
