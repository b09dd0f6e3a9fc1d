//! An application on actix-session's middleware, and a browser for it.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use actix_session::config::{CookieContentSecurity, PersistentSession, TtlExtensionPolicy};
use actix_session::{Session, SessionMiddleware};
use actix_web::body::MessageBody;
use actix_web::cookie::{Cookie, Key};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::test::{TestRequest, init_service, read_body};
use actix_web::web::{self, ServiceConfig};
use actix_web::{App, Error};
use cloakroom::compat::actix_session::Store;
use time::Duration;

/// The content of a response.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
    pub(super) cookie: Option<Cookie<'static>>,
}

impl Answer {
    pub(super) fn cookie(&self) -> Cookie<'static> {
        self.cookie.clone().expect("a cookie was set")
    }
}

/// The configuration of an application.
pub(super) struct Config {
    pub(super) content: CookieContentSecurity,
    pub(super) ttl: Duration,
    pub(super) extend: TtlExtensionPolicy,
}

async fn count(session: Session) -> Result<String, Error> {
    let count = session.get::<i32>("counter")?.unwrap_or(0) + 1;
    session.insert("counter", count)?;
    Ok(count.to_string())
}

async fn show(session: Session) -> Result<String, Error> {
    Ok(format!("{:?} {:?}", session.get::<String>("user")?, session.get::<i32>("counter")?))
}

async fn login(session: Session) -> Result<String, Error> {
    session.insert("user", "ferris")?;
    session.renew();
    show(session).await
}

async fn login_in_place(session: Session) -> Result<String, Error> {
    session.insert("user", "ferris")?;
    show(session).await
}

async fn logout(session: Session) -> &'static str {
    session.purge();
    "out"
}

/// The application's routes.
fn routes(config: &mut ServiceConfig) {
    config.route("/count", web::get().to(count)).route("/show", web::get().to(show));
    config.route("/login", web::get().to(login)).route("/login_in_place", web::get().to(login_in_place));
    config.route("/logout", web::get().to(logout)).route("/plain", web::get().to(async || "plain"));
}

type Answering = Pin<Box<dyn Future<Output = Answer>>>;

/// An application that requests can be sent to.
pub(super) struct Site(Box<dyn Fn(TestRequest) -> Answering>);

impl Site {
    /// The application, with these further routes.
    pub(super) async fn with(store: &Store, config: Config, more: impl FnOnce(&mut ServiceConfig)) -> Self {
        let lifecycle =
            PersistentSession::default().session_ttl(config.ttl).session_ttl_extension_policy(config.extend);
        let middleware = SessionMiddleware::builder(store.clone(), Key::generate())
            .cookie_content_security(config.content)
            .session_lifecycle(lifecycle)
            .build();
        let service = Rc::new(init_service(App::new().wrap(middleware).configure(routes).configure(more)).await);
        Self(Box::new(move |request| {
            let service = service.clone();
            Box::pin(async move {
                match service.call(request.to_request()).await {
                    Ok(response) => read(response).await,
                    Err(error) => {
                        Answer { status: error.error_response().status().as_u16(), body: String::new(), cookie: None }
                    }
                }
            })
        }))
    }

    pub(super) async fn get(&self, path: &str, cookie: Option<&Cookie<'static>>) -> Answer {
        let request = TestRequest::with_uri(path);
        let request = match cookie {
            Some(cookie) => request.cookie(cookie.clone()),
            None => request,
        };
        (self.0)(request).await
    }
}

async fn read(response: ServiceResponse<impl MessageBody>) -> Answer {
    let cookies: Vec<_> = response.response().cookies().map(Cookie::into_owned).collect();
    assert!(cookies.len() <= 1, "at most one cookie: {cookies:?}");
    let status = response.status().as_u16();
    let body = String::from_utf8(read_body(response).await.to_vec()).expect("text");
    Answer { status, body, cookie: cookies.into_iter().next() }
}
