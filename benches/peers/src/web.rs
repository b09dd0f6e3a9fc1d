//! Whole apps over HTTP: `GET /read` reads a field of the session, `GET /write` writes one, with a cookie that a first
//! `/write` set. Every app is a process of its own, this program run again.

mod actix;
mod app;
mod axum;
mod axum_session;
mod browser;
mod ruts;

use std::sync::Arc;

use app::App;
use browser::Browser;

use crate::Failure;
use crate::fixture::STORED;
use crate::plan::Plan;
use crate::round::Group;
use crate::server::Server;

/// Serves one of the apps until killed; its port is the first line of its output.
pub fn serve(app: &str, redis: &str) -> Result<(), Failure> {
    match app {
        "actix-session" => actix_rt::System::new().block_on(actix::serve(redis)),
        app => tokio::runtime::Runtime::new()?.block_on(axum::serve(app, redis)),
    }
}

/// The response of `/write` where there was no session yet; otherwise it is empty.
const FILLED: &str = "filled";

const APPS: [(&str, &str); 5] = [
    ("cloakroom, axum", "cloakroom"),
    ("axum, tower-sessions", "tower-sessions"),
    ("actix-web, actix-session", "actix-session"),
    ("axum, axum_session", "axum_session"),
    ("axum, ruts", "ruts"),
];

pub async fn groups(server: &Server, plan: &Plan) -> Result<Vec<Group>, Failure> {
    let [mut read, mut write] = ["/read", "/write"].map(|path| Group::new(&format!("GET {path} over HTTP")));
    if !plan.wants(&read.name) && !plan.wants(&write.name) {
        return Ok(Vec::new());
    }
    for (name, app) in APPS.into_iter().filter(|(_, app)| *app != "ruts" || server.expires_fields) {
        let app = App::start(app, &server.url).await?;
        let process = app.process;
        let browser = Arc::new(Browser::new(app, plan.tasks).await?);
        let reader = Arc::clone(&browser);
        read = read.with_client(name, process, move |number| {
            let browser = Arc::clone(&reader);
            async move { browser.get("/read", number % STORED).await }
        });
        write = write.with_client(name, process, move |number| {
            let browser = Arc::clone(&browser);
            async move { browser.get("/write", number % STORED).await }
        });
    }
    Ok(vec![read, write])
}
