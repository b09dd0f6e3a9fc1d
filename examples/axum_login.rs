//! How does an application on axum-login store its sessions here? `cargo run --example axum_login`, then
//! `curl -c jar -d '{"user":"ada","password":"lovelace"}' -H 'content-type: application/json' localhost:3000/login` and
//! `curl -b jar localhost:3000/devices`. With `-X POST`, `/everywhere` signs out all devices.

use std::convert::Infallible;

use axum::extract::{Json, State};
use axum::http::StatusCode;
use axum::{Router, routing::get, routing::post};
use axum_login::tower_sessions::SessionManagerLayer;
use axum_login::{AuthManagerLayerBuilder, AuthSession, AuthUser, AuthnBackend, login_required};
use cloakroom::{Sessions, compat::tower_sessions::Store};

#[derive(Debug, Clone)]
struct Ada;

impl AuthUser for Ada {
    type Id = String;

    fn id(&self) -> String {
        "ada".to_owned()
    }

    fn session_auth_hash(&self) -> &[u8] {
        b"changes with the password"
    }
}

#[derive(Debug, Clone)]
struct OnlyAda;

#[derive(Debug, Clone, serde::Deserialize)]
struct Credentials {
    user: String,
    password: String,
}

impl AuthnBackend for OnlyAda {
    type User = Ada;
    type Credentials = Credentials;
    type Error = Infallible;

    async fn authenticate(&self, given: Credentials) -> Result<Option<Ada>, Infallible> {
        Ok((given.user == "ada" && given.password == "lovelace").then_some(Ada))
    }

    async fn get_user(&self, id: &String) -> Result<Option<Ada>, Infallible> {
        Ok((id == "ada").then_some(Ada))
    }
}

type Auth = AuthSession<OnlyAda>;

async fn login(mut auth: Auth, Json(given): Json<Credentials>) -> Result<&'static str, StatusCode> {
    let away = |_| StatusCode::SERVICE_UNAVAILABLE;
    let user = auth.authenticate(given).await.map_err(away)?.ok_or(StatusCode::UNAUTHORIZED)?;
    auth.login(&user).await.map_err(away)?;
    Ok("welcome\n")
}

async fn logout(mut auth: Auth) -> Result<&'static str, StatusCode> {
    auth.logout().await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok("goodbye\n")
}

/// Not possible with axum-login alone: the user's other logins.
async fn devices(State(sessions): State<Sessions>) -> Result<String, StatusCode> {
    let count = sessions.user("ada").count().await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(format!("{count} devices\n"))
}

async fn everywhere(State(sessions): State<Sessions>) -> Result<String, StatusCode> {
    let revoked = sessions.revoke_user("ada").await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(format!("{} devices signed out\n", revoked.ended))
}

/// The whole application.
pub(crate) fn app(sessions: Sessions) -> Router {
    // The one line that changes: the store. `String` is the type of the users' ids.
    let store = Store::new(sessions.clone()).axum_login::<String>();
    let auth = AuthManagerLayerBuilder::new(OnlyAda, SessionManagerLayer::new(store)).build();
    let members = Router::new().route("/devices", get(devices)).route("/everywhere", post(everywhere));
    let members = members.route_layer(login_required!(OnlyAda));
    let routes = members.route("/login", post(login)).route("/logout", post(logout));
    routes.layer(auth).with_state(sessions)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sessions = Sessions::builder("memory:").namespace("members").connect().await?;
    Ok(axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app(sessions)).await?)
}
