//! What a deployment is called at the quota server.

use std::collections::HashMap;

use gateway_client::api;
use reqwest::Url;
use sha2::{Digest, Sha256};

use super::endpoint::VERSION_PARAMETER;
use super::reach::Reach;

/// An id that was made for an entry.
pub(super) struct Derived {
    pub(super) id: String,
    /// Only its place among the entries tells it from another.
    pub(super) is_by_place: bool,
}

/// The ids that a file's entries have, each once.
#[derive(Default)]
pub(super) struct Identities {
    /// How many entries without an id are alike in all that an id is made of.
    alike: HashMap<String, u32>,
}

impl Identities {
    /// An id for an entry that names none: readable, the same in every replica that reads this
    /// file, and another for an entry with another group, model, endpoint or key. What of the key
    /// counts is the variable that holds it: a key that is changed makes no new deployment with a
    /// fresh limit. Limits, weights and the version of Azure's API don't count either. Of entries
    /// that are alike in all of this the second gets another id than the first.
    pub(super) fn derive(&mut self, group: &str, reach: &Reach) -> Derived {
        let base = without_version(reach.endpoint.base());
        let identity = [group, &reach.model, base.as_str(), &reach.key_name].join("\0");
        let name = slug(&format!("{group}-{}", base.host_str().unwrap_or_default()));
        let hash = Sha256::digest(identity.as_bytes());
        let hash: String = hash[..6].iter().map(|byte| format!("{byte:02x}")).collect();
        let id = format!("{name}-{hash}");
        let before = self.alike.entry(id.clone()).or_default();
        *before += 1;
        let is_by_place = *before > 1;
        Derived { id: if is_by_place { format!("{id}-{before}") } else { id }, is_by_place }
    }
}

/// A new version of its API makes no new endpoint.
fn without_version(base: &Url) -> Url {
    let mut url = base.clone();
    let is_other = |(name, _): &(_, _)| name != VERSION_PARAMETER;
    let all = base.query_pairs().count();
    let others: Vec<_> = base.query_pairs().filter(is_other).collect();
    if others.is_empty() {
        url.set_query(None);
    } else if others.len() < all {
        url.query_pairs_mut().clear().extend_pairs(others);
    }
    url
}

/// Whether an id that a file says is one.
pub(super) fn is_id(id: &str) -> bool {
    let is_visible = |byte: u8| (0x21..=0x7e).contains(&byte);
    !id.is_empty() && id.len() <= api::limits::MAX_NAME_BYTES && id.bytes().all(is_visible)
}

/// Lower-case letters, digits and single dashes, short enough to leave room for a hash.
fn slug(text: &str) -> String {
    let dashed = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let text: String = text.chars().map(dashed).take(96).collect();
    let words: Vec<_> = text.split('-').filter(|word| !word.is_empty()).collect();
    words.join("-")
}
