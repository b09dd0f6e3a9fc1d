//! Boxed futures.

use std::pin::Pin;

/// Boxes a rarely needed or large future. Otherwise the caller's future has its size, and its depth counts towards the
/// compiler's limit. Futures above a kilobyte are slow to allocate and free in most allocators.
pub(crate) fn boxed<'a, T>(
    future: impl Future<Output = T> + Send + 'a,
) -> Pin<Box<dyn Future<Output = T> + Send + 'a>> {
    Box::pin(future)
}
