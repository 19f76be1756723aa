use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use tempfile::TempDir;
use tests::harness::{Ran, free_address, wait};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::file;
use super::page::Blocks;

/// The ports that the pages name.
const PORTS: [&str; 4] = ["7700", "8081", "8082", "9900"];

/// What is on a page is done as it stands there, but for the ports, which may be somebody else's on
/// this machine, and for what cargo has built already.
pub(super) struct Shell {
    room: TempDir,
    programs: PathBuf,
    addresses: BTreeMap<&'static str, SocketAddr>,
    terminals: Vec<Child>,
}

impl Shell {
    pub(super) async fn open() -> Self {
        let program = Ran::quota_server_path().await.unwrap();
        let programs = program.parent().unwrap().to_owned();
        let addresses = PORTS.map(|port| (port, free_address().unwrap()));
        let room = TempDir::new().unwrap();
        let shell = Self { room, programs, addresses: addresses.into(), terminals: Vec::new() };
        let demo = std::fs::read_to_string(file("openai-gateway/samples/demo.yaml")).unwrap();
        std::fs::write(shell.room.path().join("demo.yaml"), shell.moved(&demo)).unwrap();
        shell
    }

    /// Starts what goes on, one after another.
    pub(super) async fn start(&mut self, blocks: &Blocks) {
        for line in &blocks.terminals {
            let line = self.built(line);
            let is_in = |address: &&SocketAddr| line.contains(&format!("--listen {address}"));
            let address = self.addresses.values().find(is_in);
            let address = *address.unwrap_or_else(|| panic!("no address in {line}"));
            let mut command = self.bash(&format!("exec {line}"));
            let log =
                std::fs::File::create(self.room.path().join(format!("{}.log", address.port())));
            let log = log.unwrap();
            command.stdout(log.try_clone().unwrap()).stderr(log).kill_on_drop(true);
            self.terminals.push(command.spawn().unwrap());
            let up = async || TcpStream::connect(address).await.ok();
            wait::until(&line, wait::START, up).await.unwrap();
        }
    }

    /// Types what is to be typed; whatever fails ends it.
    pub(super) async fn types(&self, text: &str) -> Ran {
        let ran =
            Ran::of(self.bash(&format!("set -euo pipefail\n{}", self.moved(text)))).await.unwrap();
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran
    }

    fn bash(&self, script: &str) -> Command {
        let mut command = Command::new("bash");
        let path = std::env::var("PATH").unwrap_or_default();
        command.args(["-c", script]).current_dir(self.room.path());
        command.env("PATH", format!("{}:{path}", self.programs.display()));
        command.env("QUOTA_URL", format!("http://{}", self.addresses["7700"]));
        command
    }

    /// The line without cargo, which would build what is built.
    fn built(&self, line: &str) -> String {
        let line = line.split("  #").next().unwrap_or_default();
        let words: [(&str, &str); 4] = [
            ("cargo run --release -p openai-gateway --", "openai-gateway"),
            ("cargo run --release -p upstream", "upstream --listen 127.0.0.1:9900"),
            ("cargo run --release", "quota-server --listen 127.0.0.1:7700"),
            ("openai-gateway/samples/demo.yaml", "demo.yaml"),
        ];
        let built = words.iter().fold(line.to_owned(), |line, (from, to)| line.replace(from, to));
        self.moved(&built)
    }

    /// The same at the ports of this shell. By way of marks, since a port may have another in it.
    fn moved(&self, text: &str) -> String {
        let mark = |at: usize| format!("\u{1}{at}\u{1}");
        let marked = (0..).zip(self.addresses.keys());
        let marked = marked.fold(text.to_owned(), |text, (at, port)| text.replace(port, &mark(at)));
        (0..).zip(self.addresses.values()).fold(marked, |text, (at, address)| {
            text.replace(&mark(at), &address.port().to_string())
        })
    }
}
