//! Requests of a safe method that open a connection on which anything can be sent.

use crate::web::head::RequestHead;

/// Whether a request asks for a WebSocket over HTTP/1.1: `Upgrade: websocket` (RFC 6455, 4.1).
///
/// A value counts that only contains the word, in any case of its letters, as some frameworks read it so. Over HTTP/2 the
/// method is `CONNECT` (RFC 8441), which is not a safe one. No page can ask for another protocol: browsers forbid it to set
/// `Upgrade`, and programs ask for `h2c` with a plain `GET`.
pub(crate) fn is_websocket(request: &impl RequestHead) -> bool {
    let names = |value: &[u8]| value.windows(WEBSOCKET.len()).any(|part| part.eq_ignore_ascii_case(WEBSOCKET));
    request.values("upgrade").any(names)
}

const WEBSOCKET: &[u8] = b"websocket";
