//! Login across slots, as in a Redis Cluster: every rule of a login applies, and after a stop at any step the visitor can
//! log in again.

use super::*;
use crate::store::redis::ops::login_cross_slot::CrossSlotLogin;

/// The tests of any login.
#[path = "login.rs"]
#[allow(clippy::duplicate_mod, reason = "once in one script, once by steps")]
mod login;

#[path = "history.rs"]
#[allow(clippy::duplicate_mod, reason = "once in one script, once by steps")]
mod history;

fn open() -> Bench {
    open_with(Limits::default())
}

fn open_with(limits: Limits) -> Bench {
    let mut bench = super::open_with(limits);
    bench.store.sharded = true;
    bench
}

const CARRIED: [&str; 2] = ["cart", "added"];

/// A guest's login in the middle.
struct Login3 {
    guest: SessionId,
    login: NewLogin,
    op: Op,
}

impl Login3 {
    /// Of a guest with a cart, who adds a field.
    async fn of(bench: &Bench, user: &str, cap: Cap) -> Self {
        let (guest, before) = bench.guest(&["cart=1", "other=1"]).await;
        let mut login = NewLogin { old: Some(old(&before, guest)), ..login_of(user, cap) };
        login.keep = CARRIED.map(str::to_owned).into();
        login.delta = delta(&["added=1"]);
        Self { guest, login, op: bench.op() }
    }

    fn steps<'a>(&'a self, bench: &'a Bench) -> CrossSlotLogin<'a> {
        CrossSlotLogin::new(&bench.store, self.op, &self.login, self.login.old.as_ref().unwrap())
    }

    async fn park(&self, bench: &Bench) -> Result<(), Refused> {
        let steps = self.steps(bench);
        let seen = steps.look().await.unwrap().unwrap();
        steps.park(&steps.carried(&seen)).await.unwrap()
    }

    /// As if the fields had been parked as they were created.
    async fn leave(&self, bench: &Bench) -> Result<Delta, Refused> {
        self.steps(bench).leave(1).await.unwrap()
    }

    async fn activate(&self, bench: &Bench, carried: &Delta) -> Result<Record, Refused> {
        self.steps(bench).activate(carried).await.unwrap()
    }

    fn key(&self, bench: &Bench) -> Vec<u8> {
        bench.store.keys.session(self.login.new.id)
    }
}

#[tokio::test]
async fn a_parked_session_is_distinguished_from_an_absent_one() {
    let bench = open();
    let three = Login3::of(&bench, "ada", Cap::default()).await;
    let id = three.login.new.id;
    assert!(!bench.store.is_parked(id).await.unwrap());
    three.park(&bench).await.unwrap();
    assert!(bench.store.is_parked(id).await.unwrap() && !bench.store.is_parked(three.guest).await.unwrap());
    let carried = three.leave(&bench).await.unwrap();
    three.activate(&bench, &carried).await.unwrap();
    assert!(!bench.store.is_parked(id).await.unwrap());
}

#[tokio::test]
async fn a_parked_session_is_unknown_unindexed_and_gone_after_5_minutes() {
    let bench = open();
    let earlier = bench.login("ada").await.0;
    let three = Login3::of(&bench, "ada", Cap::evict(1)).await;
    three.park(&bench).await.unwrap();
    let id = three.login.new.id;
    assert_eq!(bench.load(id).await, Loaded::Absent);
    assert_eq!((bench.listed("ada").await, bench.scored(id)), (vec![earlier], None));
    assert!(bench.is_live(three.guest).await, "nothing has ended");
    let left: i64 = bench.raw("PTTL", &three.key(&bench), &[]);
    assert!((290_000..=300_000).contains(&left), "{left}");
    bench.advance(300_001);
    let there: bool = bench.raw("EXISTS", &three.key(&bench), &[]);
    assert!(!there);
    assert_eq!(three.activate(&bench, &Delta::default()).await, Err(Refused::Gone(None)), "too late");
    assert_eq!(bench.load(id).await, Loaded::Absent);
}

