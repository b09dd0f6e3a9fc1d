//! Visitors whose session was ended elsewhere see why.

use crate::Failure;
use crate::browser::Kind;
use crate::stage::Stage;

#[tokio::test]
async fn a_sign_out_here_is_not_shown_as_one_elsewhere() -> Result<(), Failure> {
    let stage = Stage::up().await?;
    let laptop = stage.browser(Kind::Laptop).await?;
    laptop.sign_in(&stage.a, "ada").await?;
    laptop.press("Sign out").await?;
    laptop.shows("You are signed out.").await?;
    laptop.visit(&stage.b).await?;
    laptop.shows("Sign in").await?;
    assert!(!laptop.text().await?.contains("signed out"), "{}", laptop.text().await?);
    assert!(laptop.cookies().await?.is_empty());
    stage.down().await
}

#[tokio::test]
async fn the_reason_of_an_eviction_is_shown_once() -> Result<(), Failure> {
    let stage = Stage::with(&["--cap", "1"]).await?;
    let laptop = stage.browser(Kind::Laptop).await?;
    let phone = stage.browser(Kind::Phone).await?;
    laptop.sign_in(&stage.a, "ada").await?;
    phone.sign_in(&stage.b, "ada").await?;
    laptop.visit(&stage.b).await?;
    laptop.shows("because you signed in on too many devices").await?;
    laptop.visit(&stage.b).await?;
    laptop.hides("because you signed in on too many devices").await?;
    stage.down().await
}

#[tokio::test]
async fn an_expired_session_shows_its_reason() -> Result<(), Failure> {
    let stage = Stage::with(&["--idle", "3s"]).await?;
    let laptop = stage.browser(Kind::Laptop).await?;
    let phone = stage.browser(Kind::Phone).await?;
    laptop.sign_in(&stage.a, "ada").await?;
    phone.sign_in(&stage.b, "ada").await?;
    // The phone is in use, the laptop is not.
    for _ in 0..1000 {
        phone.visit(&stage.b).await?;
        if phone.devices().await?.len() < 2 {
            break;
        }
    }
    phone.shows("Signed in as ada").await?;
    laptop.visit(&stage.a).await?;
    laptop.shows("Your session has expired.").await?;
    stage.down().await
}

#[tokio::test]
async fn a_form_of_an_older_login_is_rejected() -> Result<(), Failure> {
    let stage = Stage::up().await?;
    let laptop = stage.browser(Kind::Laptop).await?;
    let phone = stage.browser(Kind::Phone).await?;
    phone.sign_in(&stage.a, "bob").await?;
    laptop.sign_in(&stage.a, "ada").await?;
    // In another tab ada makes room for bob; this one still shows her page.
    laptop
        .run_async(
            "const send = (path, name) => fetch(path, { method: 'POST', body: JSON.stringify({ user: name }) });
             await send('/api/login', 'bob');",
        )
        .await?;
    laptop.press("Sign out everywhere").await?;
    laptop.shows("The page was out of date, and nothing was done.").await?;
    laptop.shows("Signed in as bob").await?;
    phone.visit(&stage.b).await?;
    phone.shows("Signed in as bob").await?;
    stage.down().await
}
