use std::fmt;

use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Hands on each item of a list, one after the other: a list of many small ones would take many
/// times its own size if it was kept. Whether it is a list at all.
pub(super) fn each_of<'a>(list: &'a RawValue, item: impl FnMut(&'a RawValue)) -> bool {
    // A list that is JSON can be read to its end.
    let is_list = list.get().starts_with('[');
    is_list && serde_json::Deserializer::from_str(list.get()).deserialize_seq(Each(item)).is_ok()
}

struct Each<F>(F);

impl<'de, F: FnMut(&'de RawValue)> Visitor<'de> for Each<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        while let Some(item) = seq.next_element()? {
            (self.0)(item);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_of_a_list_is_seen_and_nothing_else_is_one() {
        for (json, items) in [
            ("[]", Some(vec![])),
            (
                r#" [1, "a,b" , [2, 3],{"c":[4]}] "#,
                Some(vec!["1", r#""a,b""#, "[2, 3]", r#"{"c":[4]}"#]),
            ),
            (r#""[1]""#, None),
            ("{}", None),
            ("null", None),
        ] {
            let mut seen = Vec::new();
            let is_list =
                each_of(serde_json::from_str(json).unwrap(), |item| seen.push(item.get()));
            assert_eq!(is_list.then_some(seen), items, "{json}");
        }
    }
}