#[tokio::test]
async fn after_a_login_stopped_at_any_step_the_visitor_logs_in_again() {
    for steps in 0..=3 {
        let bench = open();
        let three = Login3::of(&bench, "ada", Cap::evict(2)).await;
        if steps > 0 {
            three.park(&bench).await.unwrap();
        }
        if steps > 1 {
            three.leave(&bench).await.unwrap();
        }
        if steps > 2 {
            three.activate(&bench, &Delta::default()).await.unwrap();
        }
        assert_eq!(bench.is_live(three.guest).await, steps < 2, "{steps}");
        assert_eq!(bench.is_live(three.login.new.id).await, steps == 3, "{steps}");
        assert_eq!(bench.reason(three.guest).await, (steps >= 2).then_some(EndReason::LoggedIn), "{steps}");

        let mut again = login_of("ada", Cap::evict(2));
        again.keep = CARRIED.map(str::to_owned).into();
        if steps < 2 {
            again.old = three.login.old.clone();
        }
        let record = bench.try_login(&again).await.unwrap();
        assert_eq!(names(&record), if steps < 2 { vec!["cart"] } else { vec![] }, "{steps}");
        let live = if steps == 3 { vec![three.login.new.id, again.new.id] } else { vec![again.new.id] };
        assert_eq!(bench.listed("ada").await, live, "{steps}");
    }
}

#[tokio::test]
async fn a_save_between_the_steps_is_carried_even_if_its_reply_is_lost() {
    let bench = open();
    let three = Login3::of(&bench, "ada", Cap::default()).await;
    three.park(&bench).await.unwrap();
    bench.save(&saving(three.guest, &["cart=22", "other=2"])).await.unwrap();
    let first = three.leave(&bench).await.unwrap();
    assert_eq!(first, cleared(&["added=1", "cart=22"]));
    let lost = three.leave(&bench).await.unwrap();
    assert_eq!(first, lost, "a repeat is answered as the first time");
    let record = three.activate(&bench, &lost).await.unwrap();
    assert_eq!(record.fields, [("added", encode_bytes(b"1")), ("cart", encode_bytes(b"22"))].into_iter().collect());
    assert_eq!(bench.live(three.login.new.id).await, record);
    let size = record.fields.iter().map(|(name, stored)| name.len() + stored.len()).sum::<usize>();
    let limits = Limits::default().session_bytes(size + 4);
    let store = store(&bench.server, &bench.store.settings.namespace, limits);
    let too_much = saving(three.login.new.id, &["more=1"]);
    assert_eq!(store.save(bench.op(), &too_much).await.unwrap(), Err(Refused::TooManyBytes), "its size is known");
}

#[tokio::test]
async fn carried_fields_may_be_removed_before_the_last_step() {
    let bench = open();
    let three = Login3::of(&bench, "ada", Cap::default()).await;
    three.park(&bench).await.unwrap();
    bench.save(&saving(three.guest, &["cart"])).await.unwrap();
    let carried = three.leave(&bench).await.unwrap();
    assert_eq!(names(&three.activate(&bench, &carried).await.unwrap()), ["added"]);
}

#[tokio::test]
async fn a_guest_filled_between_the_steps_stays_if_its_fields_are_too_many() {
    let bench = open_with(Limits::default().session_bytes(30));
    let three = Login3::of(&bench, "ada", Cap::default()).await;
    three.park(&bench).await.unwrap();
    bench.save(&saving(three.guest, &["other", "cart=12345678901234567890"])).await.unwrap();
    assert_eq!(three.leave(&bench).await, Err(Refused::TooManyBytes));
    assert!(bench.is_live(three.guest).await);
}

#[tokio::test]
async fn a_session_ended_between_the_steps_logs_nobody_in() {
    let bench = open();
    let three = Login3::of(&bench, "ada", Cap::default()).await;
    three.park(&bench).await.unwrap();
    bench.end(three.guest).await;
    assert_eq!(three.leave(&bench).await, Err(Refused::Gone(Some(EndReason::LoggedOut))));
    assert_eq!(bench.try_login(&three.login).await, Err(Refused::Exists), "what is parked still stands");
    three.steps(&bench).forget().await;
    assert_eq!(bench.try_login(&three.login).await, Err(Refused::Gone(Some(EndReason::LoggedOut))));
    assert_eq!((bench.load(three.login.new.id).await, bench.indexed("ada")), (Loaded::Absent, 0));
}

