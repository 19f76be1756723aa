use clap::{Arg, Command, CommandFactory};
use openai_gateway::cli::Cli as Gateway;

use super::{
    markdown::{Markdown, code},
    settings::meaning,
};

/// Every command with its arguments.
pub(super) fn page() -> String {
    let mut root = quota_server::config::command();
    root.build();
    let mut page = Markdown::default();
    page.paragraph(INTRODUCTION);
    for command in root.get_subcommands().filter(|command| command.get_name() != "help") {
        commands(&mut page, "quota-server", command);
    }
    let mut gateway = Gateway::command();
    gateway.build();
    one(&mut page, "openai-gateway", &gateway);
    for command in gateway.get_subcommands().filter(|command| command.get_name() != "help") {
        commands(&mut page, "openai-gateway", command);
    }
    page.finish("The command line", "the command lines of quota-server and openai-gateway")
}

const INTRODUCTION: &str = "\
`quota-server` alone serves. `--help` tells of each command what stands here. Those that ask a server take its URL from `--url` or \
`QUOTA_URL`, and a token from `QUOTA_TOKEN` or `--token-file`, never from a flag.";

/// Only those that do something themselves.
fn commands(page: &mut Markdown, before: &str, command: &Command) {
    let name = format!("{before} {}", command.get_name());
    let mut below = command.get_subcommands().filter(|command| command.get_name() != "help");
    let Some(first) = below.next() else {
        return one(page, &name, command);
    };
    commands(page, &name, first);
    below.for_each(|command| commands(page, &name, command));
}

fn one(page: &mut Markdown, name: &str, command: &Command) {
    page.heading(2, &code(name));
    let about = command.get_long_about().or(command.get_about());
    page.paragraph(&about.map(ToString::to_string).unwrap_or_default());
    let mut usage = command.clone();
    let usage = usage.render_usage().to_string();
    page.block("text", usage.trim_start_matches("Usage: "));
    if command.get_arguments().any(|arg| arg.get_long() == Some("data-dir") && is_setting(arg)) {
        page.paragraph("Takes all [settings](settings.md).");
        return;
    }
    let shown = |arg: &&Arg| !["help", "version"].contains(&arg.get_id().as_str());
    let rows = command.get_arguments().filter(shown).map(row);
    page.table(["argument", "default", "is"], rows.collect());
    if let Some(after) = command.get_after_help() {
        page.block("text", &after.to_string());
    }
}

fn is_setting(arg: &Arg) -> bool {
    arg.get_help_heading() == Some("ledger")
}

fn row(arg: &Arg) -> [String; 3] {
    let (meaning, default) = meaning(arg);
    let values = arg.get_value_names().unwrap_or_default();
    let takes_value = arg.get_action().takes_values();
    let value = values.first().filter(|_| takes_value).map(|name| format!(" <{name}>"));
    let value = value.unwrap_or_default();
    let name = match (arg.get_long(), arg.get_short()) {
        (Some(long), Some(short)) => format!("-{short}, --{long}{value}"),
        (Some(long), None) => format!("--{long}{value}"),
        _ => value.trim_start().to_owned(),
    };
    [code(&name), default, meaning]
}
