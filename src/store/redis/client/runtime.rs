//! The runtime for calls from outside of any runtime.

use std::pin::{Pin, pin};
use std::sync::OnceLock;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

use crate::store::redis::client::call_error::CallError;

/// The first runtime that a call was made in.
#[derive(Debug, Default)]
pub(crate) struct Home(OnceLock<Handle>);

impl Home {
    /// The current runtime, if there is one.
    pub(crate) fn here() -> Self {
        let home = Self::default();
        home.is_outside();
        home
    }

    /// Whether the caller is outside of any runtime, without timers and tasks. Stores the first runtime that it sees.
    pub(crate) fn is_outside(&self) -> bool {
        match Handle::try_current() {
            Ok(here) => {
                if self.0.get().is_none() {
                    drop(self.0.set(here));
                }
                false
            }
            Err(_) => true,
        }
    }

    /// The stored runtime, if it still runs.
    pub(crate) fn handle(&self) -> Option<&Handle> {
        let home = self.0.get()?;
        let probe = home.spawn(std::future::pending::<()>());
        let has_ended = probe.is_finished();
        probe.abort();
        (!has_ended).then_some(home)
    }

    /// Runs a future from outside of any runtime, with the timers and tasks of the stored runtime.
    pub(crate) async fn enter<T>(&self, work: Pin<Box<dyn Future<Output = T> + Send + '_>>) -> Result<T, CallError> {
        match self.handle() {
            Some(home) => Ok(Entered { home, work }.await),
            None => Err(CallError::OUTSIDE),
        }
    }
}

/// A future that is polled in the context of a runtime.
struct Entered<'a, T> {
    home: &'a Handle,
    work: Pin<Box<dyn Future<Output = T> + Send + 'a>>,
}

impl<T> Future for Entered<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let _inside = self.home.enter();
        pin!(&mut self.work).poll(context)
    }
}
