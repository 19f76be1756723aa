use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use super::{Config, LedgerConfig, file, layers};
use crate::ask::Ask;
use crate::auth::Role;
use crate::mistake::Mistake;

/// The quota server of tokenlease: keeps the book, hands out leases.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = LAYERS)]
struct Cli {
    #[command(subcommand)]
    command: Option<Task>,
    #[command(flatten)]
    config: Config,
}

const LAYERS: &str = "\
A flag can also be set in the environment, as QUOTA_ and its name (QUOTA_DRAIN_MS), and in the file \
of --config, as a key with underscores in the table of its section ([http] drain_ms). Flags win over \
the environment, the environment over the file.

Tokens never come from a flag: see --tokens-file, or set QUOTA_ADMIN_TOKEN, QUOTA_GATEWAY_TOKEN, \
QUOTA_VIEWER_TOKEN.

Exit codes: 0 stopped as told; 64 a mistake in a flag, a variable or a file, with where it is; 1 anything else.";

/// What there is to do.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Serve the lease API (the default)
    #[command(after_help = LAYERS)]
    Serve(Box<Config>),
    /// Bring the tables of the ledger's database up to date, as a start does, and nothing else
    #[command(after_help = LAYERS)]
    Migrate(Box<Config>),
    /// Make a token: prints it once, with its lines for the tokens file
    Token {
        /// Its name: the credential that leases are bound to
        #[arg(long)]
        name: String,
        /// What it may do
        #[arg(long)]
        role: Role,
    },
    /// Something of a server that runs.
    #[command(flatten)]
    Ask(Box<Ask>),
}

/// The command line, for completion and for the documentation.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Why there is nothing to do.
#[derive(Debug)]
pub enum Answer {
    /// Help or the version was asked for.
    Text(String),
    /// Something is wrong.
    Mistake(Mistake),
}

impl From<Mistake> for Answer {
    fn from(mistake: Mistake) -> Self {
        Self::Mistake(mistake)
    }
}

/// What to do, by the arguments (the first is the program's name), the environment, and the file
/// that either names.
///
/// # Errors
/// Help was asked for, or something is wrong.
pub fn parse(args: &[OsString], env: impl Fn(&str) -> Option<String>) -> Result<Task, Answer> {
    let command = Cli::command();
    let flags = command.clone().try_get_matches_from(args).map_err(|error| answer(&error))?;
    if !matches!(flags.subcommand_name(), None | Some("serve" | "migrate")) {
        return Ok(from(&flags)?.task());
    }
    LedgerConfig::check_flags(flags.subcommand().map_or(&flags, |(_, flags)| flags))?;
    let command = with_layers(command, &flags, &env)?;
    let matches = command.try_get_matches_from(args).map_err(|error| answer(&error))?;
    let task = from(&matches)?.task();
    if let Task::Serve(config) | Task::Migrate(config) = &task {
        config.ledger.check()?;
    }
    Ok(task)
}

/// Reads settings as the TOML file gives them, without an environment.
pub(crate) fn check(text: &str) -> Result<(), Answer> {
    let mut command = Cli::command();
    let settings = file::settings("quota.toml".as_ref(), text)?;
    for lower in layers::of_file(&command, settings)? {
        command = layers::lay(command, lower)?;
    }
    let matches = command.try_get_matches_from(["quota-server"]);
    from(&matches.map_err(|error| answer(&error))?).map(drop)
}

impl Cli {
    fn task(self) -> Task {
        self.command.unwrap_or(Task::Serve(Box::new(self.config)))
    }
}

fn from(matches: &ArgMatches) -> Result<Cli, Answer> {
    Cli::from_arg_matches(matches).map_err(|error| answer(&error))
}

fn with_layers(
    mut command: clap::Command,
    flags: &ArgMatches,
    env: &impl Fn(&str) -> Option<String>,
) -> Result<clap::Command, Mistake> {
    let named = flags.subcommand().map_or(flags, |(_, flags)| flags);
    let path = named.get_one::<PathBuf>("config").cloned();
    let path = path.or_else(|| env("QUOTA_CONFIG").map(PathBuf::from));
    let mut lowers = match path {
        Some(path) => layers::of_file(&command, file::read(&path)?)?,
        None => Vec::new(),
    };
    lowers.extend(layers::of_environment(&command, env));
    for lower in lowers {
        command = layers::lay(command, lower)?;
    }
    Ok(command)
}

