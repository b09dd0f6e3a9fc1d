//! The client that a request comes from.

use cloakroom::{ClientBinding, Login, Session, SessionLayer, TrustedProxies};

use super::framework::App;
use super::visitor::{Request, Visitor, stage};

async fn seen(agent: Option<&[u8]>, address: Option<&str>) -> String {
    let stage = stage().await;
    let app = App::of(&stage.sessions, |session: Session| async move {
        format!("{:?} {:?}", session.client().known_address(), session.client().known_user_agent())
    });
    let request = agent.into_iter().fold(Request::get("/"), |request, agent| request.header("user-agent", agent));
    let request = address.into_iter().fold(request, |request, peer| request.from(peer.parse().expect("an address")));
    app.send(request).await.body
}

#[tokio::test]
async fn a_session_has_the_connections_address_and_the_user_agent() {
    assert_eq!(seen(Some(b"curl/8"), Some("192.0.2.7:1234")).await, "Some(192.0.2.7) Some(\"curl/8\")");
    assert_eq!(seen(Some(b"\xff"), Some("[::ffff:192.0.2.7]:1")).await, "Some(192.0.2.7) Some(\"\u{fffd}\")");
    assert_eq!(seen(None, None).await, "None None");
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_address_is_the_one_it_added() {
    let stage = stage().await;
    let proxies = TrustedProxies::new(["10.0.0.0/8", "::1"]).expect("networks");
    let layer = SessionLayer::new(stage.sessions.clone());
    let seen = |session: Session| async move { format!("{:?}", session.client().known_address()) };
    for (layer, from, header, expected) in [
        (layer.clone(), "10.0.0.1:1", "x-forwarded-for", "10.0.0.1"),
        (layer.clone().trusted_proxies(proxies.clone()), "10.0.0.1:1", "x-forwarded-for", "198.51.100.1"),
        (layer.clone().trusted_proxies(proxies.clone()), "203.0.113.9:1", "x-forwarded-for", "203.0.113.9"),
        (layer.clone().trusted_proxies(proxies.clone()), "10.0.0.1:1", "forwarded", "10.0.0.1"),
        (layer.trusted_proxies(proxies.forwarded()), "10.0.0.1:1", "forwarded", "198.51.100.1"),
    ] {
        let app = App::default().fallback(seen).layer(layer);
        let written =
            if header == "forwarded" { "for=192.0.2.66, for=198.51.100.1" } else { "192.0.2.66, 198.51.100.1" };
        let request = Request::get("/").from(from.parse().expect("an address")).header(header, written);
        assert_eq!(app.send(request).await.body, format!("Some({expected})"), "{from} {header}");
    }
}

#[tokio::test]
async fn from_another_address_a_bound_session_is_unknown_and_keeps_its_cookie() {
    let stage = super::stage(|builder| builder.client_binding(ClientBinding::reject().prefixes(24, 64))).await;
    let app = App::of(&stage.sessions, |session: Session| async move {
        let found = format!("{:?} {:?} {}", session.user(), session.ended(), session.address_changed());
        if session.is_guest() && session.client().known_user_agent() == Some("login") {
            session.login(Login::new("ada")).await.map(|_| found)
        } else {
            Ok(found)
        }
    });
    let from = |address: &str| Request::get("/").from(format!("{address}:1").parse().expect("an address"));
    let token = app.send(from("192.0.2.1").header("user-agent", "login")).await.token().expect("a login");
    let held = format!("__Host-id={token}");
    for (address, expected) in [("192.0.2.200", "Some(\"ada\") None false"), ("192.0.3.1", "None None false")] {
        let answer = app.send(from(address).header("cookie", &held)).await;
        assert_eq!((answer.body.as_str(), answer.set_cookie()), (expected, None), "{address}");
    }
    let answer = Visitor::of(&app).get("/").await;
    assert_eq!(answer.body, "None None false");
}
