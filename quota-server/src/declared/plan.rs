//! What is to be done, by what the file says and what there is.
//!
//! Of a deployment only what changed *in the file* since it was read last is put: what somebody
//! else put meanwhile stands. Putting is bound to the version that was looked at; whoever is
//! overtaken looks again.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use quota_api::DeploymentSpec;
use quota_core::Policy;
use sha2::{Digest, Sha256};

use super::memory::{DeclaredMemory, FileStamp};
use crate::http::wire;
use crate::ledger::{Expected, Put, Stored};

/// What one reading of the file says, and what became of it.
#[derive(Debug)]
pub(crate) struct Reading {
    entries: BTreeMap<Arc<str>, DeclaredEntry>,
    /// `None` until it is known what there is.
    stamp: Option<FileStamp>,
    /// What was there since it was read: what is missing of it now was deleted by somebody.
    met: HashSet<Arc<str>>,
    /// What nothing is to be done about, as it was then.
    settled: HashMap<Arc<str>, (Policy, Arc<str>, FileState)>,
}

#[derive(Debug)]
struct DeclaredEntry {
    put: Put,
    /// As it is shown.
    spec: DeploymentSpec,
}

/// How a deployment stands to the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileState {
    /// Nothing to say: no file ever named it.
    Undeclared,
    /// As the file says.
    AsDeclared,
    /// Not as the file says.
    Drifted,
    /// The file named it once.
    Left,
    /// The file names it, and somebody deleted it.
    Missing,
}

/// Something to be put.
#[derive(Debug, Clone)]
pub(crate) struct PutStep {
    pub(crate) put: Put,
    pub(crate) kind: StepKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StepKind {
    /// What the file says is put.
    Applied,
    /// It is noted what the file says: it is so, or somebody put something else.
    Noted,
    /// The same, where nobody knows who came first, and the file would raise a limit.
    NotRaised,
}

/// How many deployments stand how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) as_declared: usize,
    pub(crate) drifted: usize,
    pub(crate) left: usize,
    pub(crate) missing: usize,
}

impl Counts {
    fn add(&mut self, state: FileState) {
        match state {
            FileState::Undeclared => {}
            FileState::AsDeclared => self.as_declared += 1,
            FileState::Drifted => self.drifted += 1,
            FileState::Left => self.left += 1,
            FileState::Missing => self.missing += 1,
        }
    }
}

/// What there is to do, and how all stands before it is done.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<PutStep>,
    pub(crate) counts: Counts,
}

impl Reading {
    pub(crate) fn new(puts: Vec<Put>) -> Self {
        let entry = |put: Put| {
            let spec = wire::spec(&put.policy, &put.details).expect("it was written a moment ago");
            (Arc::clone(&put.id), DeclaredEntry { put, spec })
        };
        let entries = puts.into_iter().map(entry).collect();
        Self { entries, stamp: None, met: HashSet::new(), settled: HashMap::new() }
    }

    /// What is to be done where these are there.
    pub(crate) fn plan(&mut self, all: &[Stored]) -> Plan {
        let stamp = self.stamp.take().unwrap_or_else(|| self.stamp_beside(all));
        let plan = self.plan_with(&stamp, all);
        self.stamp = Some(stamp);
        plan
    }

    /// The stamp of the latest reading, where that was of the same file or there is nothing to add
    /// to it; else one above it.
    fn stamp_beside(&mut self, all: &[Stored]) -> FileStamp {
        let memories = all.iter().filter_map(|stored| wire::memory(&stored.details));
        let latest = memories.map(|memory| memory.stamp().clone()).max().unwrap_or_default();
        let own = FileStamp { serial: latest.serial.saturating_add(1), file: self.digest() };
        let is_known = latest.file == own.file || self.plan_with(&own, all).steps.is_empty();
        if is_known { latest } else { own }
    }

