//! Names with `*` in them, which stand for any text.

use std::borrow::Cow;

/// A `model_name` that many names fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// What stands before the first `*`, between two, and after the last: two at least.
    pieces: Vec<String>,
}

impl Pattern {
    /// The pattern that a name is, if it is one.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        name.contains('*')
            .then(|| Self { pieces: name.split('*').map(ToOwned::to_owned).collect() })
    }

    /// What the `*`s stand for in this name; where it can be read in several ways, the first takes
    /// as much as it can.
    #[must_use]
    pub fn capture<'a>(&self, name: &'a str) -> Option<Vec<&'a str>> {
        let (first, others) = self.pieces.split_first()?;
        let mut rest = name.strip_prefix(first.as_str())?;
        let mut captured = Vec::with_capacity(others.len());
        let mut last = true;
        for piece in others.iter().rev() {
            let at =
                if last { rest.strip_suffix(piece.as_str())?.len() } else { rest.rfind(piece)? };
            captured.push(&rest[at + piece.len()..]);
            rest = &rest[..at];
            last = false;
        }
        captured.push(rest);
        // The first thing that was captured stands after the last piece: nothing.
        captured.remove(0);
        captured.reverse();
        Some(captured)
    }

    /// A template with its `*`s replaced by what a name has for them, in order.
    #[must_use]
    pub fn fill<'a>(&self, template: &'a str, name: &str) -> Cow<'a, str> {
        let mut captured = self.capture(name).unwrap_or_default().into_iter();
        let mut pieces = template.split('*');
        let Some(mut filled) = pieces.next().map(ToOwned::to_owned) else {
            return Cow::Borrowed(template);
        };
        for piece in pieces {
            filled.push_str(captured.next().unwrap_or_default());
            filled.push_str(piece);
        }
        Cow::Owned(filled)
    }

    /// More specific patterns are asked first, as LiteLLM does: those with more letters, then those
    /// with fewer `*`s.
    #[must_use]
    pub fn specificity(&self) -> (usize, usize) {
        let letters = self.pieces.iter().map(String::len).sum();
        (letters, usize::MAX - self.pieces.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, name, captured) in [
            ("*", "gpt-4o", Some(vec!["gpt-4o"])),
            ("*", "", Some(vec![""])),
            ("openai/*", "openai/gpt-4o", Some(vec!["gpt-4o"])),
            ("openai/*", "azure/gpt-4o", None),
            ("*-preview", "o1-preview", Some(vec!["o1"])),
            ("*-preview", "o1-preview-2", None),
            ("team*chat", "team-a-chat", Some(vec!["-a-"])),
            ("team*chat", "teamchat", Some(vec![""])),
            ("team*chat", "teacha", None),
            ("gpt-*-*", "gpt-4-o-mini", Some(vec!["4-o", "mini"])),
            ("aa*aa", "aaa", None),
        ] {
            assert_eq!(Pattern::of(pattern).unwrap().capture(name), captured, "{pattern} {name}");
        }
        assert_eq!(Pattern::of("gpt-4o"), None);
    }

    #[test]
    fn a_template_is_filled_in_order() {
        let pattern = Pattern::of("gpt-*-*").unwrap();
        assert_eq!(pattern.fill("*+*", "gpt-4-mini"), "4+mini");
        assert_eq!(pattern.fill("*", "gpt-4-mini"), "4");
        assert_eq!(pattern.fill("fixed", "gpt-4-mini"), "fixed");
        assert_eq!(pattern.fill("*/*/*", "gpt-4-mini"), "4/mini/");
    }

    #[test]
    fn the_more_letters_the_more_specific() {
        let of = |name| Pattern::of(name).unwrap().specificity();
        assert!(of("openai/gpt-*") > of("openai/*"));
        assert!(of("openai/*") > of("*"));
        assert!(of("a*") > of("*a*"));
    }
}
