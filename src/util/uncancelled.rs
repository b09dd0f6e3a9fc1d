//! Work that goes on when nobody waits for it any more: a client that hangs up does not stop its logout.

use std::panic::resume_unwind;

use tokio::runtime::Handle;
use tokio::task::JoinError;
use tracing::Instrument;

use crate::error::{Error, Outage};
use crate::util::boxed::boxed;

/// Does the work in a task of its own and waits for it; dropping the wait does not stop it. Outside of a Tokio
/// runtime there are no tasks, and it stops.
pub(crate) async fn uncancelled<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let work = boxed(work.in_current_span());
    match Handle::try_current() {
        Ok(runtime) => runtime.spawn(work).await.unwrap_or_else(|error| Err(stopped(error))),
        Err(_) => work.await,
    }
}

/// Does the work in a task of its own that nobody waits for; outside of a Tokio runtime there are no tasks, and it is waited
/// for.
pub(crate) async fn beside(work: impl Future<Output = ()> + Send + 'static) {
    match Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn(work)),
        Err(_) => boxed(work).await,
    }
}

/// Nobody but the runtime's own end stops the task.
fn stopped(error: JoinError) -> Error {
    match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(error) => Error::Indeterminate(Outage::because("the runtime was shut down meanwhile", error)),
    }
}
