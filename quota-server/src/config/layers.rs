//! The layers below the flags, handed to clap as defaults: first the file's, over them the
//! environment's.

use clap::Command;

use super::file::Setting;
use crate::mistake::Mistake;

/// One value of a lower layer.
pub(super) struct Lower {
    /// The flag that it stands for.
    pub(super) flag: String,
    pub(super) value: String,
    pub(super) place: String,
}

/// What the environment says, flag by flag.
pub(super) fn of_environment(
    command: &Command,
    env: impl Fn(&str) -> Option<String>,
) -> Vec<Lower> {
    let flags = command.get_arguments().filter_map(clap::Arg::get_long);
    flags
        .filter_map(|flag| {
            let variable = format!("QUOTA_{}", flag.to_uppercase().replace('-', "_"));
            Some(Lower {
                flag: flag.to_owned(),
                value: env(&variable)?,
                place: format!("environment: {variable}"),
            })
        })
        .collect()
}

/// What the file says. Its section is the heading that the flag has in the help.
pub(super) fn of_file(command: &Command, settings: Vec<Setting>) -> Result<Vec<Lower>, Mistake> {
    settings
        .into_iter()
        .map(|setting| {
            let flag = setting.key.replace('_', "-");
            let is_it = |arg: &&clap::Arg| {
                arg.get_long() == Some(&flag)
                    && arg.get_help_heading() == Some(setting.section.as_str())
                    && !setting.key.contains('-')
            };
            if command.get_arguments().any(|arg| is_it(&arg)) {
                Ok(Lower { flag, value: setting.value, place: setting.place })
            } else {
                let what =
                    format!("there is no `{}` in section `{}`", setting.key, setting.section);
                Err(Mistake::at(setting.place, what))
            }
        })
        .collect()
}

/// Makes a value the flag's default, if it is one that the flag takes. `serve` takes the same flags
/// with and without its name, and `migrate` too, so it is laid under all.
pub(super) fn lay(command: Command, lower: Lower) -> Result<Command, Mistake> {
    let flag = format!("--{}={}", lower.flag, lower.value);
    command
        .clone()
        .try_get_matches_from([command.get_name(), &flag])
        .map_err(|error| Mistake::at(lower.place, reason(&error)))?;
    let set = |command: Command| {
        command.mut_args(|arg| {
            if arg.get_long() == Some(&lower.flag) {
                arg.default_value(lower.value.clone())
            } else {
                arg
            }
        })
    };
    Ok(set(command).mut_subcommand("serve", set).mut_subcommand("migrate", set))
}

/// The first line of what clap says, without its prefix.
pub(super) fn reason(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}
