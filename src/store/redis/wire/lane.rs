//! A connection that is made again when it breaks.

use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::budget::Budget;
use super::call::{Call, send};
use super::clock::ServerClock;
use super::fault::Fault;
use super::link::{CONNECT, Dial, Link};
use crate::erased::erased;

/// The first pause after a failed attempt to connect, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// One of the shared connections. Whoever finds it broken makes it anew; all others wait for that one attempt.
pub(super) struct Lane {
    dial: Dial,
    clock: Arc<ServerClock>,
    /// Std locks: held for a clone or a few comparisons, never across an `.await`.
    link: RwLock<Option<Arc<Link>>>,
    trouble: Mutex<Option<Trouble>>,
    dialing: Arc<tokio::sync::Mutex<()>>,
    /// An outage that has lasted longer is answered at once.
    patience: Duration,
}

/// Attempts to connect have failed.
struct Trouble {
    since: Instant,
    /// No other attempt before this.
    until: Instant,
    pause: Duration,
    fault: Fault,
}

impl Lane {
    pub(super) fn new(dial: Dial, clock: Arc<ServerClock>, patience: Duration) -> Arc<Self> {
        let (link, trouble, dialing) = (RwLock::default(), Mutex::default(), Arc::default());
        Arc::new(Self { dial, clock, link, trouble, dialing, patience })
    }

    pub(super) async fn send<C: Call>(self: &Arc<Self>, budget: &Budget, call: &C) -> Result<C::Answer, Fault> {
        let link = match self.whole_link() {
            Some(link) => link,
            // Rare.
            None => erased(self.new_link(budget)).await?,
        };
        self.set_clock_if_due(&link);
        let answer = send(call, &mut link.connection(), budget).await;
        match &answer {
            Ok(_) => link.answered(),
            Err(fault) => link.failed(fault),
        }
        answer
    }

    fn whole_link(&self) -> Option<Arc<Link>> {
        let link = self.link.read().unwrap_or_else(PoisonError::into_inner);
        link.as_ref().filter(|link| link.is_whole()).cloned()
    }

    async fn new_link(self: &Arc<Self>, budget: &Budget) -> Result<Arc<Link>, Fault> {
        timeout(budget.left(CONNECT), self.dialed())
            .await
            .unwrap_or_else(|_| Err(Fault::no_connection("no connection to Redis could be made in time")))
    }

    /// The attempt is a task of its own: it goes on if the request that began it is cancelled, and holds the turn until
    /// it is over.
    async fn dialed(self: &Arc<Self>) -> Result<Arc<Link>, Fault> {
        self.may_dial()?;
        let turn = Arc::clone(&self.dialing).lock_owned().await;
        if let Some(link) = self.whole_link() {
            return Ok(link);
        }
        self.may_dial()?;
        let lane = Arc::clone(self);
        let attempt = tokio::spawn(async move {
            let result = lane.dial_once().await;
            drop(turn);
            result
        });
        attempt.await.unwrap_or_else(|_| Err(Fault::no_connection("the runtime is shutting down")))
    }

    async fn dial_once(self: &Arc<Self>) -> Result<Arc<Link>, Fault> {
        self.hold_others_off();
        let lane = Arc::downgrade(self);
        match self.dial.link(&self.clock, move || mend(lane.clone())).await {
            Ok(link) => {
                let link = Arc::new(link);
                *self.link.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&link));
                *self.trouble() = None;
                Ok(link)
            }
            Err(error) => Err(self.note_trouble(Fault::connecting(error))),
        }
    }

    /// Fails fast with the last attempt's fault until its pause is over.
    fn may_dial(&self) -> Result<(), Fault> {
        match &*self.trouble() {
            Some(trouble) if Instant::now() < trouble.until => Err(self.weighed(trouble)),
            _ => Ok(()),
        }
    }

    /// In an outage an attempt may take a second: nobody should wait for it who could be told at once.
    fn hold_others_off(&self) {
        if let Some(trouble) = &mut *self.trouble() {
            trouble.until = Instant::now() + CONNECT;
        }
    }

    fn note_trouble(&self, fault: Fault) -> Fault {
        let now = Instant::now();
        let mut trouble = self.trouble();
        let (since, pause) = match &*trouble {
            Some(last) => (last.since, (last.pause * 2).min(LONGEST_PAUSE)),
            None => (now, FIRST_PAUSE),
        };
        self.weighed(trouble.insert(Trouble { since, until: now + pause, pause, fault }))
    }

    /// A restart is ridden out within an operation's budget. In a longer outage requests would only pile up.
    fn weighed(&self, trouble: &Trouble) -> Fault {
        let fault = trouble.fault.clone();
        if trouble.since.elapsed() < self.patience { fault } else { fault.lasting() }
    }

    fn trouble(&self) -> std::sync::MutexGuard<'_, Option<Trouble>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it was open once and has broken since.
    fn is_broken(&self) -> bool {
        let link = self.link.read().unwrap_or_else(PoisonError::into_inner);
        link.as_ref().is_some_and(|link| !link.is_whole())
    }

    fn set_clock_if_due(&self, link: &Link) {
        if self.clock.is_due() {
            let (clock, mut connection) = (Arc::clone(&self.clock), link.connection());
            // A failure is seen by the calls too, and a second later another one tries.
            tokio::spawn(async move { clock.measure(&mut connection).await });
        }
    }
}

/// Makes a connection that has ended anew, though nobody may need it now: so a process that sends nothing, too, sees that
/// another server answers, and the next request finds a connection.
fn mend(lane: Weak<Lane>) {
    tokio::spawn(async move {
        let mut pause = FIRST_PAUSE;
        loop {
            sleep(pause).await;
            let Some(lane) = lane.upgrade().filter(|lane| lane.is_broken()) else { return };
            // A failure is remembered by the lane.
            drop(lane.dialed().await);
            pause = LONGEST_PAUSE;
        }
    });
}
