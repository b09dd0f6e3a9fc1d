//! The time limit of an operation, and all other times of the client.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The time limits and intervals of the client, in milliseconds.
macro_rules! times {
    ($($(#[doc = $doc:literal])* $name:ident = $ms:literal ms;)*) => {
        $($(#[doc = $doc])* pub(crate) const $name: Duration = Duration::from_millis($ms);)*
    };
}

times! {
    /// The first wait before a retry, and the longest: each is twice the last.
    FIRST_WAIT = 5 ms;
    LONGEST_WAIT = 200 ms;
    /// With less of the budget nothing is sent: the call would probably end with an unknown outcome.
    LEAST_TRY = 20 ms;
    /// The limit of one reply. A healthy Redis replies within a few milliseconds.
    RESPONSE_TIMEOUT = 500 ms;
    /// The longest time between two checks for late replies. A caller with a shorter limit may fail this much too late.
    ALARM_INTERVAL = 50 ms;
    /// Much longer than a connection's task needs to see a call, unless its runtime is blocked. Then the call fails, and
    /// another connection may reply within the same budget.
    DRIVER_STALLED = 200 ms;
    /// The limit of opening a connection: name, socket, TLS and handshake.
    CONNECTION_TIMEOUT = 1_000 ms;
    /// A longer attempt to connect is not waited for by other callers.
    CONNECT_SHARED = 300 ms;
    /// In a long outage a request waits no longer: for the attempt of another caller, and a short one of its own.
    CONNECT_IN_OUTAGE = 400 ms;
    /// The first and the longest pause after a failed attempt. Short, because the first request after the server is back
    /// waits for its end; long enough that not every request makes an attempt.
    CONNECT_PAUSE = 10 ms;
    LONGEST_CONNECT_PAUSE = 40 ms;
    /// The pause before a connection that ended is opened again, and after a failed attempt.
    RECONNECT_PAUSE = 20 ms;
    RECONNECT_RETRY = 500 ms;
    /// A task that opens connections and gave no sign for longer is on a blocked runtime. More than a pause and an attempt.
    RECONNECT_LEASE = 3_000 ms;
    /// The idle time before the first TCP keepalive probe, and the interval, so that a connection cut by a firewall is
    /// found before it is needed.
    KEEPALIVE = 15_000 ms;
    KEEPALIVE_INTERVAL = 5_000 ms;
    /// A connection to a replica is kept for this long. A new one may reach the new master, but until then every call
    /// would only open connections.
    REPLICA_KEPT = 250 ms;
    /// After this time the next call also asks whether the server is still a master. With the limit of that reply, replies
    /// of a former master are accepted for 3 s at most.
    ROLE_CHECK_INTERVAL = 2_000 ms;
    /// A measurement of the server's clock is valid for this long: clocks drift apart by a few milliseconds meanwhile. One
    /// without a reply is repeated earlier.
    CLOCK_INTERVAL = 30_000 ms;
    CLOCK_RETRY = 1_000 ms;
    /// The shortest time between two refreshes of the slot map, or two searches for the Sentinels' master.
    REFRESH_PAUSE = 100 ms;
    /// An idle process refreshes the slot map this often, so that it sees a failover too.
    REFRESH_INTERVAL = 2_000 ms;
    /// A refresh or a search without a sign for longer may be on a blocked runtime, and is not waited for.
    REFRESH_STALLED = 700 ms;
    /// How often the tasks that refresh the map, or listen to Sentinels, renew their lease. A call that finds no renewal for
    /// two or three times as long starts another task.
    LEASE_RENEWAL = 500 ms;
    /// A slot map of the known epoch is used at once. For this long after it the other nodes may report a failover; a
    /// silent node delays only the next refresh.
    NEWER_MAP = 100 ms;
    /// The first and the longest pause before a lost Sentinel is subscribed to again.
    RESUBSCRIBE_PAUSE = 50 ms;
    LONGEST_RESUBSCRIBE_PAUSE = 2_000 ms;
    /// An incident ends at the first success at least this long after its last failure: it continues while only some calls
    /// fail, for example with one master of a Cluster down. After one that returns soon this time is doubled, up to a limit.
    INCIDENT_QUIET = 5_000 ms;
    LONGEST_INCIDENT_QUIET = 300_000 ms;
}

/// The deadline of one operation of the contract, its retries included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    ends: Instant,
}

impl Budget {
    pub(crate) fn of(length: Duration) -> Self {
        Self { ends: Instant::now() + length }
    }

    /// The budget extended by the given duration.
    pub(crate) fn longer(self, by: Duration) -> Self {
        Self { ends: self.ends + by }
    }

    /// The first half of what is left.
    #[cfg(test)]
    pub(crate) fn half(&self) -> Self {
        let now = Instant::now();
        Self { ends: now + self.ends.saturating_duration_since(now) / 2 }
    }

    /// The time that is left, at most the given duration.
    pub(crate) fn left(&self, most: Duration) -> Duration {
        self.ends.saturating_duration_since(Instant::now()).min(most)
    }

    /// The time that is left, in milliseconds.
    pub(crate) fn left_ms(&self) -> u64 {
        self.left(Duration::MAX).as_millis() as u64
    }

    /// A quarter of what is left.
    pub(crate) fn quarter(&self) -> Self {
        self.part(4)
    }

    /// The share of what is left for one of the given number of steps.
    pub(crate) fn part(&self, steps: u32) -> Self {
        Self::of(self.left(Duration::MAX) / steps)
    }

    /// The deadline for the reply to a call that is sent now; `None` if too little time is left to send it.
    pub(crate) fn patience(&self) -> Option<Instant> {
        let now = Instant::now();
        (self.ends >= now + LEAST_TRY).then(|| self.ends.min(now + RESPONSE_TIMEOUT))
    }

    /// The waits between the attempts of one call.
    pub(crate) fn waits(&self) -> Waits {
        Waits { next: FIRST_WAIT, ends: self.ends }
    }
}

/// Growing waits that stay within a budget.
pub(crate) struct Waits {
    next: Duration,
    ends: Instant,
}

impl Waits {
    /// Waits; returns false at once if too little of the budget would be left.
    pub(crate) async fn pause(&mut self) -> bool {
        let wait = self.next;
        self.next = (wait * 2).min(LONGEST_WAIT);
        if Instant::now() + wait + LEAST_TRY > self.ends {
            return false;
        }
        sleep(wait).await;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn retry_waits_grow_to_the_limit_and_end_before_the_budget() {
        let budget = Budget::of(Duration::from_millis(1000));
        let start = Instant::now();
        let mut waits = budget.waits();
        let mut ended_at = Vec::new();
        while waits.pause().await {
            ended_at.push(start.elapsed().as_millis());
        }
        // 5, 10, 20, 40, 80, 160, then 200 each
        assert_eq!(ended_at, [5, 15, 35, 75, 155, 315, 515, 715, 915]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_exhausted_budget_has_nothing_left() {
        let budget = Budget::of(Duration::from_millis(100));
        assert_eq!(budget.left(Duration::from_millis(40)), Duration::from_millis(40));
        assert_eq!(budget.patience(), Some(Instant::now() + Duration::from_millis(100)));
        tokio::time::advance(Duration::from_millis(150)).await;
        assert_eq!(budget.left(Duration::from_millis(40)), Duration::ZERO);
        assert_eq!(budget.patience(), None);
    }
}
