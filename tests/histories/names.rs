//! Ids and tokens by order of issue, so that those of two stores can be compared.

use cloakroom::{SessionId, SessionToken};

/// What a store has issued so far.
#[derive(Debug, Default)]
pub(super) struct Names {
    ids: Vec<SessionId>,
    tokens: Vec<String>,
}

impl Names {
    pub(super) fn id(&mut self, id: SessionId) -> String {
        format!("s{}", place(&mut self.ids, id))
    }

    pub(super) fn token(&mut self, token: &SessionToken) -> String {
        format!("t{}", place(&mut self.tokens, token.reveal().to_string()))
    }

    pub(super) fn nth_id(&self, nth: usize) -> Option<SessionId> {
        self.ids[nth % self.ids.len().max(1)..].first().copied()
    }

    pub(super) fn nth_token(&self, nth: usize) -> Option<&str> {
        Some(self.tokens[nth % self.tokens.len().max(1)..].first()?.as_str())
    }

    pub(super) fn tokens(&self) -> Vec<String> {
        self.tokens.clone()
    }
}

fn place<T: PartialEq>(issued: &mut Vec<T>, one: T) -> usize {
    issued.iter().position(|other| *other == one).unwrap_or_else(|| {
        issued.push(one);
        issued.len() - 1
    })
}
