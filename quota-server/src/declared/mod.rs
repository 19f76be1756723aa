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
//! What the file said last of a deployment is kept with it (`memory.rs`), so a start, a change of
//! the file or a SIGHUP puts what changed in the file since, and nothing else (`plan.rs`): a limit
//! that was lowered by hand stays lowered. Deployments that are not in the file are left alone:
//! they may come from the API, and a line that went missing must not lift a limit.

mod by_hand;
mod memory;
mod plan;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use quota_api::DeploymentSpec;
use serde::Deserialize;
use sha2::{Digest, Sha256};

pub(crate) use by_hand::put as put_by_hand;
pub(crate) use memory::DeclaredMemory;
pub(crate) use plan::{Counts, Reading};
use plan::{PutStep, StepKind};

use crate::http::wire;
use crate::ledger::{Ledger, Put, PutError, Unavailable};
use crate::mistake::Mistake;

/// Puts under way at once: they share commits.
const AT_ONCE: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeclaredFile {
    deployments: BTreeMap<String, DeploymentSpec>,
}

/// What a file declares.
#[derive(Debug, Clone, Default)]
pub struct Declared {
    /// What is to be put.
    pub puts: Vec<Put>,
    /// The text that it was read from.
    pub(crate) content: FilePrint,
}

/// Tells a file's texts apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct FilePrint([u8; 32]);

impl FilePrint {
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
    /// Deployments that were put as the file says.
    pub(crate) deployments: usize,
    /// Those of them that there were not before.
    pub(crate) created: usize,
    /// Deployments that stay as they are, with what the file says noted: by id, those that it would
    /// raise.
    pub(crate) not_raised: Vec<Arc<str>>,
    /// What the ledger refuses, each for a reason of its own.
    pub(crate) refused: Vec<NotApplied>,
    /// Somebody else was faster: it is to be looked at again.
    pub(crate) overtaken: usize,
    /// Why the ledger takes no change now: then not all of the file was asked for.
    pub(crate) away: Option<Unavailable>,
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} deployments put, {} of them new", self.deployments, self.created)?;
        if self.away.is_some() {
            return f.write_str("; others not yet");
        }
        match self.refused.len() + self.overtaken {
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
    Ok(Declared { puts: parse(path, &text)?, content: FilePrint::of(&text) })
}

/// What a file holds that is not as it was seen before, and the deployments that it declares now.
pub(crate) fn look(
    path: &Path,
    seen: Option<FilePrint>,
) -> Option<(FilePrint, Result<Vec<Put>, Mistake>)> {
    let text = text(path);
    // That it cannot be read is a content too: told of once.
    let content = match &text {
        Ok(text) => FilePrint::of(text),
        Err(mistake) => FilePrint::of(&mistake.to_string()),
    };
    let puts = || text.and_then(|text| parse(path, &text));
    (seen != Some(content)).then(|| (content, puts()))
}

fn text(path: &Path) -> Result<String, Mistake> {
    std::fs::read_to_string(path).map_err(|error| Mistake::unreadable(path, &error))
}

pub(crate) fn parse(path: &Path, text: &str) -> Result<Vec<Put>, Mistake> {
    let file: DeclaredFile = serde_saphyr::from_str_with_options(text, trusted())
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

/// Does all of them: one that the ledger refuses keeps back no other. While it takes no change at
/// all, no more are asked for than were under way.
pub(crate) async fn apply(ledger: &dyn Ledger, steps: Vec<PutStep>) -> Applied {
    let mut applied = Applied::default();
    let mut steps = steps.into_iter();
    let mut under_way = FuturesUnordered::new();
    loop {
        while under_way.len() < AT_ONCE && applied.away.is_none() {
            let Some(step) = steps.next() else { break };
            under_way.push(async move { (ledger.put(step.put.clone()).await, step) });
        }
        let Some((stored, PutStep { put, kind })) = under_way.next().await else { break };
        match (stored, kind) {
            (Ok(stored), StepKind::Applied) => {
                applied.deployments += 1;
                applied.created += usize::from(stored.created);
            }
            (Ok(_), StepKind::Noted) => {}
            (Ok(_), StepKind::NotRaised) => applied.not_raised.push(put.id),
            (Err(PutError::Unexpected), _) => applied.overtaken += 1,
            (Err(PutError::Unavailable(why)), _) => applied.away = Some(why),
            (Err(error), _) => applied.refused.push(NotApplied { put, error }),
        }
    }
    applied
}
