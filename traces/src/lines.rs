//! Log lines on their way out. A thread of their own writes them, and a bounded number waits for
//! it: a reader that is slow or has stalled, of a pipe that is full, costs lines, never time or
//! memory.

use std::io::{self, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use metrics::{counter, describe_counter};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt::MakeWriter;

const DROPPED: &str = "log_lines_dropped_total";

/// Lines that wait at most.
const WAITING: usize = 8_192;

/// How long the last words of a process wait for their reader.
const PATIENCE: Duration = Duration::from_secs(1);

/// Writes the lines that wait, at most a second long, when it is dropped.
#[must_use = "lines that wait are lost without it"]
#[derive(Debug)]
pub struct Lines {
    _worker: WorkerGuard,
}

/// Where lines are written to: whoever writes one goes on at once.
#[derive(Debug, Clone)]
pub struct LineWriter {
    next: NonBlocking,
    dropped: ErrorCounter,
}

/// Log lines to stderr.
pub fn stderr() -> (LineWriter, Lines) {
    lines_to(io::stderr())
}

fn lines_to(writer: impl Write + Send + 'static) -> (LineWriter, Lines) {
    let builder = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(WAITING);
    let (next, worker) = builder.thread_name("log").finish(writer);
    (LineWriter { dropped: next.error_counter(), next }, Lines { _worker: worker })
}

impl LineWriter {
    /// Lines that found no room.
    fn dropped(&self) -> u64 {
        u64::try_from(self.dropped.dropped_lines()).unwrap_or(u64::MAX)
    }
}

impl Write for LineWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let written = self.next.write(line);
        // Looked up each time: logs begin before there is a recorder, and mostly this is 0.
        match self.dropped() {
            0 => {}
            dropped => counter!(DROPPED).absolute(dropped),
        }
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.next.flush()
    }
}

impl<'a> MakeWriter<'a> for LineWriter {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Says on stderr why a process ends. It ends all the same where nobody reads that.
pub fn last_words(text: String) {
    let (said, heard) = mpsc::channel();
    thread::spawn(move || {
        // Without stderr there is nobody to tell.
        let _ = writeln!(io::stderr(), "{text}");
        let _ = said.send(());
    });
    let _ = heard.recv_timeout(PATIENCE);
}

/// Declares the metric in the recorder that is installed.
pub(crate) fn describe() {
    describe_counter!(DROPPED, "Log lines dropped because their reader was slow or had stalled");
    counter!(DROPPED).increment(0);
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A pipe whose reader has stalled while the lock is held.
    #[derive(Clone, Default)]
    struct Pipe(Arc<Mutex<String>>);

    impl Write for Pipe {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().push_str(std::str::from_utf8(line).unwrap());
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn write(to: &LineWriter, lines: std::ops::Range<usize>) {
        // A line is one write, as the subscriber makes it.
        lines.for_each(|n| to.make_writer().write_all(format!("line {n}\n").as_bytes()).unwrap());
    }

    fn expected(lines: std::ops::Range<usize>) -> String {
        lines.map(|n| format!("line {n}\n")).collect()
    }

    #[test]
    fn who_writes_waits_for_no_reader_and_what_is_dropped_is_counted() {
        let pipe = Pipe::default();
        let stalled = pipe.0.lock().unwrap();
        let (writer, lines) = lines_to(pipe.clone());
        let many = WAITING + 10;
        write(&writer, 0..many);
        let dropped = writer.dropped();
        // One line may be in the hands of the thread that writes.
        assert!((9..=10).contains(&dropped), "{dropped}");
        drop(stalled);
        let kept = expected(0..many - usize::try_from(dropped).unwrap());
        while pipe.0.lock().unwrap().len() < kept.len() {
            thread::yield_now();
        }
        drop(lines);
        assert_eq!(*pipe.0.lock().unwrap(), kept);
    }

    #[test]
    fn what_waits_at_the_end_is_written() {
        let pipe = Pipe::default();
        let (writer, lines) = lines_to(pipe.clone());
        write(&writer, 0..500);
        drop(lines);
        assert_eq!(*pipe.0.lock().unwrap(), expected(0..500));
        assert_eq!(writer.dropped(), 0);
    }
}
