//! Opening the session of a request's tokens.

use crate::error::Error;
use crate::identity::client::ClientInfo;
use crate::identity::token::SessionToken;
use crate::session::Session;
use crate::session::load::candidates;
use crate::session::load::candidates::{Candidates, OpenedSession};
use crate::session::load::peek_with;
use crate::util::rarely::rarely;
use crate::web::slot::LayerSettings;
use crate::web::token_in::carrier::RequestTokens;

/// Opens the request's session without recording a use, and gives it the token in case the response has to set it
/// again.
pub(crate) async fn open(
    shared: &LayerSettings,
    found: RequestTokens<'_>,
    client: ClientInfo,
) -> Result<Session, Error> {
    let value = match found {
        RequestTokens::Absent => None,
        RequestTokens::One(value) => std::str::from_utf8(value).ok(),
        RequestTokens::Several(candidates) => return Box::pin(open_among(shared, &candidates, client)).await,
    };
    let token = value.and_then(|text| SessionToken::parse(text).ok());
    let session = peek_with(&shared.sessions, token.as_ref(), client).await?;
    if let Some(token) = token.filter(|_| shared.carrier.has_age(session.is_remembered())) {
        session.keep_token(token);
    }
    Ok(session)
}

async fn open_among(shared: &LayerSettings, candidates: &Candidates<'_>, client: ClientInfo) -> Result<Session, Error> {
    let OpenedSession { session, token, several } = candidates::peek(&shared.sessions, candidates, client).await?;
    report(shared, candidates, several);
    let misplaced = shared.carrier.has_former();
    if let Some(token) = token.filter(|_| misplaced || shared.carrier.has_age(session.is_remembered())) {
        session.keep_token(token);
        if misplaced {
            session.renew_cookie();
        }
    }
    Ok(session)
}

fn report(shared: &LayerSettings, candidates: &Candidates<'_>, several: bool) {
    let name = shared.carrier.name();
    if several {
        rarely!(warn, name, "request ignored its session tokens: they open different sessions");
    }
    if candidates.more {
        let tried = candidates.texts.len();
        rarely!(warn, name, tried, "request carried too many session tokens: the rest is ignored");
    }
}
