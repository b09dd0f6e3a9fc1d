//! What a client presents: session tokens, session ids, CSRF tokens.

use crate::identity::client::ClientInfo;
use crate::identity::csrf::{CsrfDigest, CsrfToken};
use crate::identity::id::SessionId;
use crate::identity::token::SessionToken;

/// A token and an id have one text, nothing shows a secret, and a CSRF token matches its own text alone.
///
/// # Panics
/// If a property does not hold.
pub fn token(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(token) = SessionToken::parse(text) {
        assert_eq!(token.reveal().as_str(), text);
        assert_eq!(token.id().to_string().parse(), Ok(token.id()));
        let shown = format!("{token:?} {:?} {:?}", token.hash(), token.presented());
        assert!(!shown.contains(&text[24..]), "{shown}");
    }
    if let Ok(id) = text.parse::<SessionId>() {
        assert_eq!(id.to_string(), text);
        assert_eq!((SessionId::from_bytes(*id.as_bytes()), &id.text()[..]), (Some(id), bytes));
    }
    csrf(text);
    user_agent(text);
}

/// The first 32 bytes as a secret, the rest as what came in its name.
fn csrf(text: &str) {
    let Some((secret, presented)) = text.as_bytes().split_first_chunk() else { return };
    let token = CsrfToken::of(secret);
    assert!(token.matches(&token.text()) && token.digest().matches(&CsrfDigest::of(&token.text())));
    if let Ok(presented) = str::from_utf8(presented) {
        assert!(!token.matches(presented) && !token.digest().matches(&CsrfDigest::of(presented)));
    }
}

fn user_agent(text: &str) {
    for most in [0, 1, 7, 256] {
        let client = ClientInfo::new().user_agent(text).cut(most);
        let cut = client.known_user_agent().unwrap_or_default();
        assert!(cut.len() <= most && text.starts_with(cut));
        assert!(cut.len() + 3 >= most.min(text.len()), "more is cut than a character");
    }
}
