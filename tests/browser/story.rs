//! The whole story over two servers: cart, sign in, devices, sign out one, the others, everywhere.

use serde_json::json;

use crate::Failure;
use crate::browser::Kind;
use crate::stage::Stage;

const ELSEWHERE: &str = "You were signed out on another device";

#[tokio::test]
async fn a_cart_survives_the_sign_in_and_shows_on_the_other_server() -> Result<(), Failure> {
    let stage = Stage::up().await?;
    let laptop = stage.browser(Kind::Laptop).await?;
    laptop.visit(&stage.a).await?;
    laptop.shows("Nothing yet").await?;
    laptop.picture("guest").await?;
    laptop.fill("Add to the cart", "A hat <b>&amp;").await?;
    laptop.press("Add").await?;
    laptop.shows("A hat <b>&amp;").await?;
    laptop.visit(&stage.b).await?;
    laptop.shows("A hat <b>&amp;").await?;

    laptop.visit(&stage.a).await?;
    laptop.fill("Name", "ada").await?;
    laptop.press("Sign in").await?;
    laptop.shows("Signed in as ada").await?;
    laptop.visit(&stage.b).await?;
    laptop.shows("Signed in as ada").await?;
    laptop.shows("A hat <b>&amp;").await?;

    laptop.press("Remove A hat <b>&amp;").await?;
    laptop.shows("Nothing yet").await?;
    laptop.visit(&stage.a).await?;
    laptop.shows("Nothing yet").await?;
    stage.down().await
}

#[tokio::test]
async fn two_tabs_that_fill_the_cart_at_once_lose_nothing() -> Result<(), Failure> {
    let stage = Stage::up().await?;
    let laptop = stage.browser(Kind::Laptop).await?;
    laptop.sign_in(&stage.a, "ada").await?;
    let statuses = laptop
        .run_async(
            "const csrf = document.querySelector('[name=csrf]').value;
             const add = async (item) =>
                 (await fetch('/cart/add', { method: 'POST', body: new URLSearchParams({ csrf, item }) })).status;
             const statuses = [];
             for (let round = 0; round < 10; round++) {
                 statuses.push(...await Promise.all([add(`left ${round}`), add(`right ${round}`)]));
             }
             return statuses;",
        )
        .await?;
    assert_eq!(statuses, json!(vec![200; 20]));
    laptop.visit(&stage.b).await?;
    let cart = laptop.text().await?;
    for round in 0..10 {
        assert!(cart.contains(&format!("left {round}")) && cart.contains(&format!("right {round}")), "{round}: {cart}");
    }
    stage.down().await
}

#[tokio::test]
async fn a_device_can_sign_out_another_one_all_others_or_all_with_itself() -> Result<(), Failure> {
    let stage = Stage::up().await?;
    let laptop = stage.browser(Kind::Laptop).await?;
    let phone = stage.browser(Kind::Phone).await?;
    laptop.sign_in(&stage.a, "ada").await?;
    assert_eq!(laptop.devices().await?.len(), 1);
    assert!(!laptop.text().await?.contains("Sign out all others"), "there are none");

    phone.sign_in(&stage.b, "ada").await?;
    let devices = phone.devices().await?;
    assert!(devices.len() == 2 && devices[0].starts_with("Chrome on Linux"), "{devices:?}");
    assert!(devices[0].contains("127.0.0.1, last seen just now") && !devices[0].contains("This device"));
    assert!(devices[1].starts_with("Chrome on Android") && devices[1].contains("This device"), "{devices:?}");
    phone.picture("phone-devices").await?;

    phone.press("Sign out Chrome on Linux, 127.0.0.1").await?;
    phone.shows("That device is signed out.").await?;
    assert_eq!(phone.devices().await?.len(), 1);
    laptop.visit(&stage.a).await?;
    laptop.shows(ELSEWHERE).await?;
    laptop.picture("signed-out-elsewhere").await?;

    laptop.sign_in(&stage.b, "ada").await?;
    laptop.picture("laptop-devices").await?;
    laptop.press("Sign out all others").await?;
    laptop.shows("Your other devices are signed out.").await?;
    laptop.visit(&stage.a).await?;
    laptop.shows("Signed in as ada").await?;
    phone.visit(&stage.a).await?;
    phone.shows(ELSEWHERE).await?;
    phone.picture("phone-signed-out").await?;

    phone.sign_in(&stage.a, "ada").await?;
    phone.press("Sign out everywhere").await?;
    phone.shows("You are signed out everywhere.").await?;
    assert!(!phone.text().await?.contains(ELSEWHERE), "it was done here");
    laptop.visit(&stage.b).await?;
    laptop.shows(ELSEWHERE).await?;
    stage.down().await
}

#[tokio::test]
async fn a_page_that_regains_focus_shows_changes_made_elsewhere() -> Result<(), Failure> {
    let stage = Stage::up().await?;
    let laptop = stage.browser(Kind::Laptop).await?;
    let phone = stage.browser(Kind::Phone).await?;
    laptop.sign_in(&stage.a, "ada").await?;
    laptop.fill("Add to the cart", "half a wor").await?;
    phone.sign_in(&stage.b, "ada").await?;

    laptop.run("document.dispatchEvent(new Event('visibilitychange'))", vec![]).await?;
    laptop.shows("Chrome on Android").await?;
    let typed = laptop.run("return document.activeElement.value", vec![]).await?;
    assert_eq!(typed, "half a wor", "what was being typed is still there");

    phone.press("Sign out all others").await?;
    phone.shows("Your other devices are signed out.").await?;
    laptop.run("document.dispatchEvent(new Event('visibilitychange'))", vec![]).await?;
    laptop.shows(ELSEWHERE).await?;
    laptop.hides("Signed in as").await?;
    stage.down().await
}
