//! Ends while a slot moves: all that is said of ends holds of them too.

use super::*;

#[path = "end.rs"]
#[allow(clippy::duplicate_mod, reason = "once in one script, once key by key")]
mod end;

#[path = "revoke.rs"]
#[allow(clippy::duplicate_mod, reason = "once in one script, once key by key")]
mod revoke;

fn open() -> Bench {
    open_with(Limits::default())
}

fn open_with(limits: Limits) -> Bench {
    let mut bench = super::open_with(limits);
    bench.store.torn = true;
    bench
}
