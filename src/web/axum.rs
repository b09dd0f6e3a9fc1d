//! The integration with axum 0.8, and with tower as far as the layers go.

mod csrf;
mod extract;
mod head;
mod layer;
mod respond;

pub use csrf::CsrfService;
pub use layer::SessionService;
