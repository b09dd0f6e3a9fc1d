//! The check of the servers' settings.

use crate::doctor::Finding;
use crate::error::Error;
use crate::sessions::Sessions;
use crate::store::Contract;

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
