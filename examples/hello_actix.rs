//! What is the smallest program in actix-web? `cargo run --example hello_actix`, then open <http://localhost:3000> twice.

use actix_web::{App, HttpServer, web};
use cloakroom::{Error, Session, SessionLayer, Sessions};

async fn hits(session: Session) -> Result<String, Error> {
    Ok(format!("visit number {}\n", session.increment("hits", 1).await?))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sessions = Sessions::builder("memory:").namespace("hello").connect().await?;
    let layer = SessionLayer::new(sessions); // made once: all workers share its sessions
    let server = HttpServer::new(move || App::new().wrap(layer.clone()).route("/", web::get().to(hits)));
    Ok(server.bind("127.0.0.1:3000")?.run().await?)
}
