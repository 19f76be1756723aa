//! One live line while a scenario runs: rewritten on a terminal, now and then a new one elsewhere.

use std::{
    future::Future,
    io::{IsTerminal, Write, stderr},
    pin::pin,
    time::Duration,
};

use tests::{clock, scenario::Watch};

const ON_A_TERMINAL: Duration = Duration::from_millis(250);
const ELSEWHERE: Duration = Duration::from_secs(10);
const ERASE_LINE: &str = "\r\x1b[2K";

/// Runs the play and shows how it goes.
pub(crate) async fn shown<T>(play: impl Future<Output = T>, watch: &Watch) -> T {
    let is_terminal = stderr().is_terminal();
    let mut ticks = tokio::time::interval(if is_terminal { ON_A_TERMINAL } else { ELSEWHERE });
    let begin = clock::instant();
    let mut play = pin!(play);
    loop {
        tokio::select! {
            done = &mut play => {
                if is_terminal { write(ERASE_LINE) }
                return done;
            }
            _ = ticks.tick() => {
                let line = format!("[{:>3} s] {watch}", begin.elapsed().as_secs());
                if is_terminal { write(&format!("{ERASE_LINE}{line}")) } else { write(&format!("{line}\n")) }
            }
        }
    }
}

/// Progress that cannot be shown is no reason to stop.
fn write(text: &str) {
    let mut stderr = stderr().lock();
    if stderr.write_all(text.as_bytes()).is_ok() {
        stderr.flush().unwrap_or_default();
    }
}
