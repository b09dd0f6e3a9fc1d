//! Requests that another site's page sends in the visitor's name.

use crate::Failure;
use crate::browser::{Browser, Kind};
use crate::site::Site;
use crate::stage::Stage;

const REFUSED: &str = "the request came from another site";

/// A page that sends this form to the app.
async fn attack(stage: &Stage, path: &str, fields: &str) -> Result<Site, Failure> {
    let server = &stage.a;
    let form = format!(r#"<form method="post" action="{server}{path}"><input name="csrf">{fields}"#);
    Site::serving(&format!("<!doctype html><title>Prizes</title>{form}<button>Win</button></form>")).await
}

async fn fall_for(victim: &Browser, page: &str) -> Result<(), Failure> {
    victim.visit(page).await?;
    victim.press("Win").await?;
    victim.shows(REFUSED).await
}

#[tokio::test]
async fn no_other_site_signs_a_visitor_in() -> Result<(), Failure> {
    let stage = Stage::up().await?;
    let victim = stage.browser(Kind::Laptop).await?;
    let site = attack(&stage, "/sign-in", r#"<input name="name" value="mallory">"#).await?;
    for host in ["localhost", "127.0.0.1"] {
        fall_for(&victim, &site.at(host)).await?;
        victim.visit(&stage.a).await?;
        victim.shows("Sign in").await?;
        assert!(victim.cookies().await?.is_empty(), "from {host}");
    }
    stage.down().await
}

#[tokio::test]
async fn no_other_site_or_port_signs_a_visitor_out() -> Result<(), Failure> {
    let stage = Stage::up().await?;
    let victim = stage.browser(Kind::Laptop).await?;
    victim.sign_in(&stage.a, "ada").await?;
    for path in ["/sign-out", "/devices/end-all"] {
        let site = attack(&stage, path, "").await?;
        for host in ["localhost", "127.0.0.1"] {
            fall_for(&victim, &site.at(host)).await?;
            victim.visit(&stage.a).await?;
            victim.shows("Signed in as ada").await?;
        }
    }
    stage.down().await
}

#[tokio::test]
async fn a_link_from_another_site_opens_the_page_signed_in() -> Result<(), Failure> {
    let stage = Stage::up().await?;
    let laptop = stage.browser(Kind::Laptop).await?;
    laptop.sign_in(&stage.a, "ada").await?;
    let site = Site::serving(&format!(r#"<form action="{}"><button>There</button></form>"#, stage.b)).await?;
    laptop.visit(&site.at("localhost")).await?;
    laptop.press("There").await?;
    laptop.shows("Signed in as ada").await?;
    stage.down().await
}

#[tokio::test]
async fn no_other_site_shows_the_page_in_a_frame() -> Result<(), Failure> {
    let stage = Stage::up().await?;
    let laptop = stage.browser(Kind::Laptop).await?;
    let site = Site::serving(&format!(r#"<p>Look</p><iframe src="{}"></iframe>"#, stage.a)).await?;
    laptop.visit(&site.at("127.0.0.1")).await?;
    laptop.shows("Look").await?;
    // A frame that was refused is the browser's own error page, with an opaque origin.
    let framed = laptop.framed_text().await?;
    assert!(!framed.contains("Cloakroom"), "{framed}");
    stage.down().await
}
