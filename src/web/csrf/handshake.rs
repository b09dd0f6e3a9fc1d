//! WebSocket handshakes: requests with a safe method that open a connection for arbitrary messages.

use crate::web::head::RequestHead;

/// Whether a request is a WebSocket handshake over HTTP/1.1: `Upgrade: websocket` (RFC 6455, 4.1).
///
/// A value that contains the word counts, in any case, since some frameworks accept that. Over HTTP/2 the method is
/// `CONNECT` (RFC 8441), which is not safe. Pages cannot request another protocol: browsers forbid setting `Upgrade`,
/// and only programs request `h2c` with a plain `GET`.
pub(crate) fn is_websocket(request: &impl RequestHead) -> bool {
    let names = |value: &[u8]| value.windows(WEBSOCKET.len()).any(|part| part.eq_ignore_ascii_case(WEBSOCKET));
    request.values("upgrade").any(names)
}

const WEBSOCKET: &[u8] = b"websocket";
