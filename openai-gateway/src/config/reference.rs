//! LiteLLM's `os.environ/NAME` stands for the value of an environment variable.

use std::collections::HashMap;

const PREFIX: &str = "os.environ/";

/// The process's environment, taken once and passed in.
#[derive(Clone, Default)]
pub struct Environment(HashMap<String, String>);

impl Environment {
    /// The environment of this process, as far as it is Unicode.
    #[must_use]
    pub fn of_process() -> Self {
        let unicode = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(unicode).collect())
    }

    /// A variable that is set to something.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The text itself, or what the variable that it refers to holds.
    pub(super) fn resolve(&self, text: &str) -> Result<String, String> {
        let Some(name) = text.strip_prefix(PREFIX) else {
            return Ok(text.to_owned());
        };
        self.var(name)
            .map(str::to_owned)
            .ok_or_else(|| format!("the environment variable {name} is not set"))
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(vars: [(&str, &str); N]) -> Self {
        let owned = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self(HashMap::from(owned))
    }
}
