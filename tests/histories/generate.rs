//! Random histories.

use std::time::Duration;

use super::setup::{ADVANCES, BESIDE, GRID, Setup, Span};
use super::step::{Act, BROWSERS, Cookie, FIELDS, Kind, LoginAs, SLOTS, Step, UserAct, Walk};

/// Seconds to advance by, in addition to [`BESIDE`]: just short of and just past touch intervals, the previous secret's
/// grace, a settled rotation, deadlines, tombstones, tickets and epochs.
const STRIDES: [u64; 25] = [
    0, 0, 0, 0, 0, 10, 10, 10, 20, 20, 20, 50, 60, 60, 70, 80, 110, 290, 600, 660, 1860, 3600, 4000, 43_200, 35_000_000,
];

/// The steps, and their settings.
#[derive(Debug, Clone)]
pub(super) struct History {
    pub(super) setup: Setup,
    pub(super) steps: Vec<Step>,
}

/// How often calls are delivered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeats {
    None,
    Many,
}

/// The history of this seed.
pub(super) fn history(seed: u64, length: usize, repeats: Repeats) -> History {
    let mut random = fastrand::Rng::with_seed(seed);
    let setup = Setup::random(&mut random);
    let mut steps: Vec<Step> = (0..BROWSERS).flat_map(|browser| whole_request(&mut random, browser)).collect();
    while steps.len() < length {
        steps.extend(some(&mut random));
        let again = repeats == Repeats::Many && random.bool();
        steps.extend(again.then(|| Step::Repeat(random.usize(..12))));
    }
    thin(&mut steps, ADVANCES, |step| matches!(step, Step::Advance(_)));
    // A walk over 4,096 buckets takes longer than all the rest.
    thin(&mut steps, usize::from(random.u8(..5) == 0), |step| matches!(step, Step::Walk(_)));
    let mut history = History { setup, steps };
    history.keep_off_tombstones();
    history
}

impl History {
    /// Leaves out each advance that would end when a tombstone expires: that depends on its id, which differs between
    /// stores.
    pub(super) fn keep_off_tombstones(&mut self) {
        let remember = self.setup.remember;
        let mut passed = Vec::new();
        self.steps.retain(|step| {
            let Step::Advance(by) = step else { return true };
            let sums: Vec<Duration> = passed.iter().map(|since| *since + *by).chain([*by]).collect();
            let is_clear = !sums.iter().any(|sum| (remember..remember * 11 / 10).contains(sum));
            if is_clear {
                passed = sums;
            }
            is_clear
        });
    }
}

/// Keeps at most n of these steps.
fn thin(steps: &mut Vec<Step>, most: usize, these: impl Fn(&Step) -> bool) {
    let mut seen = 0;
    steps.retain(|step| {
        seen += usize::from(these(step));
        !these(step) || seen <= most
    });
}

/// A step, or a few that belong together.
fn some(random: &mut fastrand::Rng) -> Vec<Step> {
    let (browser, slot) = (random.usize(..BROWSERS), random.usize(..SLOTS));
    match random.u8(..100) {
        0..8 => vec![advance(random)],
        8..20 => vec![request(random, browser, slot)],
        20..29 => two_requests(random, browser),
        29..32 => late_write(random, browser),
        32..40 => whole_request(random, browser),
        40..50 => vec![on(slot, write(random)), on(slot, [Act::Save, Act::SaveIfUnchanged][random.usize(..2)].clone())],
        50..54 => login_pressed_twice(random, browser),
        54..72 => vec![on(slot, act(random)), on(slot, Act::Respond)],
        72..86 => vec![on(slot, act(random))],
        86..98 => vec![Step::Of { user: [0, 0, 0, 1, 2][random.usize(..5)], act: user_act(random) }],
        _ => {
            vec![Step::Walk([Walk::Sweep, Walk::RevokeGuests, Walk::RevokeEveryone, Walk::Active][random.usize(..4)])]
        }
    }
}

fn advance(random: &mut fastrand::Rng) -> Step {
    let seconds = STRIDES[random.usize(..STRIDES.len())];
    assert_eq!(seconds % GRID.as_secs(), 0);
    Step::Advance(Duration::from_secs(seconds) + BESIDE)
}

const fn on(slot: usize, act: Act) -> Step {
    Step::On { slot, act }
}

/// A browser's request that writes something and gets the response, so that there is a session to act on.
fn whole_request(random: &mut fastrand::Rng, browser: usize) -> Vec<Step> {
    let slot = random.usize(..SLOTS);
    let write = match random.u8(..4) {
        0 | 1 => vec![on(slot, Act::Login(login(random)))],
        2 => vec![on(slot, Act::Increment(2, 1))],
        _ => vec![on(slot, Act::Insert(random.usize(..2), random.i64(..100))), on(slot, Act::Save)],
    };
    [vec![own(random, browser, slot)], write, vec![on(slot, Act::Respond)]].concat()
}

