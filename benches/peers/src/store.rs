//! The stores alone, called from many tasks.

pub mod actix;
pub mod axum_session;
mod cloakroom;
pub mod ruts;
pub mod tower;

use std::sync::Arc;

use crate::Failure;
use crate::fixture::{LARGE, STORED};
use crate::plan::Plan;
use crate::round::Group;
use crate::server::Server;

/// The number of connections of each store that shares some; actix-session's ConnectionManager has one.
const CONNECTIONS: usize = 2;

pub async fn groups(server: &Server, _: &Plan) -> Result<Vec<Group>, Failure> {
    let ours = Arc::new(cloakroom::Ours::new(server).await?);
    let tower = Arc::new(tower::Tower::new(server).await?);
    let manager = Arc::new(actix::Actix::with_manager(server).await?);
    let pool = Arc::new(actix::Actix::with_pool(server).await?);
    let axum_session = Arc::new(axum_session::AxumSession::new(server).await?);
    let plain = Arc::new(Plain::new(server, ours.bytes_of_small(server).await?).await?);

    let mut sliding = Group::new("a request that reads, sliding expiry");
    let mut save = Group::new("a request that writes one field of 2 KiB");
    let mut login = Group::new("a login of a guest");
    macro_rules! add {
        ($group:ident, $name:literal, $who:ident.$what:ident) => {{
            let who = Arc::clone(&$who);
            $group = $group.with($name, move |number| {
                let who = Arc::clone(&who);
                async move { who.$what(number).await }
            });
        }};
    }
    add!(sliding, "bare GET of the same bytes", plain.get);
    add!(sliding, "cloakroom", ours.sliding);
    add!(sliding, "actix-session, ConnectionManager", manager.sliding);
    add!(sliding, "tower-sessions, fred", tower.sliding);
    add!(sliding, "actix-session, deadpool", pool.sliding);
    add!(sliding, "axum_session, redispool", axum_session.sliding);
    add!(save, "cloakroom", ours.save);
    add!(save, "actix-session, ConnectionManager", manager.save);
    add!(save, "tower-sessions, fred", tower.save);
    add!(save, "actix-session, deadpool", pool.save);
    add!(save, "axum_session, redispool", axum_session.save);
    add!(login, "cloakroom, index and cap", ours.login);
    add!(login, "actix-session, ConnectionManager", manager.login);
    add!(login, "tower-sessions, fred", tower.login);
    add!(login, "actix-session, deadpool", pool.login);
    add!(login, "axum_session, redispool", axum_session.login);
    if server.expires_fields {
        let each = Arc::new(ruts::fields::Each::new(server).await?);
        let whole = Arc::new(ruts::map::Whole::new(server).await?);
        add!(sliding, "ruts, fred, a field each", each.sliding);
        add!(sliding, "ruts, fred, one field", whole.sliding);
        add!(save, "ruts, fred, a field each", each.save);
        add!(save, "ruts, fred, one field", whole.save);
        add!(login, "ruts, fred, a field each", each.login);
        add!(login, "ruts, fred, one field", whole.login);
    }
    Ok(vec![sliding, save, login])
}

/// Bare strings, of the same number and size.
struct Plain {
    connections: Vec<redis::aio::MultiplexedConnection>,
}

impl Plain {
    async fn new(server: &Server, bytes: usize) -> Result<Self, Failure> {
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(server.connection().await?);
        }
        for number in 0..STORED {
            let value = vec![b'x'; bytes];
            redis::cmd("SET").arg(format!("plain:{number}")).arg(value).exec_async(&mut connections[0]).await?;
        }
        Ok(Self { connections })
    }

    async fn get(&self, number: usize) -> Result<(), Failure> {
        let mut connection = self.connections[number % CONNECTIONS].clone();
        let key = format!("plain:{}", number % STORED);
        let value: Vec<u8> = redis::cmd("GET").arg(key).query_async(&mut connection).await?;
        std::hint::black_box(value);
        Ok(())
    }
}

fn large_value(number: usize) -> (String, String) {
    (format!("field{}", number % LARGE.fields), LARGE.value(number))
}
