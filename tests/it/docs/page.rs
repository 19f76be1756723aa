use std::fs;

use super::file;

/// The blocks of a page that are to be tried, in their order.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    /// Lines that each go on in a terminal of their own: `<!-- terminals -->`.
    pub(super) terminals: Vec<String>,
    /// What is typed into one shell: `<!-- run -->`.
    pub(super) shell: String,
}

impl Blocks {
    /// Those of a page of the repository.
    pub(super) fn of(path: &str) -> Self {
        let text = fs::read_to_string(file(path)).unwrap();
        let mut blocks = Self::default();
        for (at, _) in text.match_indices("\n```sh\n") {
            let mark = text[..at].lines().next_back().unwrap_or_default();
            let code = &text[at + "\n```sh\n".len()..];
            let code = &code[..code.find("\n```").expect("a block has an end")];
            match mark {
                "<!-- terminals -->" => {
                    let lines = code.lines().filter(|line| line.starts_with("cargo run"));
                    blocks.terminals.extend(lines.map(str::to_owned));
                }
                "<!-- run -->" => {
                    blocks.shell.push_str(code);
                    blocks.shell.push('\n');
                }
                _ => (),
            }
        }
        assert!(!blocks.shell.is_empty(), "nothing on {path} is to be tried");
        blocks
    }
}
