//! Deployments from a declarative file:
//!
//! ```yaml
//! deployments:
//!   gpt-4o-eu:
//!     tpm_limit: 150000
//!     rpm_limit: 900
//! ```
//!
//! Each entry is the body that `PUT /v1/deployments/{id}` takes, and is checked as it is there.
//! Putting what is there already changes nothing, so the file can be applied at every start, every
//! change of it and every SIGHUP. Deployments that are not in the file are left alone: they may come from the API, and a
//! line that went missing must not lift a limit.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use quota_api::DeploymentSpec;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::http::wire;
use crate::ledger::{Ledger, Put, PutError, Unavailable};
use crate::mistake::Mistake;

/// Puts under way at once: they share commits.
const AT_ONCE: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    deployments: BTreeMap<String, DeploymentSpec>,
}

/// What a file declares.
#[derive(Debug, Clone, Default)]
pub struct Declared {
    /// What is to be put.
    pub puts: Vec<Put>,
    /// The text that it was read from.
    pub(crate) content: Content,
}

/// Tells a file's texts apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Content([u8; 32]);

impl Content {
    fn of(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }
}

/// A deployment of the file that could not be put.
#[derive(Debug, thiserror::Error)]
#[error("deployment `{}`: {error}", put.id)]
pub(crate) struct NotApplied {
    /// Which one.
    pub(crate) put: Put,
    /// Why.
    #[source]
    pub(crate) error: PutError,
}

/// What applying a file did.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// Deployments that are as the file says now.
    pub(crate) deployments: usize,
    /// Those of them that there were not before.
    pub(crate) created: usize,
    /// What the ledger refuses, each for a reason of its own.
    pub(crate) refused: Vec<NotApplied>,
    /// What is to be put once the ledger takes changes.
    pub(crate) waiting: Vec<Put>,
    /// Why it takes none now: then not all of the file was asked for.
    pub(crate) away: Option<Unavailable>,
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} deployments, {} of them new", self.deployments, self.created)?;
        match self.refused.len() + self.waiting.len() {
            0 => Ok(()),
            left => write!(f, "; {left} not yet"),
        }
    }
}

/// What the audit log calls it.
pub(crate) const ACTION: &str = "deployments.declare";

/// Reads a file, and checks all of it.
///
/// # Errors
/// It cannot be read, is not of the shape, or a value is out of its bounds.
pub fn read(path: &Path) -> Result<Declared, Mistake> {
    let text = text(path)?;
    Ok(Declared { puts: parse(path, &text)?, content: Content::of(&text) })
}

/// What a file holds that is not as it was seen before, and the deployments that it declares now.
pub(crate) fn look(
    path: &Path,
    seen: Option<Content>,
) -> Option<(Content, Result<Vec<Put>, Mistake>)> {
    let text = text(path);
    // That it cannot be read is a content too: told of once.
    let content = match &text {
        Ok(text) => Content::of(text),
        Err(mistake) => Content::of(&mistake.to_string()),
    };
    let puts = || text.and_then(|text| parse(path, &text));
    (seen != Some(content)).then(|| (content, puts()))
}

fn text(path: &Path) -> Result<String, Mistake> {
    std::fs::read_to_string(path).map_err(|error| Mistake::unreadable(path, &error))
}

pub(crate) fn parse(path: &Path, text: &str) -> Result<Vec<Put>, Mistake> {
    let file: File = serde_saphyr::from_str_with_options(text, trusted())
        .map_err(|error| in_yaml(path, &error))?;
    let puts = file.deployments.into_iter().map(|(id, spec)| {
        wire::put(id.as_str().into(), spec, None).map_err(|failure| {
            let place = format!("{}: deployments.{id}", path.display());
            Mistake::at(place, failure.into_problem().detail)
        })
    });
    puts.collect()
}

/// The operator's own file, not a stranger's: it may declare as many deployments as there are. What
/// aliases multiply, and how deep things nest, stays bounded.
fn trusted() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: usize::MAX,
            max_events: usize::MAX,
            max_total_scalar_bytes: usize::MAX,
        },
    }
}

