//! The integration with actix-web 4.

use std::pin::Pin;

use self::stop::Stop;
use super::slot::SessionSlot;

mod csrf;
mod extract;
mod head;
mod middleware;
mod respond;
mod stop;

pub use csrf::CsrfMiddleware;
pub use middleware::SessionMiddleware;

/// A future of one worker thread.
type LocalFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// The session middleware's entry in a request's extensions.
#[derive(Clone)]
struct SessionExtension {
    slot: SessionSlot,
    stop: Stop,
}
