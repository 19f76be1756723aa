//! A terminal, as a pty with an emulator behind it.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::fd::OwnedFd;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex};

use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcgetattr, tcsetwinsize};
use tests::harness::{Ran, wait};
use tokio::process::{Child, Command};

/// A program in a terminal of its own.
pub(crate) struct Terminal {
    child: Child,
    keys: File,
    screen: Arc<Mutex<vt100::Parser>>,
    /// Ours too, so that nothing is lost when the program ends. When it is dropped the reader ends.
    line: OwnedFd,
    modes: String,
}

impl Terminal {
    /// Starts `quota-server` with these words in a terminal of so many columns and rows.
    pub(crate) async fn start(line: &str, url: &str, columns: u16, rows: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let pty = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&pty, size).unwrap();
        let modes = modes(&pty);
        let mut command = Command::new(Ran::quota_server_path().await.unwrap());
        let end = || File::from(pty.try_clone().unwrap());
        command.args(line.split(' ')).env_clear().env("TERM", "xterm").env("QUOTA_URL", url);
        command.stdin(end()).stdout(end()).stderr(end()).kill_on_drop(true);
        let child = command.spawn().unwrap();
        drop(command);
        let of = |count| NonZero::new(count).unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(of(rows), of(columns), 0)));
        let (keys, reader) = (File::from(master.try_clone().unwrap()), File::from(master));
        let to = Arc::clone(&screen);
        std::thread::spawn(move || show(reader, &to));
        Self { child, keys, screen, line: pty, modes }
    }

    pub(crate) fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Waits until this can be read.
    pub(crate) async fn shows(&self, text: &str) {
        let seen =
            wait::until(text, wait::START, async || self.text().contains(text).then_some(()));
        seen.await.unwrap_or_else(|why| panic!("{why}; there is\n{}", self.text()));
    }

    pub(crate) fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Waits for its end, and that the terminal is as it was.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let end = tokio::time::timeout(wait::START, self.child.wait()).await;
        let status = end.expect("it ends").unwrap();
        assert_eq!(modes(&self.line), self.modes, "the line is as it was");
        let is_back = async || {
            let screen = self.screen.lock().unwrap();
            let screen = screen.screen();
            (!screen.alternate_screen() && !screen.hide_cursor()).then_some(())
        };
        wait::until("the screen of before", wait::START, is_back).await.unwrap();
        status
    }
}

fn modes(line: &OwnedFd) -> String {
    let modes = tcgetattr(line).unwrap();
    format!("{:?}", (modes.input_modes, modes.output_modes, modes.local_modes))
}

fn show(mut from: File, to: &Mutex<vt100::Parser>) {
    let mut bytes = [0; 4_096];
    // When nobody has the other end any more this is an error.
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        to.lock().unwrap().process(&bytes[..count]);
    }
}
