//! Everything works without scripts.

use crate::Failure;
use crate::browser::Kind;
use crate::site::Site;
use crate::stage::Stage;

#[tokio::test]
async fn the_page_works_without_scripts() -> Result<(), Failure> {
    let stage = Stage::up().await?;
    let laptop = stage.browser(Kind::Scriptless).await?;
    let witness = Site::serving("<p>none</p><script>document.write('run')</script>").await?;
    laptop.visit(&witness.at("127.0.0.1")).await?;
    assert_eq!(laptop.text().await?, "none", "this browser runs no scripts");

    laptop.visit(&stage.a).await?;
    laptop.fill("Add to the cart", "hat").await?;
    laptop.press("Add").await?;
    laptop.shows("Remove").await?;
    laptop.sign_in(&stage.b, "ada").await?;
    laptop.shows("hat").await?;
    laptop.press("Remove hat").await?;
    laptop.shows("Nothing yet").await?;

    let phone = stage.browser(Kind::Phone).await?;
    phone.sign_in(&stage.b, "ada").await?;
    laptop.visit(&stage.a).await?;
    laptop.press("Sign out Chrome on Android, 127.0.0.1").await?;
    laptop.shows("That device is signed out.").await?;
    phone.visit(&stage.b).await?;
    phone.shows("You were signed out on another device").await?;

    laptop.press("Sign out").await?;
    laptop.shows("You are signed out.").await?;
    laptop.visit(&stage.b).await?;
    laptop.shows("Sign in").await?;
    stage.down().await
}
