//! LiteLLM's `os.environ/NAME` stands for the value of an environment variable.

use std::collections::HashMap;

use super::yaml::Scalar;

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

    /// The first of these variables that is set to something.
    pub(super) fn first(&self, names: &[&'static str]) -> Option<(&'static str, &str)> {
        names.iter().find_map(|name| Some((*name, self.var(name)?)))
    }

    /// Sets a variable.
    pub(super) fn set(&mut self, name: &str, value: String) {
        self.0.insert(name.to_owned(), value);
    }

    /// The scalar itself, or what the variable that it refers to holds. That counts as unquoted: a
    /// variable has no other way to hold a number.
    pub(super) fn resolve(&self, scalar: &Scalar) -> Result<Scalar, String> {
        let Some(name) = reference(&scalar.text) else {
            return Ok(scalar.clone());
        };
        self.var(name)
            .map(|value| Scalar { text: value.to_owned(), plain: true })
            .ok_or_else(|| format!("the environment variable {name} is not set"))
    }
}

/// The variable that a text refers to.
pub(super) fn reference(text: &str) -> Option<&str> {
    text.strip_prefix(PREFIX)
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(vars: [(&str, &str); N]) -> Self {
        vars.into_iter().collect()
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Environment {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(vars: I) -> Self {
        Self(vars.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}
