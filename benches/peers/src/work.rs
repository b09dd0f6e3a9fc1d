//! The CPU time that a process has used.

use std::fs;

/// In µs, all its threads together; without its child processes.
pub fn used(process: u32) -> f64 {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else { return f64::NAN };
    let of_thread = |told: String| told.split(' ').next()?.parse::<f64>().ok();
    let told = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("schedstat")).ok());
    told.filter_map(of_thread).sum::<f64>() / 1000.0
}
