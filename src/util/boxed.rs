//! Futures whose type ends where they are awaited.

use std::pin::Pin;

/// Boxes a future that is seldom needed, or large: whoever awaits it would otherwise carry its size, and its depth to the
/// compiler's limit. Futures above a kilobyte are slow to make and to free in most allocators.
pub(crate) fn boxed<'a, T>(
    future: impl Future<Output = T> + Send + 'a,
) -> Pin<Box<dyn Future<Output = T> + Send + 'a>> {
    Box::pin(future)
}
