//! Completing a response's head.

use super::caching::{forbids_storing, mark_private, varies_by};
use super::head::{ResponseHead, Secrecy};
use super::policy::{self, TokenReply};
use super::slot::SessionSlot;
use crate::session::Session;
use crate::util::rarely::rarely;
use crate::web::error_response::ErrorReply;

/// Saves the session and completes the response's headers. After that the session cannot be changed.
///
/// If dropped because the client disconnects, the save was executed or not.
pub(crate) async fn finish<R: ResponseHead>(slot: &SessionSlot, mut response: R) -> R {
    drop_ours(slot, &mut response);
    if let Some(session) = slot.used() {
        let settled = policy::settle(session, response.status(), slot.save_on()).await;
        if let Err(error) = settled {
            response = R::of(ErrorReply::to(&error));
        }
        carry(slot, session, &mut response).await;
    }
    slot.seal();
    mark_private(slot, &mut response);
    if slot.was_looked_at() && !varies_by(response.values("vary"), slot.carrier().varies()) {
        response.append("vary", slot.carrier().varies().as_bytes(), Secrecy::Public);
    }
    response
}

/// Adds the new token, or its removal, to the response.
async fn carry<R: ResponseHead>(slot: &SessionSlot, session: &Session, response: &mut R) {
    let (carrier, status) = (slot.carrier(), response.status());
    let reply = TokenReply { carrier, carried: slot.carried(), status };
    let lines = reply.lines(session).await;
    for line in &lines {
        response.append(carrier.response_header(), line.as_bytes(), Secrecy::Secret);
    }
    if !lines.is_empty() && !forbids_storing(response.values("cache-control")) {
        response.retain("cache-control", |_| false);
        response.append("cache-control", b"no-store", Secrecy::Public);
    }
}

/// Drops headers that a handler set under our name: a browser would use whichever came last.
fn drop_ours<R: ResponseHead>(slot: &SessionSlot, response: &mut R) {
    let (carrier, header) = (slot.carrier(), slot.carrier().response_header());
    if response.values(header).any(|value| carrier.is_ours(value)) {
        rarely!(
            warn,
            name = carrier.name(),
            "dropped a header set by a handler: the name belongs to the session layer"
        );
        response.retain(header, |value| !carrier.is_ours(value));
    }
}