fn in_yaml(path: &Path, error: &serde_saphyr::Error) -> Mistake {
    let place = match error.location() {
        Some(at) => format!("{}:{}:{}", path.display(), at.line(), at.column()),
        None => path.display().to_string(),
    };
    Mistake::at(place, error.without_snippet().to_string())
}

/// Puts all of them: one that the ledger refuses keeps back no other. While it takes no change at all, no more are
/// asked for than were under way.
pub(crate) async fn apply(ledger: &dyn Ledger, puts: Vec<Put>) -> Applied {
    let mut applied = Applied::default();
    let mut puts = puts.into_iter();
    let mut under_way = FuturesUnordered::new();
    loop {
        while under_way.len() < AT_ONCE && applied.away.is_none() {
            let Some(put) = puts.next() else { break };
            under_way.push(async move { (ledger.put(put.clone()).await, put) });
        }
        let Some((stored, put)) = under_way.next().await else { break };
        match stored {
            Ok(stored) => {
                applied.deployments += 1;
                applied.created += usize::from(stored.created);
            }
            Err(PutError::Unavailable(why)) => {
                applied.waiting.push(put);
                applied.away.get_or_insert(why);
            }
            Err(error) => applied.refused.push(NotApplied { put, error }),
        }
    }
    applied.waiting.extend(puts);
    applied
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(text: &str) -> Mistake {
        parse(Path::new("d.yaml"), text).unwrap_err()
    }

    #[test]
    fn entries_are_what_the_api_takes() {
        let text =
            "deployments:\n  a: {tpm_limit: 500}\n  b:\n    rpm_limit: 3\n    window: rolling\n";
        let puts = parse(Path::new("d.yaml"), text).unwrap();
        let limits = puts
            .iter()
            .map(|put| (&*put.id, put.policy.limit.tokens(), put.policy.limit.requests()));
        assert_eq!(limits.collect::<Vec<_>>(), [("a", Some(500), None), ("b", None, Some(3))]);
        assert_eq!(parse(Path::new("d.yaml"), "deployments: {}").unwrap().len(), 0);
    }

    #[test]
    fn there_may_be_very_many() {
        let entries =
            (0..100_000).map(|n| format!("  model-{n}: {{tpm_limit: 500, rpm_limit: 5}}\n"));
        let text = format!("deployments:\n{}", entries.collect::<String>());
        assert_eq!(parse(Path::new("d.yaml"), &text).unwrap().len(), 100_000);
    }

    #[test]
    fn the_sample_is_one() {
        let puts = read(Path::new("samples/deployments.yaml")).unwrap().puts;
        let ids: Vec<_> = puts.iter().map(|put| &*put.id).collect();
        assert_eq!(ids, ["embeddings-eu", "gpt-4o-eu"]);
    }

    #[test]
    fn mistakes_say_where_they_are() {
        for (text, place, what) in [
            ("deployments:\n  a:\n    tpm: 1\n", "d.yaml:3:5", "unknown field `tpm`"),
            ("deployments:\n  a:\n    tpm_limit: -1\n", "d.yaml:3:16", ""),
            ("deployments:\n  a:\n    tpm_limit: many\n", "d.yaml:3:16", ""),
            ("deployments:\n  a: {tpm_limit: 1}\n  a: {tpm_limit: 2}\n", "d.yaml:3:3", "duplicate"),
            (
                "deployments:\n  a: {}\n",
                "d.yaml: deployments.a",
                "`tpm_limit` or `rpm_limit` must be given",
            ),
            ("limits: {}\n", "d.yaml:1:1", "unknown field `limits`"),
        ] {
            let found = mistake(text);
            assert_eq!(found.place, place, "{found}");
            assert!(found.what.contains(what), "{found}");
        }
        assert!(read(Path::new("/no/such/file")).is_err());
    }
}
