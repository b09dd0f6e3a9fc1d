//! Several app servers with users who are always busy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cloakroom::{ClientInfo, Error, Login, LoginOutcome, Sessions};
use tokio::task::JoinSet;

use super::book::Book;
use super::tally::Tally;

/// Users whose calls each stay in one slot.
const USERS: usize = 12;
/// Visitors who log in, from a guest's slot to the user's.
const VISITORS: usize = 4;
const PAUSE: Duration = Duration::from_millis(4);

pub(super) struct Load {
    pub(super) tally: Arc<Tally>,
    servers: Arc<[Sessions]>,
    stop: Arc<AtomicBool>,
    users: JoinSet<Book>,
    visitors: JoinSet<()>,
}

impl Load {
    /// Runs until stopped.
    pub(super) fn start(servers: Vec<Sessions>) -> Self {
        let servers: Arc<[Sessions]> = servers.into();
        let (tally, stop) = (Arc::new(Tally::default()), Arc::new(AtomicBool::new(false)));
        let (mut users, mut visitors) = (JoinSet::new(), JoinSet::new());
        for number in 0..USERS {
            users.spawn(use_it(format!("user {number}"), servers.clone(), tally.clone(), stop.clone()));
        }
        for number in 0..VISITORS {
            visitors.spawn(visit(format!("visitor {number}"), servers.clone(), tally.clone(), stop.clone()));
        }
        Self { tally, servers, stop, users, visitors }
    }

    /// Stops, and checks everything once more.
    pub(super) async fn stop(self) -> Arc<Tally> {
        self.stop.store(true, Ordering::Relaxed);
        self.visitors.join_all().await;
        for mut book in self.users.join_all().await {
            let mut audited = book.audit(&self.servers[0], &self.tally).await;
            for _ in 0..5 {
                if audited.is_ok() {
                    break;
                }
                audited = book.audit(&self.servers[0], &self.tally).await;
            }
            audited.expect("the servers are well again");
        }
        self.tally
    }
}

async fn use_it(user: String, servers: Arc<[Sessions]>, tally: Arc<Tally>, stop: Arc<AtomicBool>) -> Book {
    let mut book = Book::new(user.clone());
    while !stop.load(Ordering::Relaxed) {
        let outcome = book.act(&servers[fastrand::usize(..servers.len())], &tally).await;
        tally.note(&user, outcome);
        tokio::time::sleep(PAUSE).await;
    }
    book
}

async fn visit(user: String, servers: Arc<[Sessions]>, tally: Arc<Tally>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let outcome = one_visit(&user, &servers[fastrand::usize(..servers.len())], &tally).await;
        tally.note(&user, outcome);
        tokio::time::sleep(PAUSE).await;
    }
}

/// A guest fills a cart, logs in with it, and leaves.
async fn one_visit(user: &str, sessions: &Sessions, tally: &Tally) -> Result<(), Error> {
    let session = sessions.open(None, ClientInfo::new()).await?;
    session.insert("cart", &7)?;
    session.save().await?.into_result()?;
    let old = crate::common::token(&session);
    match session.login(Login::new(user).keep(["cart"])).await? {
        LoginOutcome::As(_) => {}
        refused => {
            tally.undone(format!("{user}: a guest could not log in: {refused:?}"));
            return Ok(());
        }
    }
    if sessions.open(Some(&old), ClientInfo::new()).await?.id().is_some() {
        tally.undone(format!("{user}: the guest's token opens a session after the login"));
    }
    let again = sessions.open(Some(&crate::common::token(&session)), ClientInfo::new()).await?;
    match (again.user().as_deref() == Some(user), again.get("cart").ok().flatten()) {
        (true, Some(7)) => {}
        (live, cart) => tally.undone(format!("{user}: after the login: live: {live}, cart: {cart:?}")),
    }
    let _ = again.logout().await?;
    Ok(())
}
