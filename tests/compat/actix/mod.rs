//! actix-session's store.
