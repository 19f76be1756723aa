use std::{net::SocketAddr, str::FromStr};

use crate::latency::Latency;

/// How the upstream behaves. As flags they are those of the `upstream` command.
#[derive(Debug, Clone, clap::Args)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:9900")]
    pub listen: SocketAddr,
    /// How long an answer takes: `const:500ms`, `normal:500ms,700ms` or `lognormal:514ms,790ms`
    /// (the 50th and the 95th percentile). For a stream: until its first chunk.
    #[arg(long, default_value = "const:0ms")]
    pub latency: Latency,
    /// The same for requests with one key: `key=lognormal:514ms,790ms`. May be given again.
    #[arg(long, value_name = "KEY=LATENCY")]
    pub latency_of: Vec<OfKey<Latency>>,
    /// Requests with this key are all denied: 429, with so many seconds in `retry-after`. May be
    /// given again.
    #[arg(long, value_name = "KEY=SECONDS")]
    pub deny: Vec<OfKey<u64>>,
    /// How long a stream waits between chunks, in ms.
    #[arg(long, default_value_t = 0)]
    pub chunk_gap_ms: u64,
    /// Tokens that a chat answer has, if the request allows as many; without it all that are
    /// allowed.
    #[arg(long)]
    pub answer_tokens: Option<u64>,
    /// What is billed for each token that was really used.
    #[arg(long, default_value_t = 1.0)]
    pub bill_factor: f64,
    /// Own limit: tokens a minute (input plus allowed output) for each key. More gets 429.
    #[arg(long)]
    pub tpm: Option<u64>,
    /// Own limit: requests a minute for each key. More gets 429.
    #[arg(long)]
    pub rpm: Option<u64>,
    /// The share of requests that fail, from 0 to 1.
    #[arg(long, default_value_t = 0.0)]
    pub error_rate: f64,
    /// What failed requests are answered with.
    #[arg(long, default_value_t = 500)]
    pub error_status: u16,
    /// The models that it lists.
    #[arg(long = "model", default_values_t = ["gpt-4o".to_owned(), "text-embedding-3-small".to_owned()])]
    pub models: Vec<String>,
    /// Seeds latencies and failures: the same seed and order of arrival, the same run.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Something that goes for the requests with one key.
#[derive(Debug, Clone, PartialEq)]
pub struct OfKey<T> {
    /// The key.
    pub key: String,
    /// What goes for it.
    pub is: T,
}

impl<T> OfKey<T> {
    /// What goes for a key, if anything does.
    pub(crate) fn find<'a>(all: &'a [Self], key: &str) -> Option<&'a T> {
        all.iter().find(|of| of.key == key).map(|of| &of.is)
    }
}

impl<T: FromStr<Err: ToString>> FromStr for OfKey<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, is) = text.split_once('=').ok_or_else(|| format!("`{text}` has no `=`"))?;
        Ok(Self { key: key.to_owned(), is: is.parse().map_err(|why: T::Err| why.to_string())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_for_a_key_is_read() {
        let all: Vec<OfKey<u64>> = ["a=5", "b=7"].map(|text| text.parse().unwrap()).into();
        assert_eq!((OfKey::find(&all, "b"), OfKey::find(&all, "c")), (Some(&7), None));
        assert!("a".parse::<OfKey<u64>>().is_err() && "a=x".parse::<OfKey<u64>>().is_err());
    }
}
