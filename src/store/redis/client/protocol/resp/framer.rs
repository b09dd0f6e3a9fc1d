//! The length of a reply that arrives in parts.

use super::{Cursor, DEPTH, LONGEST, NULL, ReadError, not_resp, parts};

/// Continues where it stopped, so that each byte is examined once.
#[derive(Default)]
pub(crate) struct Framer {
    /// The offset up to which the reply is examined.
    at: usize,
    /// The number of missing parts at each level of nesting.
    open: Vec<usize>,
}

impl Framer {
    /// Returns the length of the first reply if it is complete; the next call is for another reply. Until then each
    /// call needs all bytes of the reply again.
    pub(crate) fn of(&mut self, bytes: &[u8]) -> Result<usize, ReadError> {
        let mut bytes = Cursor { all: bytes, at: self.at };
        loop {
            let parts = bytes.step(self.open.is_empty()).map_err(|not| match not {
                ReadError::Incomplete if bytes.all.len() > LONGEST => not_resp("a reply that is too long"),
                not => not,
            })?;
            self.at = bytes.at;
            if parts > 0 && self.open.len() == DEPTH {
                return Err(not_resp("a reply that is nested too deeply"));
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
    /// Skips a line, and the string after it; returns how many parts follow.
    fn step(&mut self, outermost: bool) -> Result<usize, ReadError> {
        let (kind, line) = self.line()?;
        Ok(match kind {
            b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(' => 0,
            b'$' | b'*' if line == NULL => 0,
            b'$' | b'!' | b'=' => {
                self.take(parts(line)?)?;
                0
            }
            b'*' | b'~' | b'>' => parts(line)?,
            b'%' => 2 * parts(line)?,
            // Attributes are part of the next reply; at the outermost level, where a push may follow, they are a
            // reply of their own.
            b'|' => 2 * parts(line)? + usize::from(!outermost),
            _ => return Err(not_resp("a reply of an unknown type")),
        })
    }
}