/// A guest's form that is sent twice, concurrently or in sequence; which response arrives last is random.
fn login_pressed_twice(random: &mut fastrand::Rng, browser: usize) -> Vec<Step> {
    let slots = [random.usize(..SLOTS / 2), random.usize(SLOTS / 2..SLOTS)];
    let [one, two] = slots.map(|slot| own(random, browser, slot));
    let who = LoginAs { user: 0, ticket: None, lowest_cap: false, ..login(random) };
    let [first, second] = slots.map(|slot| on(slot, Act::Login(who)));
    let done = if random.bool() { [one, two, first, second] } else { [one, first, two, second] };
    let heard = [slots[0], slots[1]].map(|slot| on(slot, Act::Respond));
    let late =
        if random.bool() { vec![heard[0].clone(), heard[1].clone()] } else { vec![heard[1].clone(), heard[0].clone()] };
    [&done[..], &late[..]].concat()
}

/// Two concurrent requests of a browser, each of which does something.
fn two_requests(random: &mut fastrand::Rng, browser: usize) -> Vec<Step> {
    let slots = [random.usize(..SLOTS / 2), random.usize(SLOTS / 2..SLOTS)];
    let begun = slots.map(|slot| own(random, browser, slot));
    let done = slots.map(|slot| on(slot, act(random)));
    [&begun[..], &done[..]].concat()
}

/// Two requests with the same cookie: one logs in again, perhaps twice, and the other writes then.
fn late_write(random: &mut fastrand::Rng, browser: usize) -> Vec<Step> {
    let slots = [random.usize(..SLOTS), random.usize(..SLOTS)];
    let again = Act::Login(LoginAs { user: 0, keep: 15, ticket: None, span: None, lowest_cap: false });
    let mut steps: Vec<Step> = slots.map(|slot| own(random, browser, slot)).into();
    steps.extend((0..1 + usize::from(random.u8(..3) == 0)).map(|_| on(slots[0], again.clone())));
    steps.push(on(slots[0], Act::Respond));
    if random.u8(..4) == 0 {
        steps.push(advance(random));
    }
    let late = [Act::Save, Act::SaveIfUnchanged, Act::Increment(2, 1), Act::Rotate, Act::Logout];
    steps.extend(
        [write(random), late[random.usize(..5)].clone(), late[random.usize(..3)].clone()].map(|act| on(slots[1], act)),
    );
    steps
}

fn own(random: &mut fastrand::Rng, browser: usize, slot: usize) -> Step {
    Step::Request { slot, browser, cookie: Cookie::Own, server: random.usize(..2), kind: Kind::Open }
}

fn request(random: &mut fastrand::Rng, browser: usize, slot: usize) -> Step {
    let cookie = match random.u8(..20) {
        0 => Cookie::None,
        1..10 => Cookie::Own,
        10..19 => Cookie::Issued(random.usize(..64)),
        _ => Cookie::Forged(random.usize(..64), random.usize(..64)),
    };
    let kind = if random.u8(..6) == 0 { Kind::Peek } else { Kind::Open };
    Step::Request { slot, browser, cookie, server: random.usize(..2), kind }
}

/// A change of fields, which has to be followed by a save.
fn write(random: &mut fastrand::Rng) -> Act {
    let field = random.usize(..FIELDS.len());
    match random.u8(..10) {
        0..6 => Act::Insert(field, [random.i64(-99..100), i64::MAX][random.usize(..2)]),
        6 => Act::InsertBytes(field, random.usize(..45)),
        7 => Act::Remove(field),
        8 => Act::Clear,
        _ => Act::MarkDirty,
    }
}

fn act(random: &mut fastrand::Rng) -> Act {
    match random.u8(..50) {
        0..9 => write(random),
        9 => Act::Discard,
        10..18 => Act::Save,
        18..21 => Act::SaveIfUnchanged,
        21..26 => Act::Increment(random.usize(1..FIELDS.len()), [1, -3, i64::MAX][random.usize(..3)]),
        26 => Act::Touch,
        27..34 => Act::Rotate,
        34 => Act::Reload,
        35..38 => Act::SetTimeouts(Span::ALL[random.usize(..Span::ALL.len())]),
        38..45 => Act::Login(login(random)),
        45 => Act::Logout,
        46 => Act::LogoutKeeping(random.usize(..16)),
        47 => Act::LogoutEverywhere,
        48 => Act::Invalidate,
        _ => Act::Reset,
    }
}

fn login(random: &mut fastrand::Rng) -> LoginAs {
    let user = [0, 0, 0, 0, 1, 2][random.usize(..6)];
    LoginAs {
        user,
        keep: random.usize(..16),
        ticket: [None, None, None, None, Some(user), Some(user), Some(0)][random.usize(..7)],
        span: (random.u8(..6) == 0).then(|| Span::ALL[random.usize(..Span::ALL.len())]),
        lowest_cap: random.u8(..8) == 0,
    }
}

fn user_act(random: &mut fastrand::Rng) -> UserAct {
    match random.u8(..15) {
        0..5 => UserAct::List,
        5..8 => UserAct::Ticket,
        8..11 => UserAct::Revoke(random.usize(..64)),
        11..14 => UserAct::RevokeOthers(random.usize(..64)),
        _ => UserAct::RevokeAll,
    }
}