    fn digest(&self) -> String {
        let specs: BTreeMap<&str, &DeploymentSpec> =
            self.entries.iter().map(|(id, entry)| (&**id, &entry.spec)).collect();
        let text = serde_json::to_vec(&specs).expect("names and numbers can be written");
        let digest = Sha256::digest(text);
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    fn plan_with(&mut self, stamp: &FileStamp, all: &[Stored]) -> Plan {
        let mut plan = Plan::default();
        // In their order, so that a new ledger numbers them alike each time.
        let mut missing: BTreeSet<&Arc<str>> = self.entries.keys().collect();
        for stored in all {
            missing.remove(&stored.id);
            if let Some((policy, details, state)) = self.settled.get(&stored.id)
                && *policy == stored.policy
                && *details == stored.details
            {
                plan.counts.add(*state);
                continue;
            }
            let (state, step) = judge(self.entries.get(&stored.id), stored, stamp);
            plan.counts.add(state);
            match step {
                Some(step) => plan.steps.push(step),
                None => {
                    let seen = (stored.policy.clone(), Arc::clone(&stored.details), state);
                    self.settled.insert(Arc::clone(&stored.id), seen);
                }
            }
        }
        for id in missing {
            self.settled.remove(id);
            plan.counts.add(FileState::Missing);
            if !self.met.contains(id) {
                plan.steps.push(self.entries[id].made(stamp));
            }
        }
        plan
    }

    /// It is there, or was.
    pub(crate) fn meet(&mut self, all: &[Stored]) {
        let declared = all.iter().filter(|stored| self.entries.contains_key(&stored.id));
        self.met.extend(declared.map(|stored| Arc::clone(&stored.id)));
    }

    /// Whether it is not known yet what there is.
    pub(crate) const fn is_new(&self) -> bool {
        self.stamp.is_none()
    }

    /// How many deployments the file names.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

impl DeclaredEntry {
    fn memory(&self, stamp: &FileStamp) -> DeclaredMemory {
        DeclaredMemory::new(&self.spec, stamp.clone())
    }

    fn made(&self, stamp: &FileStamp) -> PutStep {
        let put = wire::remembering(self.put.clone(), self.memory(stamp));
        PutStep { put: Put { expected: Some(Expected::None), ..put }, kind: StepKind::Applied }
    }

    fn applied(&self, stored: &Stored, stamp: &FileStamp) -> PutStep {
        let put = wire::remembering(self.put.clone(), self.memory(stamp));
        PutStep { put: bound(put, stored), kind: StepKind::Applied }
    }
}

fn bound(put: Put, stored: &Stored) -> Put {
    Put { expected: Some(Expected::Version(stored.version)), ..put }
}

/// The deployment as it is, with this memory.
fn noted(stored: &Stored, memory: DeclaredMemory, kind: StepKind) -> Option<PutStep> {
    let Stored { id, policy, details, .. } = stored;
    let (id, details) = (Arc::clone(id), Arc::clone(details));
    let put = Put { id, policy: policy.clone(), details, expected: None };
    Some(PutStep { put: bound(wire::remembering(put, memory), stored), kind })
}

/// How it stands, and what is to be done about it.
fn judge(
    entry: Option<&DeclaredEntry>,
    stored: &Stored,
    stamp: &FileStamp,
) -> (FileState, Option<PutStep>) {
    let Ok(now) = wire::spec(&stored.policy, &stored.details) else {
        return (FileState::Undeclared, None);
    };
    let memory = wire::memory(&stored.details);
    let state = memory.as_ref().map_or(FileState::Undeclared, |memory| state(memory, &now));
    let memory = memory.and_then(|memory| Some((wire::normal(memory.spec()?)?, memory)));
    let step = match (entry, memory) {
        (None, None) => None,
        (None, Some((_, memory))) => {
            let is_news = memory.is_in_file() && memory.stamp() < stamp;
            is_news
                .then(|| memory.seen(false, stamp.clone()))
                .and_then(|memory| noted(stored, memory, StepKind::Noted))
        }
        (Some(entry), None) => unremembered(entry, stored, &now, stamp),
        (Some(entry), Some((said, memory))) => match memory.stamp() < stamp {
            true if said != entry.spec => Some(entry.applied(stored, stamp)),
            true if !memory.is_in_file() => {
                noted(stored, memory.seen(true, stamp.clone()), StepKind::Noted)
            }
            _ => None,
        },
    };
    (state, step)
}

/// What a file that is read for the first time does to a deployment that is there already, or that
/// a server without this memory put: nobody knows who came first, so the file raises no limit.
fn unremembered(
    entry: &DeclaredEntry,
    stored: &Stored,
    now: &DeploymentSpec,
    stamp: &FileStamp,
) -> Option<PutStep> {
    if *now == entry.spec {
        return noted(stored, entry.memory(stamp), StepKind::Noted);
    }
    if entry.put.policy.raises(&stored.policy) {
        return noted(stored, entry.memory(stamp), StepKind::NotRaised);
    }
    Some(entry.applied(stored, stamp))
}

/// How a deployment that is so now stands to what the file said.
fn state(memory: &DeclaredMemory, now: &DeploymentSpec) -> FileState {
    if !memory.is_in_file() {
        return FileState::Left;
    }
    let said = memory.spec().and_then(wire::normal);
    if said.as_ref() == Some(now) { FileState::AsDeclared } else { FileState::Drifted }
}
