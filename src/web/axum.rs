//! axum 0.8, and tower as far as the layers go: heads carried in and out.

mod csrf;
mod extract;
mod head;
mod layer;
mod respond;

pub use csrf::CsrfService;
pub use layer::SessionService;
