use clap::{Arg, Command};

use super::markdown::{Markdown, code};

/// Every setting of the server, by section.
pub(super) fn page() -> String {
    let command = quota_server::config::command();
    let mut page = Markdown::default();
    page.paragraph(INTRODUCTION);
    page.block("toml", "[http]\nlisten = \"127.0.0.1:7700\"\ndrain_ms = 5_000");
    for section in sections(&command) {
        page.heading(2, section);
        let of = |arg: &&Arg| arg.get_help_heading() == Some(section);
        let rows = command.get_arguments().filter(of).filter_map(row);
        page.table(["flag", "variable", "key", "default", "is"], rows.collect());
    }
    page.heading(2, "Tokens");
    page.paragraph(TOKENS);
    page.finish("Settings of the server", "the command line of quota-server")
}

const INTRODUCTION: &str = "\
Flags, the environment and a TOML file, in that order of precedence. The file is named by `--config` or `QUOTA_CONFIG`; \
its keys stand in the table of their section. Unknown keys are refused; a mistake ends the start with exit code 64 and says \
where it is. `quota-server/samples/quota.toml` shows every key with its default.";

const TOKENS: &str = "\
Tokens never come from a flag, which everybody on the machine can see. They are in the tokens file, hashed, or one for each role in \
`QUOTA_ADMIN_TOKEN`, `QUOTA_GATEWAY_TOKEN` and `QUOTA_VIEWER_TOKEN`. Passwords of stores come from files that the flags above name, or \
from `QUOTA_DATABASE_URL` and `QUOTA_REDIS_URL`.";

fn sections(command: &Command) -> Vec<&str> {
    let mut sections = Vec::new();
    for section in command.get_arguments().filter_map(Arg::get_help_heading) {
        if !sections.contains(&section) {
            sections.push(section);
        }
    }
    sections
}

fn row(arg: &Arg) -> Option<[String; 5]> {
    let flag = arg.get_long()?;
    let key = flag.replace('-', "_");
    let variable = format!("QUOTA_{}", key.to_uppercase());
    let (meaning, default) = meaning(arg);
    Some([code(&format!("--{flag}")), code(&variable), code(&key), default, meaning])
}

/// What it is, and its default: clap's, or the one that the text tells in brackets.
pub(super) fn meaning(arg: &Arg) -> (String, String) {
    let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string);
    let mut help = help.unwrap_or_default();
    let mut default = arg.get_default_values().iter().map(|value| value.to_string_lossy());
    let mut default = code(&default.next().unwrap_or_default());
    if let Some((before, told)) = help.clone().split_once(" [default: ") {
        let (told, after) = told.split_once(']').unwrap_or((told, ""));
        help = format!("{before}{after}");
        default = told.to_owned();
    }
    let words: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|value| !["true", "false"].contains(&value.get_name()))
        .map(|value| code(value.get_name()))
        .collect();
    if !words.is_empty() {
        help = format!("{help}: {}", words.join(", "));
    }
    if let Some(variable) = arg.get_env() {
        help = format!("{help} (`{}`)", variable.to_string_lossy());
    }
    (help, default)
}
