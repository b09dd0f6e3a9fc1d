//! When Redis is away, no page looks as if its visitor were signed out.

use crate::Failure;
use crate::browser::Kind;
use crate::stage::Stage;

#[tokio::test]
async fn in_an_outage_the_page_stays_with_a_notice() -> Result<(), Failure> {
    let mut stage = Stage::up().await?;
    let laptop = stage.browser(Kind::Laptop).await?;
    laptop.sign_in(&stage.a, "ada").await?;
    stage.lose_redis().await?;
    laptop.run("document.dispatchEvent(new Event('visibilitychange'))", vec![]).await?;
    laptop.fill("Add to the cart", "hat").await?;
    laptop.press("Add").await?;
    laptop.shows("You are not signed out: please try again soon.").await?;
    laptop.shows("Signed in as ada").await?;
    assert_eq!(laptop.cookies().await?.len(), 1, "the cookie stays too");
    laptop.visit(&stage.a).await?;
    laptop.shows("You are not signed out: please try again soon.").await?;
    laptop.picture("outage").await?;
    assert_eq!(laptop.cookies().await?.len(), 1);
    stage.down().await
}
