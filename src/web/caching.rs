//! Headers for caches.

use super::head::{ResponseHead, Secrecy};
use super::slot::SessionSlot;

/// Keeps a user's response out of shared caches, which may ignore `Vary`, if the handler sets no `Cache-Control` and
/// the layer does not leave it to handlers.
pub(crate) fn mark_private<R: ResponseHead>(slot: &SessionSlot, response: &mut R) {
    if slot.is_for_user() && slot.marks_private() && response.values("cache-control").next().is_none() {
        response.append("cache-control", b"private", Secrecy::Public);
    }
}

/// Whether a response's `Vary` already names this header.
pub(crate) fn varies_by<'a>(vary: impl Iterator<Item = &'a [u8]>, header: &str) -> bool {
    elements(vary).any(|name| name == b"*" || name.eq_ignore_ascii_case(header.as_bytes()))
}

/// Whether a response's `Cache-Control` already forbids storing.
pub(crate) fn forbids_storing<'a>(cache_control: impl Iterator<Item = &'a [u8]>) -> bool {
    elements(cache_control).any(|directive| directive.eq_ignore_ascii_case(b"no-store"))
}

fn elements<'a>(values: impl Iterator<Item = &'a [u8]>) -> impl Iterator<Item = &'a [u8]> {
    values.flat_map(|value| value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_elements_are_compared_whole_and_without_case() {
        let varies = |value: &'static str| varies_by(std::iter::once(value.as_bytes()), "cookie");
        assert!(varies("accept, COOKIE") && varies("*") && varies("Cookie"));
        assert!(!varies("") && !varies("accept") && !varies("cookie2") && !varies("x-cookie"));
        let forbids = |value: &'static str| forbids_storing(std::iter::once(value.as_bytes()));
        assert!(forbids("no-store") && forbids("private,No-Store , max-age=0"));
        assert!(!forbids("no-cache, private") && !forbids("no-store-x"));
    }
}
