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
    connections: Box<[RwLock<Option<Arc<NodeConnection>>>]>,
    turn: AtomicUsize,
    /// Late replies since the last one in time, of all connections.
    late: AtomicU32,
    connecting: Single<Result<Arc<NodeConnection>, CallError>>,
    failures: Failures,
    reconnecting: Arc<Lease>,
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
            connections: (0..connections).map(|_| RwLock::default()).collect(),
            turn: AtomicUsize::new(0),
            late: AtomicU32::new(0),
            connecting: Single::new(CONNECT_SHARED),
            failures: Failures::new(patience),
            reconnecting: Lease::new(RECONNECT_LEASE),
            me: me.clone(),
        })
    }

    pub(crate) async fn send<C: Command>(&self, budget: &Budget, call: &C) -> Result<C::Output, CallError> {
        // In turn, so that a retry uses another connection.
        let number = self.turn.fetch_add(1, Ordering::Relaxed) % self.connections.len();
        let connection = match self.open(number) {
            Some(connection) => connection,
            // Rare.
            None => boxed(self.open_new(number, budget)).await?,
        };
        let mut handle = connection.handle();
        let now = self.clock.elapsed();
        let answer = if connection.claims_check(now) {
            let answer = boxed(send_checked(&self.connector, &self.clock, call, &mut handle, budget)).await;
            if answer.is_ok() {
                connection.checked(now);
            }
            answer
        } else {
            send(call, &mut handle, budget).await
        };
        match &answer {
            Ok(_) => self.answered(&connection),
            Err(error) => self.failed(&connection, error),
        }
        answer
    }

    fn answered(&self, connection: &NodeConnection) {
        connection.answered();
        // Loaded first: a store at every reply would take the cache line from the other threads.
        if self.late.load(Ordering::Relaxed) != 0 {
            self.late.store(0, Ordering::Relaxed);
        }
    }

    fn failed(&self, connection: &NodeConnection, error: &CallError) {
        if !connection.is_open() {
            // Given up already: a late failure of it says nothing about newer connections.
            return;
        }
        if error.is_from_replica() {
            if connection.is_shown_a_replica() {
                self.give_all_up();
            }
        } else if error.is_lost() {
            let late = self.late.fetch_add(1, Ordering::Relaxed) + 1;
            if late >= TIMEOUTS {
                self.give_all_up();
            } else if error.is_broken_connection() || connection.is_late() {
                connection.give_up();
                self.reconnect();
            }
        }
    }

    /// The next calls connect again.
    pub(crate) fn give_all_up(&self) {
        for number in 0..self.connections.len() {
            if let Some(connection) = self.open(number) {
                connection.give_up();
            }
        }
        self.reconnect();
    }

    fn open(&self, number: usize) -> Option<Arc<NodeConnection>> {
        let connection = self.connections[number].read().unwrap_or_else(PoisonError::into_inner);
        connection.as_ref().filter(|connection| connection.is_open()).cloned()
    }

    fn any_open(&self) -> Option<Arc<NodeConnection>> {
        (0..self.connections.len()).find_map(|number| self.open(number))
    }

    /// The number of a connection that has ended.
    fn broken(&self) -> Option<usize> {
        self.connections.iter().position(|connection| {
            let connection = connection.read().unwrap_or_else(PoisonError::into_inner);
            connection.as_ref().is_some_and(|connection| !connection.is_open())
        })
    }

    /// Returns a new connection, or else any other open one.
    async fn open_new(&self, number: usize, budget: &Budget) -> Result<Arc<NodeConnection>, CallError> {
        let most = if self.failures.lasts() { CONNECT_IN_OUTAGE } else { CONNECTION_TIMEOUT };
        let error = match timeout(budget.left(most), self.connected(number)).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) => error,
            Err(_) => self
                .failures
                .error()
                .unwrap_or(CallError::no_connection("no connection to Redis could be made in time")),
        };
        self.any_open().ok_or_else(|| self.failures.reclassify(error))
    }

    /// After a failure a caller waits for the next attempt only if no connection is open. It fails only by an attempt
    /// that began after it came, so the first request after the server is back succeeds.
    async fn connected(&self, number: usize) -> Result<Arc<NodeConnection>, CallError> {
        let came = Instant::now();
        loop {
            if let Some(ends) = self.failures.pause_ends() {
                if let Some(connection) = self.any_open() {
                    return Ok(connection);
                }
                sleep_until(ends).await;
            }
            let connected = self.attempt(number).await;
            if connected.is_ok() || !self.failures.is_older_than(came) {
                return connected;
            }
        }
    }

    /// The attempt is a task of its own: it continues if the request that started it is cancelled.
    async fn attempt(&self, number: usize) -> Result<Arc<NodeConnection>, CallError> {
        let connect = || {
            let shared = self.me.clone();
            async move {
                match shared.upgrade() {
                    Some(shared) => shared.connect_once(number).await,
                    None => Err(CallError::no_connection("the connections to Redis are closed")),
                }
            }
        };
        let connected = self.connecting.join(connect).await;
        connected.unwrap_or_else(|| Err(CallError::no_connection("the runtime is shutting down")))
    }

    async fn connect_once(&self, number: usize) -> Result<Arc<NodeConnection>, CallError> {
        if let Some(connection) = self.open(number) {
            return Ok(connection);
        }
        let (begun, shared) = (Instant::now(), self.me.clone());
        let ended = move || {
            if let Some(shared) = shared.upgrade() {
                shared.reconnect();
            }
        };
        match self.connector.connect(&self.clock, ended).await {
            Ok(connection) => {
                let connection = Arc::new(connection);
                *self.connections[number].write().unwrap_or_else(PoisonError::into_inner) =
                    Some(Arc::clone(&connection));
                self.late.store(0, Ordering::Relaxed);
                self.failures.is_over();
                Ok(connection)
            }
            Err(error) => {
                let error = CallError::connecting(error);
                self.failures.note(begun, self.any_open().is_some(), &error);
                Err(error)
            }
        }
    }

    /// Starts a task that opens ended connections again, although no call may need them now: so an idle process also
    /// sees that another server replies, and the next request finds a connection. One task for all connections.
    fn reconnect(&self) {
        if Handle::try_current().is_ok()
            && let Some(turn) = self.reconnecting.take()
        {
            tokio::spawn(reconnect_broken(self.me.clone(), turn));
        }
    }
}

async fn reconnect_broken(shared: Weak<SharedConnections>, mut turn: Taken) {
    let mut pause = RECONNECT_PAUSE;
    loop {
        sleep(pause).await;
        let Some(shared) = shared.upgrade().filter(|_| turn.renew()) else { return };
        let Some(number) = shared.broken() else {
            drop(turn);
            if shared.broken().is_some() {
                // It broke after the check, while this task still held the lease.
                shared.reconnect();
            }
            return;
        };
        // `Failures` records a failed attempt.
        pause = if shared.attempt(number).await.is_ok() { Duration::ZERO } else { RECONNECT_RETRY };
    }
}
