//! actix-web 4: heads carried in and out.

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

/// A future of one worker.
type LocalFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// What the session middleware puts into a request's extensions.
#[derive(Clone)]
struct SessionExtension {
    slot: SessionSlot,
    stop: Stop,
}
