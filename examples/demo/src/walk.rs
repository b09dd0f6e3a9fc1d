//! The story: the visitor's actions, and the response that each server must give.

use std::time::Duration;

use serde_json::{Value, json};

use super::Failure;
use super::tour::Tour;
use super::visitor::Visitor;

/// Fails at the first response that is not as promised.
pub(crate) async fn walk(tour: &mut Tour) -> Result<(), Failure> {
    let (mut laptop, mut phone) = (Visitor::new("laptop"), Visitor::new("phone"));
    fill_cart(tour, &mut laptop).await?;
    log_in(tour, &mut laptop).await?;
    second_device(tour, &mut phone).await?;
    let mut stale = laptop.copied_by("copy");
    sign_out_everywhere(tour, &mut laptop, &phone).await?;
    refused(tour, &mut stale, &mut phone).await?;
    begin_anew(tour, &mut laptop).await
}

async fn fill_cart(tour: &mut Tour, laptop: &mut Visitor) -> Result<(), Failure> {
    tour.tell("A guest only looks: nothing is stored, no cookie is set.");
    tour.get(1, laptop, "/api/session").await?.status(200)?.has("/id", Value::Null)?;
    demand(laptop.cookie().is_none(), "a visitor who only looks should get no cookie")?;
    tour.tell("The guest fills a cart on server 1; server 2 has it.");
    tour.put(1, laptop, "/api/fields/cart", json!(["hat", "coat"])).await?.status(204)?;
    demand(laptop.cookie().is_some(), "the first write should set a cookie")?;
    let session = tour.get(2, laptop, "/api/session").await?.status(200)?;
    session.has("/user", Value::Null)?.has("/fields/cart", json!(["hat", "coat"]))?;
    Ok(())
}

async fn log_in(tour: &mut Tour, laptop: &mut Visitor) -> Result<(), Failure> {
    tour.tell("Login on server 2: a new id and token. The old token is worth nothing, the cart is still there on 3.");
    let mut before = laptop.copied_by("copy");
    let id = tour.post(2, laptop, "/api/login", json!({ "user": "ada" })).await?.status(200)?.text("/id")?;
    demand(laptop.cookie() != before.cookie(), "a login should change the token")?;
    let session = tour.get(3, laptop, "/api/session").await?.status(200)?;
    session.has("/id", id)?.has("/user", "ada")?.has("/fields/cart", json!(["hat", "coat"]))?;
    let old = tour.get(3, &mut before, "/api/session").await?.status(200)?;
    old.has("/id", Value::Null)?.has("/fields", json!({}))?.has("/ended", "logged_in")?;
    tour.tell("A counter, one request to each server: no increment is lost.");
    for (server, value) in [(1, 1), (2, 2), (3, 3)] {
        tour.post(server, laptop, "/api/counter/visits", None).await?.status(200)?.has("/value", value)?;
    }
    Ok(())
}

async fn second_device(tour: &mut Tour, phone: &mut Visitor) -> Result<(), Failure> {
    tour.tell("The phone logs in on server 3; server 1 lists both devices.");
    let id = tour.post(3, phone, "/api/login", json!({ "user": "ada" })).await?.status(200)?.text("/id")?;
    let devices = tour.get(1, phone, "/api/sessions").await?.status(200)?;
    demand(devices.body.as_array().is_some_and(|list| list.len() == 2), "there should be two devices")?;
    let devices = devices.has("/0/user_agent", "laptop")?.has("/0/current", false)?;
    devices.has("/1/user_agent", "phone")?.has("/1/current", true)?.has("/1/id", id)?;
    Ok(())
}

async fn sign_out_everywhere(tour: &mut Tour, laptop: &mut Visitor, phone: &Visitor) -> Result<(), Failure> {
    tour.tell("Sign out everywhere, on server 1, while a slow request of the phone is under way on server 3:");
    let late = json!({ "ms": 300, "field": "late", "value": 1 });
    let late = tour.begin_post(3, phone, "/api/slow", late);
    tokio::time::sleep(Duration::from_millis(150)).await;
    tour.post(1, laptop, "/api/logout-everywhere", None).await?.status(200)?.has("/revoked", 2)?;
    demand(laptop.cookie().is_none(), "signing out should remove the cookie")?;
    tour.tell("It does not bring the session back:");
    tour.hear(late).await?.status(200)?.has("/saved", false)?.has("/reason", "revoked")?;
    Ok(())
}

async fn refused(tour: &mut Tour, stale: &mut Visitor, phone: &mut Visitor) -> Result<(), Failure> {
    tour.tell("Refused on every server, with the reason; also for whoever kept a copy of the laptop's cookie.");
    for server in [1, 2, 3] {
        let mut copy = stale.clone();
        tour.get(server, &mut copy, "/api/sessions").await?.status(401)?.has("/ended", "revoked")?;
    }
    for server in [2, 3] {
        let mut phone = phone.clone();
        tour.get(server, &mut phone, "/api/sessions").await?.status(401)?.has("/ended", "revoked")?;
    }
    let session = tour.get(2, phone, "/api/session").await?.status(200)?;
    session.has("/user", Value::Null)?.has("/fields", json!({}))?.has("/ended", "revoked")?;
    demand(phone.cookie().is_none(), "the cookie of a session that has ended should be removed")
}

async fn begin_anew(tour: &mut Tour, laptop: &mut Visitor) -> Result<(), Failure> {
    tour.tell("And a new login works at once.");
    tour.post(3, laptop, "/api/login", json!({ "user": "ada" })).await?.status(200)?;
    let devices = tour.get(1, laptop, "/api/sessions").await?.status(200)?.has("/0/current", true)?;
    demand(devices.body.as_array().is_some_and(|list| list.len() == 1), "there should be one device")
}

fn demand(fine: bool, otherwise: &str) -> Result<(), Failure> {
    if fine { Ok(()) } else { Err(otherwise.into()) }
}
