//! How is it used without a web framework? `cargo run --example without_a_framework`
//!
//! Open with the token that the client sent, change, save, then set or remove the cookie as the session says.

use cloakroom::{ClientInfo, CookieChange, Error, SaveOutcome, Sessions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sessions = Sessions::builder("memory:").namespace("shop").connect().await?;

    let token = request(&sessions, None, "hat").await?;
    request(&sessions, token.as_deref(), "coat").await?;
    Ok(())
}

/// Serves one request; returns the token that the client holds afterwards.
async fn request(sessions: &Sessions, token: Option<&str>, item: &str) -> Result<Option<String>, Error> {
    let session = sessions.open(token, ClientInfo::new().user_agent("example")).await?;
    let cart: Vec<String> = session.update("cart", |cart: &mut Vec<String>| cart.push(item.to_owned()))?;
    match session.save().await? {
        SaveOutcome::Saved | SaveOutcome::Unchanged => println!("the cart holds {}", cart.join(", ")),
        SaveOutcome::Gone(reason) => println!("the session has ended: {reason:?}"),
        SaveOutcome::Withheld => println!("only the web layer knows of withheld cookies"),
        SaveOutcome::Conflict => println!("the user has logged in again since"),
    }
    Ok(match session.cookie_change() {
        CookieChange::Keep => token.map(str::to_owned),
        CookieChange::Set(token) => Some(token.reveal().to_string()),
        CookieChange::Remove => None,
    })
}
