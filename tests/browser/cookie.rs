//! The cookie as the browser has stored it.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::Failure;
use crate::browser::Kind;
use crate::stage::Stage;

const TWELVE_HOURS: u64 = 12 * 60 * 60;

#[tokio::test]
async fn the_browser_stores_one_cookie_with_every_protection() -> Result<(), Failure> {
    let stage = Stage::up().await?;
    let laptop = stage.browser(Kind::Laptop).await?;
    laptop.visit(&stage.a).await?;
    assert!(laptop.cookies().await?.is_empty(), "who only looks gets none");

    laptop.sign_in(&stage.a, "ada").await?;
    let cookies = laptop.cookies().await?;
    let [cookie] = cookies.as_slice() else { return Err(format!("one cookie is wanted: {cookies:?}").into()) };
    for (attribute, wanted) in [
        ("name", json!("__Host-id")),
        ("httpOnly", json!(true)),
        ("secure", json!(true)),
        ("sameSite", json!("Lax")),
        ("path", json!("/")),
        // Of this host alone: with a `Domain` it would begin with a dot.
        ("domain", json!("127.0.0.1")),
    ] {
        assert_eq!(cookie[attribute], wanted, "{attribute}");
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let left = cookie["expiry"].as_u64().ok_or("an expiry")?.saturating_sub(now);
    assert!((TWELVE_HOURS - 60..=TWELVE_HOURS + 1).contains(&left), "{left} s");
    assert_eq!(laptop.run("return document.cookie", vec![]).await?, "", "no script reads it");
    stage.down().await
}

#[tokio::test]
async fn a_sign_in_replaces_the_guests_cookie_and_a_sign_out_removes_it() -> Result<(), Failure> {
    let stage = Stage::up().await?;
    let laptop = stage.browser(Kind::Laptop).await?;
    laptop.visit(&stage.a).await?;
    laptop.fill("Add to the cart", "hat").await?;
    laptop.press("Add").await?;
    laptop.shows("Remove").await?;
    let guest = laptop.cookies().await?;
    laptop.sign_in(&stage.b, "ada").await?;
    let user = laptop.cookies().await?;
    assert!(guest.len() == 1 && user.len() == 1 && guest[0]["value"] != user[0]["value"]);
    laptop.press("Sign out").await?;
    laptop.shows("You are signed out.").await?;
    assert!(laptop.cookies().await?.is_empty());
    stage.down().await
}
