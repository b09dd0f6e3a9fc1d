//! The progress, on standard error: a bar on a terminal, else a line per second.

use std::io::{IsTerminal, Write, stderr};

use super::args::Args;
use super::worker::Second;

const WIDTH: usize = 30;

pub(crate) struct Progress {
    terminal: bool,
    sessions: usize,
    seconds: u64,
    /// The last one printed: a second, or a tenth of the filling.
    told: u64,
    last: Second,
}

impl Progress {
    pub(crate) fn new(args: &Args) -> Self {
        let (sessions, seconds) = (args.sessions, args.seconds);
        Self { terminal: stderr().is_terminal(), sessions, seconds, told: 0, last: Second::default() }
    }

    pub(crate) fn filling(&mut self, stored: usize) {
        let tenth = (stored * 10 / self.sessions) as u64;
        let text = format!("{stored} of {} sessions stored", self.sessions);
        self.show(stored as f64 / self.sessions as f64, tenth, &text);
    }

    pub(crate) fn running(&mut self, now: Second) {
        let passed = now.second.saturating_sub(self.last.second);
        if passed == 0 {
            return;
        }
        let rate = now.answered.saturating_sub(self.last.answered) / passed;
        let (second, seconds) = (now.second, self.seconds);
        let text = format!("{second} of {seconds} s, {rate}/s, {} under way, {} failed", now.under_way, now.failed);
        self.show(second as f64 / seconds as f64, second, &text);
        self.last = now;
    }

    /// A line that stays.
    pub(crate) fn line(&mut self, text: &str) {
        self.end();
        eprintln!("{text}");
        self.told = 0;
    }

    /// Ends the line of the bar.
    pub(crate) fn end(&self) {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
    }

    fn show(&mut self, part: f64, step: u64, text: &str) {
        if self.terminal {
            let done = ((part.min(1.0) * WIDTH as f64) as usize).min(WIDTH);
            eprint!("\r\x1b[K[{}{}] {text}", "#".repeat(done), ".".repeat(WIDTH - done));
            let _ = stderr().flush();
        } else if step > self.told {
            eprintln!("{text}");
        }
        self.told = self.told.max(step);
    }
}
