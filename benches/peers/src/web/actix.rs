//! The same two handlers on actix-session, over its `ConnectionManager`, with a session that slides at every request.

use actix_session::config::{PersistentSession, TtlExtensionPolicy};
use actix_session::{Session, SessionMiddleware};
use actix_web::cookie::{Key, time::Duration};
use actix_web::{App, Error, HttpServer, web};

use super::FILLED;
use crate::Failure;
use crate::fixture::SMALL;

pub async fn serve(redis: &str) -> Result<(), Failure> {
    let store = crate::store::actix::with_manager(redis).await?;
    let key = Key::generate();
    let server = HttpServer::new(move || {
        let slides = PersistentSession::default()
            .session_ttl(Duration::minutes(30))
            .session_ttl_extension_policy(TtlExtensionPolicy::OnEveryRequest);
        let layer = SessionMiddleware::builder(store.clone(), key.clone()).session_lifecycle(slides).build();
        App::new().wrap(layer).route("/read", web::get().to(read)).route("/write", web::get().to(write))
    });
    // Connections rest while the others have their turn.
    let rest = std::time::Duration::from_secs(3600);
    let server = server.keep_alive(rest).client_request_timeout(rest).bind(("127.0.0.1", 0))?;
    println!("{}", server.addrs()[0].port());
    Ok(server.run().await?)
}

async fn read(session: Session) -> Result<String, Error> {
    Ok(session.get::<String>("field0")?.unwrap_or_default())
}

async fn write(session: Session) -> Result<&'static str, Error> {
    let blank = session.entries().is_empty();
    if blank {
        for (name, value) in SMALL.content() {
            session.insert(name, value)?;
        }
    }
    session.insert("field0", SMALL.value(fastrand::usize(..)))?;
    Ok(if blank { FILLED } else { "" })
}
