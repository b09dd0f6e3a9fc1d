//! What is the smallest program? `cargo run --example hello`, then open <http://localhost:3000> twice.

use axum::{Router, routing::get};
use cloakroom::{Error, Session, SessionLayer, Sessions};

async fn hits(session: Session) -> Result<String, Error> {
    Ok(format!("visit number {}\n", session.increment("hits", 1).await?))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sessions = Sessions::builder("memory:").namespace("hello").connect().await?;
    let app = Router::new().route("/", get(hits)).layer(SessionLayer::new(sessions));
    Ok(axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await?)
}