fn answer(error: &clap::Error) -> Answer {
    if error.use_stderr() {
        Answer::Mistake(Mistake::at(
            "arguments",
            error.to_string().trim_start_matches("error: ").trim_end(),
        ))
    } else {
        Answer::Text(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn none(_: &str) -> Option<String> {
        None
    }

    fn parse_line(line: &str, env: impl Fn(&str) -> Option<String>) -> Result<Config, Answer> {
        let args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        match parse(&args, env)? {
            Task::Serve(config) | Task::Migrate(config) => Ok(*config),
            other => panic!("{other:?} has no configuration"),
        }
    }

    fn config_file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn mistake(result: Result<Config, Answer>) -> Mistake {
        match result {
            Err(Answer::Mistake(mistake)) => mistake,
            other => panic!("{other:?} is no mistake"),
        }
    }

    #[test]
    fn nothing_at_all_serves_the_default() {
        let config = parse_line("quota-server", none).unwrap();
        assert_eq!(config.http.listen, "127.0.0.1:7700".parse().unwrap());
        assert_eq!(config.http.drain_ms, 10_000);
        assert_eq!(config.ledger.data_dir, PathBuf::from("./quota-data"));
    }

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_file() {
        let file = config_file(
            "[http]\ndrain_ms = 1\nrequest_ms = 100\nbody_read_ms = 1_000\n\
             [access]\nallow_anonymous = true\n[log]\nlog_format = \"json\"",
        );
        let env = |name: &str| match name {
            "QUOTA_CONFIG" => Some(file.path().to_str().unwrap().to_owned()),
            "QUOTA_DRAIN_MS" => Some("2".to_owned()),
            "QUOTA_REQUEST_MS" => Some("200".to_owned()),
            _ => None,
        };
        for task in ["", " serve", " migrate"] {
            let line = &format!("quota-server{task} --drain-ms 3");
            let config = parse_line(line, env).unwrap();
            let http = &config.http;
            assert_eq!((http.drain_ms, http.request_ms, http.body_read_ms), (3, 200, 1_000));
            assert!(config.access.allow_anonymous);
            assert_eq!(config.log.log_format, super::super::LogFormat::Json);
            assert_eq!(http.max_requests, 4_096, "the default");
        }
    }

    #[test]
    fn mistakes_of_a_file_say_where_they_are() {
        for (text, place, what) in [
            ("[http]\ndrain = 1", ":2:1", "no `drain` in section `http`"),
            ("[log]\ndrain_ms = 1", ":2:1", "no `drain_ms` in section `log`"),
            ("[http]\ndrain-ms = 1", ":2:1", "no `drain-ms` in section `http`"),
            ("drain_ms = 1", ":1:1", "must be a table"),
            ("[http]\n\ndrain_ms = -1", ":3:1", "invalid value '-1'"),
            ("[http]\ndrain_ms = [1]", ":2:1", "belongs here"),
            ("[http]\nlisten = 7700", ":2:1", "invalid value '7700' for '--listen <ADDR>'"),
            ("[http]\nlisten = ", ":2:10", "string values must be quoted"),
            ("[ledger]\nledger = \"oracle\"", ":2:1", "the ledgers there are"),
            ("[log]\nlog_level = \"a=b=c\"", ":2:1", "invalid"),
        ] {
            let file = config_file(text);
            let path = file.path().to_str().unwrap();
            let found = mistake(parse_line(&format!("quota-server --config {path}"), none));
            assert_eq!(found.place, format!("{path}{place}"), "{found}");
            assert!(found.what.contains(what), "{found}");
        }
    }

    #[test]
    fn mistakes_elsewhere_say_where_they_are() {
        let found = mistake(parse_line("quota-server", |name| {
            (name == "QUOTA_SHARDS").then(|| "many".to_owned())
        }));
        assert_eq!(found.place, "environment: QUOTA_SHARDS");
        let found = mistake(parse_line("quota-server --shards 0", none));
        assert!(found.to_string().contains("--shards"), "{found}");
        let found = mistake(parse_line("quota-server --ledger postgres", none));
        assert!(found.what.contains("`database_url` must be set"), "{found}");
        let found = mistake(parse_line("quota-server --config /no/such/file", none));
        assert_eq!(found.place, "/no/such/file");
        mistake(parse_line("quota-server --frobnicate", none));
        let url = "postgres://h/q?sslmode=certainly";
        let found = mistake(parse_line(&format!("quota-server --database-url {url}"), none));
        assert_eq!(found.place, "database_url", "no wait cures it");
    }

    #[test]
    fn a_password_is_taken_from_the_environment_and_refused_in_a_flag() {
        const URL: &str = "postgres://me:hush@127.0.0.1:5432/quota";
        let env = |name: &str| (name == "QUOTA_DATABASE_URL").then(|| URL.to_owned());
        let config = parse_line("quota-server", env).unwrap();
        assert_eq!(config.ledger.database_url.as_ref().unwrap().reveal(), URL);
        assert!(!format!("{config:?}").contains("hush"));
        for line in ["quota-server", "quota-server serve"] {
            for flag in ["database-url", "redis-url"] {
                let found = mistake(parse_line(&format!("{line} --{flag} {URL}"), none));
                assert_eq!(found.place, format!("--{flag}"));
                assert!(!found.to_string().contains("hush"), "{found}");
            }
        }
    }

    #[test]
    fn help_shows_every_flag_with_its_default() {
        for line in ["quota-server --help", "quota-server serve --help"] {
            let Err(Answer::Text(help)) = parse_line(line, none) else {
                panic!("no help");
            };
            for default in
                ["[default: 127.0.0.1:7700]", "[default: ./quota-data]", "[default: 10000]"]
            {
                assert!(help.contains(default), "{default} is not in\n{help}");
            }
        }
    }

    #[test]
    fn the_sample_shows_every_setting_with_its_default() {
        let path = "samples/quota.toml";
        let mut config = parse_line(&format!("quota-server --config {path}"), none).unwrap();
        config.config = None;
        let default = parse_line("quota-server", none).unwrap();
        assert_eq!(format!("{config:?}"), format!("{default:?}"));
        let text = std::fs::read_to_string(path).unwrap();
        let flags = Cli::command();
        let flags = flags.get_arguments().filter_map(clap::Arg::get_long);
        for flag in flags.filter(|flag| *flag != "config") {
            let key = flag.replace('-', "_");
            let is_of =
                |line: &str| line.trim_start_matches("# ").starts_with(&format!("{key} = "));
            assert!(text.lines().any(is_of), "{key} is not in {path}");
        }
    }

    #[test]
    fn the_command_is_well_formed() {
        Cli::command().debug_assert();
    }
}
