//! The check of the servers' settings.

use crate::doctor::Finding;
use crate::error::Error;
use crate::sessions::Sessions;

impl Sessions {
    /// Checks the servers for settings that put sessions at risk. Returns the most severe findings first, none if all
    /// is well.
    ///
    /// For a start-up check, a health page or a command line, not for each request: it queries every master. Settings
    /// that the Redis user may not read are findings, not errors. It takes at most one
    /// [`budget`](crate::Builder::budget) in all. The embedded store has no findings.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if no master responds.
    ///
    /// # Redis
    /// To each master `INFO`, `CONFIG GET` and `TIME`; `CLUSTER INFO` in a Cluster, `ROLE` elsewhere; for 64 random
    /// buckets `ZRANGE` of the first 16 entries and `PTTL` of each.
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
