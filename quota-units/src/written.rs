//! What amounts and limits are written as: in journals, where the order of the fields is the
//! format, in stored policies, and in what is printed for people. It never changes. A unit that
//! comes later is no part of it: where one is to be written, it is by a form of its own.

use serde::{Deserialize, Serialize};

use crate::{Amount, Limit};

#[derive(Serialize, Deserialize)]
#[serde(rename = "Amount")]
pub(crate) struct WrittenAmount {
    tokens: u64,
    requests: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Limit")]
pub(crate) struct WrittenLimit {
    tokens: Option<u64>,
    requests: Option<u64>,
}

impl From<Amount> for WrittenAmount {
    fn from(amount: Amount) -> Self {
        Self { tokens: amount.tokens(), requests: amount.requests() }
    }
}

impl From<WrittenAmount> for Amount {
    fn from(written: WrittenAmount) -> Self {
        Self::new(written.tokens, written.requests)
    }
}

impl From<Limit> for WrittenLimit {
    fn from(limit: Limit) -> Self {
        Self { tokens: limit.tokens(), requests: limit.requests() }
    }
}

impl From<WrittenLimit> for Limit {
    fn from(written: WrittenLimit) -> Self {
        Self::new(written.tokens, written.requests)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use serde::de::DeserializeOwned;

    use super::*;

    fn is_written_as<T>(value: &T, bytes: &[u8], text: &str)
    where
        T: Serialize + DeserializeOwned + PartialEq + Debug,
    {
        assert_eq!(postcard::to_stdvec(value).unwrap(), bytes);
        assert_eq!(postcard::from_bytes::<T>(bytes).unwrap(), *value);
        assert_eq!(serde_json::to_string(value).unwrap(), text);
        assert_eq!(serde_json::from_str::<T>(text).unwrap(), *value);
    }

    #[test]
    fn old_journals_and_policies_are_read_and_new_ones_are_as_they_were() {
        is_written_as(&Amount::new(300, 2), &[0xac, 2, 2], r#"{"tokens":300,"requests":2}"#);
        let limit = Limit::new(Some(300), None);
        is_written_as(&limit, &[1, 0xac, 2, 0], r#"{"tokens":300,"requests":null}"#);
    }
}
