//! Work that continues after its caller is dropped, such as a logout whose client disconnects.

use std::panic::resume_unwind;

use tokio::runtime::Handle;
use tokio::task::JoinError;
use tracing::Instrument;

use crate::error::{Error, Outage};
use crate::util::boxed::boxed;

/// Runs the work in a task of its own and waits for it; dropping the wait does not stop it. Outside of a Tokio runtime
/// there are no tasks, and dropping stops it.
pub(crate) async fn uncancelled<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let work = boxed(work.in_current_span());
    match Handle::try_current() {
        Ok(runtime) => runtime.spawn(work).await.unwrap_or_else(|error| Err(stopped(error))),
        Err(_) => work.await,
    }
}

/// Runs the work in a detached task; outside of a Tokio runtime it is awaited instead.
pub(crate) async fn beside(work: impl Future<Output = ()> + Send + 'static) {
    match Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn(work)),
        Err(_) => boxed(work).await,
    }
}

/// Only the runtime's shutdown stops the task.
fn stopped(error: JoinError) -> Error {
    match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(error) => Error::Indeterminate(Outage::because("the runtime was shut down meanwhile", error)),
    }
}
