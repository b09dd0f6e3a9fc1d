//! One store's side of a history: its handles, cookie jars and tickets.

use std::time::{Duration, Instant, SystemTime};

use cloakroom::{ClientInfo, LoginTicket, Session, Sessions};

use super::names::Names;
use super::replay::Past;
use super::setup::Setup;
use super::step::{BROWSERS, SLOTS, USERS};
use crate::common::Stage;

/// One store and everyone who uses it.
pub(super) struct World {
    pub(super) setup: Setup,
    pub(super) stage: Stage,
    /// Two app servers on the same sessions.
    pub(super) servers: [Sessions; 2],
    pub(super) slots: [Option<Held>; SLOTS],
    /// The cookie that each browser would send.
    pub(super) jars: [Option<String>; BROWSERS],
    pub(super) tickets: [Option<(LoginTicket, u32)>; USERS.len()],
    pub(super) names: Names,
    /// How often time was advanced.
    pub(super) era: u32,
    /// The calls that were sent to Redis and can be sent again.
    pub(super) past: Option<Past>,
    time: Time,
}

/// A handle that is kept open.
pub(super) struct Held {
    pub(super) session: Session,
    pub(super) browser: usize,
    /// When it was last read. An advance moves what Redis stores, but not the times that a handle has read; so an older
    /// handle is read again before it does anything that depends on them.
    pub(super) era: u32,
}

/// How a store's clock runs apart from the steps that advance it.
enum Time {
    /// Stands still, and is kept behind the real clock.
    Led {
        since: Instant,
        behind: Duration,
        ahead: Duration,
    },
    Real,
}

impl World {
    pub(super) async fn memory(setup: Setup, stage: Stage) -> Self {
        let led = Time::Led { since: Instant::now(), behind: Duration::ZERO, ahead: Duration::ZERO };
        Self::new(setup, stage, led, None).await
    }

    pub(super) async fn redis(setup: Setup, stage: Stage, past: Option<Past>) -> Self {
        Self::new(setup, stage, Time::Real, past).await
    }

    async fn new(setup: Setup, stage: Stage, time: Time, past: Option<Past>) -> Self {
        let servers = [stage.sessions.clone(), stage.another(|with| setup.apply(with)).await];
        Self {
            setup,
            stage,
            servers,
            slots: Default::default(),
            jars: Default::default(),
            tickets: Default::default(),
            names: Names::default(),
            era: 0,
            past,
            time,
        }
    }

    /// Moves a clock that stands still up to the present.
    pub(super) async fn keep_time(&mut self) {
        if let Time::Led { since, behind, .. } = &mut self.time {
            let elapsed = Duration::from_millis(since.elapsed().as_millis() as u64);
            self.stage.advance(elapsed - *behind).await;
            *behind = elapsed;
        }
    }

    pub(super) async fn advance(&mut self, by: Duration) {
        if let Some(past) = &mut self.past {
            past.advance(by).await;
        }
        self.stage.advance(by).await;
        self.era += 1;
        if let Time::Led { ahead, .. } = &mut self.time {
            *ahead += by;
        }
    }

    /// The present by this store's clock.
    pub(super) fn now(&self) -> SystemTime {
        match self.time {
            Time::Led { ahead, .. } => SystemTime::now() + ahead,
            Time::Real => SystemTime::now(),
        }
    }

    /// The address and user agent of a browser.
    pub(super) fn client(browser: usize) -> ClientInfo {
        ClientInfo::new().user_agent(format!("browser {browser}"))
    }
}
