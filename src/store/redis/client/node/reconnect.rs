//! The connections to one server that requests share.
//!
//! What one connection shows holds for all: the server is silent, is back, is not a master any more.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::store::redis::client::budget::{
    Budget, CONNECT_IN_OUTAGE, CONNECT_SHARED, CONNECTION_TIMEOUT, RECONNECT_LEASE, RECONNECT_PAUSE, RECONNECT_RETRY,
};
use crate::store::redis::client::call_error::CallError;
use crate::store::redis::client::command::{Command, send, send_checked};
use crate::store::redis::client::node::clock::ServerClock;
use crate::store::redis::client::node::connection::{Connector, NodeConnection, TIMEOUTS};
use crate::store::redis::client::node::failures::Failures;
use crate::store::redis::client::shared_attempt::Single;
use crate::store::redis::client::single_task::{Lease, Taken};
use crate::util::boxed::boxed;

/// The shared connections of one node. The caller that finds one broken opens a new one; all others wait for that
/// attempt.
pub(crate) struct SharedConnections {
    connector: Connector,
    clock: Arc<ServerClock>,
    /// Std locks: held for a clone or a store, never across an `.await`.
    links: Box<[RwLock<Option<Arc<NodeConnection>>>]>,
    turn: AtomicUsize,
    /// Late replies since the last one in time, of all connections.
    late: AtomicU32,
    dialing: Single<Result<Arc<NodeConnection>, CallError>>,
    failures: Failures,
    mending: Arc<Lease>,
    me: Weak<Self>,
}

