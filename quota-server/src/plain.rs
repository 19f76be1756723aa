//! Text of others, as a terminal may be given it.

use std::borrow::Cow;
use std::fmt::Write as _;

/// A text with nothing in it that a terminal obeys or that turns its reading direction: such
/// characters are written as `\u001b`, as JSON writes them, so JSON stays what it was. Lines and
/// tabs stay.
#[must_use]
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_obeyed) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_obeyed(character) {
            // Writing into a string does not fail.
            let _ = write!(shown, "\\u{:04x}", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    shown.into()
}

fn is_obeyed(character: char) -> bool {
    !matches!(character, '\n' | '\t') && (character.is_control() || is_hidden(character))
}

/// What changes how text around it is read: marks and overrides of direction, separators of lines
/// and paragraphs.
pub(crate) const fn is_hidden(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_nothing_of_it() {
        for (text, shown) in [
            ("ID\ta\nlonger \u{e4}", "ID\ta\nlonger \u{e4}"),
            ("\u{1b}]0;title\u{7}", "\\u001b]0;title\\u0007"),
            ("a\r\u{7f}\u{9b}31m", "a\\u000d\\u007f\\u009b31m"),
            ("a\u{202e}b\u{2028}c\u{2066}", "a\\u202eb\\u2028c\\u2066"),
        ] {
            assert_eq!(plain(text), shown);
        }
    }

    #[test]
    fn json_says_the_same() {
        let text = serde_json::to_string("\u{9b}31m \u{1b} \u{202e}").unwrap();
        let shown = plain(&text);
        assert!(shown.is_ascii());
        let (read, meant): (String, String) =
            (serde_json::from_str(&shown).unwrap(), serde_json::from_str(&text).unwrap());
        assert_eq!(read, meant);
    }
}
