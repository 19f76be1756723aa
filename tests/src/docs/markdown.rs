use std::fmt::Write;

/// A page that grows.
#[derive(Debug, Default)]
pub(super) struct Markdown(String);

impl Markdown {
    pub(super) fn heading(&mut self, level: usize, text: &str) {
        self.line(&format!("{} {text}\n", "#".repeat(level)));
    }

    pub(super) fn paragraph(&mut self, text: &str) {
        if !text.is_empty() {
            self.line(&format!("{text}\n"));
        }
    }

    pub(super) fn block(&mut self, language: &str, text: &str) {
        self.line(&format!("```{language}\n{}\n```\n", text.trim_end()));
    }

    pub(super) fn table<const N: usize>(&mut self, head: [&str; N], rows: Vec<[String; N]>) {
        if rows.is_empty() {
            return;
        }
        self.row(&head.map(str::to_owned));
        self.line(&format!("|{}", "---|".repeat(N)));
        for row in rows {
            self.row(&row);
        }
        self.line("");
    }

    fn row(&mut self, cells: &[String]) {
        let cells = cells.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " "));
        let cells: Vec<String> = cells.collect();
        self.line(&format!("| {} |", cells.join(" | ")));
    }

    fn line(&mut self, line: &str) {
        writeln!(self.0, "{line}").expect("a string takes any text");
    }

    /// The page, with where it is from on top.
    pub(super) fn finish(self, title: &str, from: &str) -> String {
        let note = format!("<!-- Made from {from}: cargo run -p tests --bin docs -->");
        format!("# {title}\n\n{note}\n\n{}\n", self.0.trim_end())
    }
}

/// As code; nothing stays nothing.
pub(super) fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{text}`") }
}