impl SharedConnections {
    pub(crate) fn new(
        connector: Connector,
        clock: Arc<ServerClock>,
        connections: usize,
        patience: Duration,
    ) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            connector,
            clock,
            links: (0..connections).map(|_| RwLock::default()).collect(),
            turn: AtomicUsize::new(0),
            late: AtomicU32::new(0),
            dialing: Single::new(CONNECT_SHARED),
            failures: Failures::new(patience),
            mending: Lease::new(RECONNECT_LEASE),
            me: me.clone(),
        })
    }

    pub(crate) async fn send<C: Command>(&self, budget: &Budget, call: &C) -> Result<C::Output, CallError> {
        // In turn, so that a retry uses another connection.
        let number = self.turn.fetch_add(1, Ordering::Relaxed) % self.links.len();
        let link = match self.whole(number) {
            Some(link) => link,
            // Rare.
            None => boxed(self.new_link(number, budget)).await?,
        };
        let mut connection = link.connection();
        let now = self.clock.elapsed();
        let answer = if link.claims_check(now) {
            let answer = boxed(send_checked(&self.connector, &self.clock, call, &mut connection, budget)).await;
            if answer.is_ok() {
                link.checked(now);
            }
            answer
        } else {
            send(call, &mut connection, budget).await
        };
        match &answer {
            Ok(_) => self.answered(&link),
            Err(fault) => self.failed(&link, fault),
        }
        answer
    }

    fn answered(&self, link: &NodeConnection) {
        link.answered();
        // Loaded first: a store at every reply would take the cache line from the other threads.
        if self.late.load(Ordering::Relaxed) != 0 {
            self.late.store(0, Ordering::Relaxed);
        }
    }

    fn failed(&self, link: &NodeConnection, fault: &CallError) {
        if !link.is_whole() {
            // Given up already: a late failure of it says nothing about newer connections.
            return;
        }
        if fault.is_from_replica() {
            if link.is_shown_a_replica() {
                self.give_all_up();
            }
        } else if fault.is_lost() {
            let late = self.late.fetch_add(1, Ordering::Relaxed) + 1;
            if late >= TIMEOUTS {
                self.give_all_up();
            } else if fault.is_broken_connection() || link.is_late() {
                link.give_up();
                self.mend();
            }
        }
    }

    /// The next calls connect again.
    pub(crate) fn give_all_up(&self) {
        for number in 0..self.links.len() {
            if let Some(link) = self.whole(number) {
                link.give_up();
            }
        }
        self.mend();
    }

    fn whole(&self, number: usize) -> Option<Arc<NodeConnection>> {
        let link = self.links[number].read().unwrap_or_else(PoisonError::into_inner);
        link.as_ref().filter(|link| link.is_whole()).cloned()
    }

    fn any_whole(&self) -> Option<Arc<NodeConnection>> {
        (0..self.links.len()).find_map(|number| self.whole(number))
    }

    /// The number of a connection that has ended.
    fn broken(&self) -> Option<usize> {
        self.links.iter().position(|link| {
            let link = link.read().unwrap_or_else(PoisonError::into_inner);
            link.as_ref().is_some_and(|link| !link.is_whole())
        })
    }

    /// Returns a new connection, or else any other open one.
    async fn new_link(&self, number: usize, budget: &Budget) -> Result<Arc<NodeConnection>, CallError> {
        let most = if self.failures.lasts() { CONNECT_IN_OUTAGE } else { CONNECTION_TIMEOUT };
        let fault = match timeout(budget.left(most), self.dialed(number)).await {
            Ok(Ok(link)) => return Ok(link),
            Ok(Err(fault)) => fault,
            Err(_) => self
                .failures
                .fault()
                .unwrap_or(CallError::no_connection("no connection to Redis could be made in time")),
        };
        self.any_whole().ok_or_else(|| self.failures.weighed(fault))
    }

    /// After a failure a caller waits for the next attempt only if no connection is open. It fails only by an attempt
    /// that began after it came, so the first request after the server is back succeeds.
    async fn dialed(&self, number: usize) -> Result<Arc<NodeConnection>, CallError> {
        let came = Instant::now();
        loop {
            if let Some(ends) = self.failures.pause_ends() {
                if let Some(link) = self.any_whole() {
                    return Ok(link);
                }
                sleep_until(ends).await;
            }
            let dialed = self.attempt(number).await;
            if dialed.is_ok() || !self.failures.is_older_than(came) {
                return dialed;
            }
        }
    }

    /// The attempt is a task of its own: it continues if the request that started it is cancelled.
    async fn attempt(&self, number: usize) -> Result<Arc<NodeConnection>, CallError> {
        let dial = || {
            let shared = self.me.clone();
            async move {
                match shared.upgrade() {
                    Some(shared) => shared.dial_once(number).await,
                    None => Err(CallError::no_connection("the connections to Redis are closed")),
                }
            }
        };
        let dialed = self.dialing.join(dial).await;
        dialed.unwrap_or_else(|| Err(CallError::no_connection("the runtime is shutting down")))
    }

    async fn dial_once(&self, number: usize) -> Result<Arc<NodeConnection>, CallError> {
        if let Some(link) = self.whole(number) {
            return Ok(link);
        }
        let (begun, shared) = (Instant::now(), self.me.clone());
        let ended = move || {
            if let Some(shared) = shared.upgrade() {
                shared.mend();
            }
        };
        match self.connector.link(&self.clock, ended).await {
            Ok(link) => {
                let link = Arc::new(link);
                *self.links[number].write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&link));
                self.late.store(0, Ordering::Relaxed);
                self.failures.is_over();
                Ok(link)
            }
            Err(error) => {
                let fault = CallError::connecting(error);
                self.failures.note(begun, self.any_whole().is_some(), &fault);
                Err(fault)
            }
        }
    }

    /// Starts a task that opens ended connections again, although no call may need them now: so an idle process also
    /// sees that another server replies, and the next request finds a connection. One task for all connections.
    fn mend(&self) {
        if Handle::try_current().is_ok()
            && let Some(turn) = self.mending.take()
        {
            tokio::spawn(mend(self.me.clone(), turn));
        }
    }
}

async fn mend(shared: Weak<SharedConnections>, mut turn: Taken) {
    let mut pause = RECONNECT_PAUSE;
    loop {
        sleep(pause).await;
        let Some(shared) = shared.upgrade().filter(|_| turn.renew()) else { return };
        let Some(number) = shared.broken() else {
            drop(turn);
            if shared.broken().is_some() {
                // It broke after the check, while this task still held the lease.
                shared.mend();
            }
            return;
        };
        // `Failures` records a failed attempt.
        pause = if shared.attempt(number).await.is_ok() { Duration::ZERO } else { RECONNECT_RETRY };
    }
}
