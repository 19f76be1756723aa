//! What a scalar means: the implicit types of YAML 1.1, as PyYAML's `safe_load` has them.

use serde_json::{Number, Value as Json};

/// A single value, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Scalar {
    pub(in super::super) text: String,
    /// Not quoted: it may be something else than a text.
    pub(in super::super) plain: bool,
}

impl Scalar {
    pub(in super::super) fn is_null(&self) -> bool {
        self.plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }

    pub(in super::super) fn as_bool(&self) -> Option<bool> {
        if !self.plain {
            return None;
        }
        let text = self.text.as_str();
        let any = |lower: [&str; 3]| {
            let cased = |word: &str| {
                let (first, rest) = word.split_at(1);
                text == word
                    || text == word.to_uppercase()
                    || text == format!("{}{rest}", first.to_uppercase())
            };
            lower.into_iter().any(cased)
        };
        match () {
            () if any(["yes", "true", "on"]) => Some(true),
            () if any(["no", "false", "off"]) => Some(false),
            () => None,
        }
    }

    /// As a number, for one who wants a number: also what YAML 1.1 calls a text, as `1e6` or
    /// `"60"`.
    pub(in super::super) fn as_number(&self) -> Option<f64> {
        let text = self.text.trim();
        let typed = if self.plain { integer(text) } else { None };
        let number = typed.and_then(|number| number.as_f64());
        number
            .or_else(|| text.replace('_', "").parse().ok())
            .filter(|number: &f64| number.is_finite())
    }

    /// As a value of JSON, for what is passed on.
    pub(in super::super) fn to_json(&self) -> Json {
        if self.is_null() {
            return Json::Null;
        }
        if let Some(boolean) = self.as_bool() {
            return Json::Bool(boolean);
        }
        let number = self.plain.then(|| integer(&self.text).or_else(|| float(&self.text)));
        number.flatten().map_or_else(|| Json::String(self.text.clone()), Json::Number)
    }
}

/// `[-+]?` and then `0b1_0`, `010`, `0xff`, `1:30` (sexagesimal) or `1_000`.
fn integer(text: &str) -> Option<Number> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let digits = digits.replace('_', "");
    let value = match digits.as_bytes() {
        [b'0'] => Some(0),
        [b'0', b'b', ..] => i128::from_str_radix(&digits[2..], 2).ok(),
        [b'0', b'x', ..] => i128::from_str_radix(&digits[2..], 16).ok(),
        [b'0', ..] => i128::from_str_radix(&digits, 8).ok(),
        _ if digits.contains(':') => sexagesimal(&digits),
        _ => digits.parse().ok(),
    }?;
    Number::from_i128(if negative { -value } else { value })
}

fn sexagesimal(digits: &str) -> Option<i128> {
    let mut places = digits.split(':');
    let first: i128 = places.next()?.parse().ok()?;
    places.try_fold(first, |sum, place| {
        let place: i128 = place.parse().ok().filter(|place| (0..60).contains(place))?;
        sum.checked_mul(60)?.checked_add(place)
    })
}

/// With a dot, and an exponent only with its sign: PyYAML takes `1e6` for a text.
fn float(text: &str) -> Option<Number> {
    let unsigned = text.trim_start_matches(['-', '+']);
    let digits = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let signed_exponent = match text.split_once(['e', 'E']) {
        Some((_, exponent)) => exponent.starts_with(['-', '+']),
        None => true,
    };
    if !(digits && text.contains('.') && signed_exponent) {
        return None;
    }
    Number::from_f64(text.replace('_', "").parse().ok()?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plain(text: &str) -> Scalar {
        Scalar { text: text.to_owned(), plain: true }
    }

    #[test]
    fn plain_texts_are_what_pyyaml_makes_of_them() {
        for (text, meant) in [
            ("yes", json!(true)),
            ("Off", json!(false)),
            ("ON", json!(true)),
            ("y", json!("y")),
            ("oN", json!("oN")),
            ("~", json!(null)),
            ("", json!(null)),
            ("010", json!(8)),
            ("09", json!("09")),
            ("0x1F", json!(31)),
            ("0b101", json!(5)),
            ("1_000", json!(1000)),
            ("-5", json!(-5)),
            ("1:30", json!(90)),
            ("1:60", json!("1:60")),
            ("12345678901234567890", json!(12_345_678_901_234_567_890_u64)),
            ("1.5", json!(1.5)),
            ("-.5", json!(-0.5)),
            ("1e6", json!("1e6")),
            ("1.0e+6", json!(1e6)),
            ("1.0e6", json!("1.0e6")),
            ("2024-10-21", json!("2024-10-21")),
            ("gpt-4.1", json!("gpt-4.1")),
            ("1.2.3", json!("1.2.3")),
        ] {
            assert_eq!(plain(text).to_json(), meant, "{text}");
        }
        assert_eq!(Scalar { text: "yes".to_owned(), plain: false }.to_json(), json!("yes"));
    }

    #[test]
    fn a_number_is_asked_for_more_widely() {
        for (text, number) in
            [("60.0", 60.0), ("1e6", 1e6), ("010", 8.0), ("1_000", 1000.0), (" 5 ", 5.0)]
        {
            assert_eq!(plain(text).as_number(), Some(number), "{text}");
        }
        assert_eq!(Scalar { text: "60".to_owned(), plain: false }.as_number(), Some(60.0));
        for text in ["many", "inf", "nan", ""] {
            assert_eq!(plain(text).as_number(), None, "{text}");
        }
    }
}
