//! What a deployment is called at the quota server.

use std::collections::HashMap;

use gateway_client::api;
use sha2::{Digest, Sha256};

use super::reach::Reach;

/// The ids that a file's entries have, each once.
#[derive(Default)]
pub(super) struct Identities {
    /// How many entries without an id are alike in all that an id is made of.
    alike: HashMap<String, u32>,
}

impl Identities {
    /// An id for an entry that names none: readable, the same in every replica that reads this file,
    /// and another for an entry with another group, model, endpoint or key. What of the key counts is
    /// the variable that holds it: a key that is changed makes no new deployment with a fresh limit.
    /// Limits and weights don't count either. Of entries that are alike in all of this the second
    /// gets another id than the first.
    pub(super) fn derive(&mut self, group: &str, reach: &Reach) -> String {
        let base = reach.endpoint.base();
        let identity = [group, &reach.model, base.as_str(), &reach.key_name].join("\0");
        let name = slug(&format!("{group}-{}", base.host_str().unwrap_or_default()));
        let hash = Sha256::digest(identity.as_bytes());
        let hash: String = hash[..6].iter().map(|byte| format!("{byte:02x}")).collect();
        let id = format!("{name}-{hash}");
        let before = self.alike.entry(id.clone()).or_default();
        *before += 1;
        if *before == 1 { id } else { format!("{id}-{before}") }
    }
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
