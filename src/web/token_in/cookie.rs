//! Parsing of one cookie from a request, byte for byte.

use crate::web::token_in::carrier::RequestTokens;

/// Finds a cookie in all `Cookie` headers of a request (RFC 6265bis, 4.2.1).
///
/// Names are compared byte for byte. Only spaces and tabs are trimmed, nothing is decoded, quotes are part of the
/// value, and anything but `name=value` is skipped. A parser that decodes takes `__%48ost-id` for `__Host-id`, which
/// any subdomain may set.
pub(crate) fn find<'a>(headers: impl Iterator<Item = &'a [u8]>, name: &str) -> RequestTokens<'a> {
    RequestTokens::among(headers.flat_map(pairs).filter(|(other, _)| *other == name.as_bytes()).map(|(_, value)| value))
}

fn pairs(header: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    header.split(|byte| *byte == b';').filter_map(pair)
}

/// Splits `name=value` at the first `=`; `None` without one.
pub(crate) fn pair(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|byte| *byte == b'=')?;
    Some((trim(&text[..at]), trim(&text[at + 1..])))
}

fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests;
