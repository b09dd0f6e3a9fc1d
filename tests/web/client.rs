//! Who a request comes from.

use cloakroom::Session;

use super::framework::App;
use super::visitor::{Request, stage};

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
async fn a_session_knows_the_connections_address_and_the_user_agent() {
    assert_eq!(seen(Some(b"curl/8"), Some("192.0.2.7:1234")).await, "Some(192.0.2.7) Some(\"curl/8\")");
    assert_eq!(seen(Some(b"\xff"), Some("[::ffff:192.0.2.7]:1")).await, "Some(192.0.2.7) Some(\"\u{fffd}\")");
    assert_eq!(seen(None, None).await, "None None");
}
