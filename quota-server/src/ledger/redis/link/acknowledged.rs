//! Warnings that an operator has read, and that cannot be satisfied: a managed Redis lets nobody
//! read its settings, say.

use std::str::FromStr;

use super::Warning;

/// What is not warned of any more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acknowledged(Vec<Warning>);

impl Acknowledged {
    pub(crate) fn has(&self, warning: Warning) -> bool {
        self.0.contains(&warning)
    }
}

/// Names with commas between.
impl FromStr for Acknowledged {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = |name: &str| {
            let found = Warning::ALL.into_iter().find(|warning| warning.name() == name);
            found.ok_or_else(|| {
                let names = Warning::ALL.map(|warning| format!("`{}`", warning.name()));
                format!("the warnings there are: {}", names.join(", "))
            })
        };
        text.split(',').map(|name| named(name.trim())).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_acknowledged_by_their_names() {
        let some: Acknowledged = "unreadable, syncs-late".parse().unwrap();
        assert!(some.has(Warning::Unreadable) && some.has(Warning::SyncsLate));
        assert!(!some.has(Warning::Evicts));
        for text in ["", "all", "unreadable,"] {
            assert!(text.parse::<Acknowledged>().unwrap_err().contains("`never-syncs`"), "{text}");
        }
    }
}