#[tokio::test]
async fn a_login_that_loses_to_another_leaves_nothing_parked() {
    let bench = Arc::new(open());
    let (guest, before) = bench.guest(&["cart=1"]).await;
    let logins: Vec<NewLogin> =
        (0..8).map(|_| NewLogin { old: Some(old(&before, guest)), ..login_of("ada", Cap::default()) }).collect();
    let tasks: Vec<_> = logins
        .iter()
        .cloned()
        .map(|login| (bench.clone(), login))
        .map(|(bench, login)| tokio::spawn(async move { bench.try_login(&login).await }))
        .collect();
    let mut won = 0;
    for (task, login) in tasks.into_iter().zip(&logins) {
        let answer = task.await.unwrap();
        won += u32::from(answer.is_ok());
        let there: bool = bench.raw("EXISTS", &bench.store.keys.session(login.new.id), &[]);
        assert_eq!(there, answer.is_ok());
    }
    assert_eq!((won, bench.indexed("ada")), (1, 1));
}

#[tokio::test]
async fn a_revocation_between_the_steps_voids_an_earlier_ticket() {
    let bench = open();
    let mut three = Login3::of(&bench, "ada", Cap::default()).await;
    three.login.gate.ticket = Some(bench.store.ticket("ada").await.unwrap());
    three.park(&bench).await.unwrap();
    bench.revoke("ada", Scope::All).await.unwrap();
    three.leave(&bench).await.unwrap();
    assert_eq!(three.activate(&bench, &Delta::default()).await, Err(Refused::TicketVoid));
    assert_eq!((bench.load(three.login.new.id).await, bench.indexed("ada")), (Loaded::Absent, 0));
}

#[tokio::test]
async fn a_cap_reached_between_the_steps_refuses_for_good() {
    let bench = open();
    let three = Login3::of(&bench, "ada", Cap::reject(1)).await;
    three.park(&bench).await.unwrap();
    let other = bench.login_at("ada", Cap::reject(1)).await.unwrap();
    three.leave(&bench).await.unwrap();
    assert_eq!(three.activate(&bench, &Delta::default()).await, Err(Refused::AtCap));
    bench.end(other).await;
    assert_eq!(three.activate(&bench, &Delta::default()).await, Err(Refused::AtCap), "refused once, refused for good");
    assert_eq!((bench.load(three.login.new.id).await, bench.indexed("ada")), (Loaded::Absent, 0));
}

#[tokio::test]
async fn repeated_steps_of_a_login_revive_and_change_nothing() {
    let bench = open();
    let three = Login3::of(&bench, "ada", Cap::default()).await;
    let steps = three.steps(&bench);
    let seen = steps.look().await.unwrap().unwrap();
    let carried = steps.carried(&seen);
    let none = Delta::default();
    for _ in 0..2 {
        assert_eq!(steps.park(&carried).await.unwrap(), Ok(()));
    }
    for _ in 0..2 {
        assert_eq!(three.leave(&bench).await.unwrap(), none);
    }
    let record = three.activate(&bench, &none).await.unwrap();
    assert_eq!(three.activate(&bench, &none).await.unwrap(), record);
    assert_eq!(steps.park(&carried).await.unwrap(), Ok(()));
    assert_eq!(bench.live(three.login.new.id).await, record, "a late repeat parks nothing");
    let another = Login3 { op: bench.op(), guest: three.guest, login: three.login.clone() };
    assert_eq!(another.activate(&bench, &none).await, Err(Refused::Exists), "of another operation");
    bench.end(three.login.new.id).await;
    assert_eq!(steps.park(&carried).await.unwrap(), Ok(()));
    assert_eq!(three.activate(&bench, &none).await, Err(Refused::Gone(Some(EndReason::LoggedOut))));
    assert_eq!(bench.reason(three.login.new.id).await, Some(EndReason::LoggedOut));
    assert_eq!(bench.indexed("ada"), 0);
}

#[tokio::test]
async fn a_repeated_activation_after_a_short_life_revives_nothing() {
    let bench = open();
    let mut three = Login3::of(&bench, "ada", Cap::default()).await;
    three.login.new.lifetimes = Lifetimes { idle_ms: 1_000, absolute_ms: HOUR, interval_ms: 100 };
    three.park(&bench).await.unwrap();
    three.leave(&bench).await.unwrap();
    three.activate(&bench, &Delta::default()).await.unwrap();
    bench.advance(30_000);
    assert_eq!(bench.load(three.login.new.id).await, Loaded::Absent);
    let steps = three.steps(&bench);
    let carried = delta(&["cart=1"]);
    assert_eq!(steps.park(&carried).await.unwrap(), Ok(()), "known, and not done again");
    assert_eq!(three.activate(&bench, &Delta::default()).await, Err(Refused::Gone(None)));
    assert_eq!(bench.load(three.login.new.id).await, Loaded::Absent);
}
