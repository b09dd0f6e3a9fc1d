//! The statistics of a server.

use super::Failure;
use super::server::Server;

/// One reply to `INFO`.
pub(crate) struct Info(String);

impl Info {
    pub(crate) async fn of(server: &Server) -> Result<Self, Failure> {
        let mut connection = server.connection().await;
        Ok(Self(redis::cmd("INFO").arg("everything").query_async(&mut connection).await?))
    }

    pub(crate) fn used_memory(&self) -> Result<f64, Failure> {
        self.number("used_memory:", "")
    }

    /// CPU seconds, of the system and of the program.
    pub(crate) fn cpu_seconds(&self) -> Result<f64, Failure> {
        Ok(self.number("used_cpu_sys:", "")? + self.number("used_cpu_user:", "")?)
    }

    /// The microseconds that Redis counted for a command; 0 if there was none.
    pub(crate) fn command_us(&self, command: &str) -> f64 {
        self.number(&format!("cmdstat_{command}:"), "usec=").unwrap_or(0.0)
    }

    /// The number after this name in the line that begins with this prefix.
    pub(crate) fn number(&self, line: &str, name: &str) -> Result<f64, Failure> {
        let values = self.0.lines().find_map(|each| each.strip_prefix(line));
        let value = values.and_then(|values| values.trim().split(',').find_map(|value| value.strip_prefix(name)));
        Ok(value.ok_or_else(|| format!("INFO says nothing of {line}{name}"))?.parse()?)
    }
}
