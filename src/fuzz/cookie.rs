//! The token in a request: in `Cookie` headers, or in a header of its own.

use crate::fuzz::head::lines;
use crate::identity::token::SessionToken;
use crate::web::token_in::carrier::RequestTokens;
use crate::web::token_in::cookie_settings::SessionCookie;
use crate::web::token_in::{cookie, header::SessionHeader};

const NAME: &str = "__Host-id";
/// A token of a session that the browser has.
const OURS: &str = "AAECAwQFigeICQoLDA0ODwABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

/// Each line is a header. What is found came under the name itself, and a token of ours is found whatever else came.
///
/// # Panics
/// If a property does not hold.
pub fn cookie(bytes: &[u8]) {
    let headers: Vec<&[u8]> = lines(bytes).collect();
    let found = cookie::find(headers.iter().copied(), NAME);
    let named = headers.iter().any(|header| header.windows(NAME.len()).any(|part| part == NAME.as_bytes()));
    assert!(named || found == RequestTokens::Absent, "a cookie of another name");
    well_formed(&found, |value| !value.contains(&b';'));
    let ours = format!("a=b; {NAME}={OURS}");
    finds_ours(&cookie::find(headers.iter().copied().chain([ours.as_bytes()]), NAME));
    for header in [SessionHeader::new("x-session"), SessionHeader::bearer()] {
        let ours = if header.name() == "authorization" { format!("Bearer {OURS}") } else { OURS.to_owned() };
        well_formed(&header.find(headers.iter().copied()), |_| true);
        finds_ours(&header.find(headers.iter().copied().chain([ours.as_bytes()])));
    }
    let set: Vec<_> = headers.iter().filter(|header| SessionCookie::new().is_ours(header)).collect();
    assert!(set.is_empty() || named);
}

fn well_formed(found: &RequestTokens<'_>, legal: impl Fn(&[u8]) -> bool) {
    match found {
        RequestTokens::Absent => {}
        RequestTokens::One(value) => {
            let blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
            assert!(legal(value) && !blank(value.first()) && !blank(value.last()));
        }
        RequestTokens::Several(candidates) => {
            let texts = &candidates.texts;
            assert!(texts.len() <= 4 && (!candidates.more || texts.len() == 4));
            assert!(texts.iter().all(|text| SessionToken::parse(text).is_ok()));
            assert!((1..texts.len()).all(|at| !texts[..at].contains(&texts[at])), "one value twice");
        }
    }
}

fn finds_ours(found: &RequestTokens<'_>) {
    match found {
        RequestTokens::Absent => panic!("it was not found"),
        RequestTokens::One(value) => assert_eq!(*value, OURS.as_bytes()),
        RequestTokens::Several(candidates) => assert!(candidates.more || candidates.texts.contains(&OURS)),
    }
}
