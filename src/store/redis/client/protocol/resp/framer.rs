//! How long an answer is that may come in parts.

use super::{Cursor, DEPTH, LONGEST, NULL, ReadError, not_resp, parts};

/// Goes on where it stopped when more has come, so that each byte is looked at once.
#[derive(Default)]
pub(crate) struct Framer {
    /// What lies before is known.
    at: usize,
    /// Of each answer within which the next one lies: how many of its parts are not whole yet.
    open: Vec<usize>,
}

impl Framer {
    /// How many bytes the first answer has, if all of it is there; the next call is about another one. Until then all
    /// that has come of it is to be shown again.
    pub(crate) fn of(&mut self, bytes: &[u8]) -> Result<usize, ReadError> {
        let mut bytes = Cursor { all: bytes, at: self.at };
        loop {
            let parts = bytes.step(self.open.is_empty()).map_err(|not| match not {
                ReadError::Whole if bytes.all.len() > LONGEST => not_resp("an endless answer"),
                not => not,
            })?;
            self.at = bytes.at;
            if parts > 0 && self.open.len() == DEPTH {
                return Err(not_resp("answers too deep within answers"));
            } else if parts > 0 {
                self.open.push(parts);
                continue;
            }
            while let Some(left) = self.open.last_mut() {
                *left -= 1;
                if *left > 0 {
                    break;
                }
                self.open.pop();
            }
            if self.open.is_empty() {
                return Ok(std::mem::take(&mut self.at));
            }
        }
    }
}

impl Cursor<'_> {
    /// Goes behind the answer's line, and its string if it is one; how many parts follow.
    fn step(&mut self, outermost: bool) -> Result<usize, ReadError> {
        let begun = self.at;
        let (kind, line) = self.line()?;
        Ok(match kind {
            b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(' => 0,
            b'$' | b'*' if line == NULL => 0,
            b'$' | b'!' | b'=' => {
                if let Err(not) = self.take(parts(line)?) {
                    self.at = begun;
                    return Err(not);
                }
                0
            }
            b'*' | b'~' | b'>' => parts(line)?,
            b'%' => 2 * parts(line)?,
            // Belongs to the answer after it; before an outermost one, which may be a push, it is one of its own.
            b'|' => 2 * parts(line)? + usize::from(!outermost),
            _ => return Err(not_resp("an answer of no known type")),
        })
    }
}
