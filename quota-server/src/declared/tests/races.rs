//! Servers with different files on one ledger, whatever comes between their steps.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::super::plan::PutStep;
use super::super::{Reading, parse};
use crate::ledger::{Expected, Put, Stored};

/// What a ledger does with puts, one at a time.
#[derive(Default)]
struct Shelf(BTreeMap<Arc<str>, Stored>);

impl Shelf {
    fn put(&mut self, put: Put) {
        let version = self.0.get(&put.id).map_or(0, |stored| stored.version);
        let met = match put.expected {
            Some(Expected::Version(expected)) => version == expected,
            Some(Expected::None) => version == 0,
            Some(Expected::Some) | None => panic!("a step is bound to what was seen"),
        };
        if met {
            let Put { id, policy, details, .. } = put;
            let stored = Stored {
                id: Arc::clone(&id),
                policy,
                details,
                version: version + 1,
                created: false,
            };
            self.0.insert(id, stored);
        }
    }

    fn all(&self) -> Vec<Stored> {
        self.0.values().cloned().collect()
    }

    /// Whether all is as a file says.
    fn is(&self, file: &File) -> bool {
        file.iter().all(|(id, limit)| {
            self.0.get(*id).is_some_and(|stored| stored.policy.limit.tokens() == Some(*limit))
        })
    }
}

type File = BTreeMap<&'static str, u64>;

struct Server {
    file: File,
    reading: Reading,
    /// What it decided on and has not done yet.
    steps: Vec<PutStep>,
}

impl Server {
    fn new(file: &File) -> Self {
        let entries: Vec<_> =
            file.iter().map(|(id, limit)| format!("{id}: {{tpm_limit: {limit}}}")).collect();
        let text = format!("deployments: {{{}}}", entries.join(", "));
        let reading = Reading::new(parse(Path::new("d.yaml"), &text).unwrap());
        Self { file: file.clone(), reading, steps: Vec::new() }
    }

    /// Does the next thing: a step, or a look.
    fn go_on(&mut self, shelf: &mut Shelf) {
        match self.steps.pop() {
            Some(step) => shelf.put(step.put),
            None => {
                let all = shelf.all();
                self.steps = self.reading.plan(&all).steps;
                self.reading.meet(&all);
            }
        }
    }

    /// A whole look; whether there was anything to do.
    fn look(&mut self, shelf: &mut Shelf) -> bool {
        let mut did = !self.steps.is_empty();
        while !self.steps.is_empty() {
            self.go_on(shelf);
        }
        self.go_on(shelf);
        did |= !self.steps.is_empty();
        while !self.steps.is_empty() {
            self.go_on(shelf);
        }
        did
    }
}

fn file(random: &mut SmallRng) -> File {
    let ids =
        ["a", "b", "c", "d"].into_iter().filter(|_| random.random_bool(0.8)).collect::<Vec<_>>();
    ids.into_iter().map(|id| (id, random.random_range(1..=3))).collect()
}

/// So many versions of the file are read at the same time, by two servers each.
fn race(seed: u64, versions: usize) {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut shelf = Shelf::default();
    let before = file(&mut random);
    Server::new(&before).look(&mut shelf);
    let files: Vec<File> = (0..versions).map(|_| file(&mut random)).collect();
    let mut servers: Vec<Server> =
        files.iter().flat_map(|file| [file, file]).map(Server::new).collect();
    servers.push(Server::new(&before));
    for _ in 0..random.random_range(0..60) {
        let at = random.random_range(0..servers.len());
        servers[at].go_on(&mut shelf);
    }
    let rounds = (0..20).take_while(|_| {
        // All of them look, whoever has found its place.
        servers.iter_mut().fold(false, |did, server| server.look(&mut shelf) | did)
    });
    let rounds = rounds.count();
    assert!(rounds < 20, "seed {seed}: they never come to rest");
    let is_one = files.iter().chain([&before]).any(|file| shelf.is(file));
    let files: Vec<&File> = servers.iter().map(|server| &server.file).collect();
    let stands: Vec<_> =
        shelf.all().iter().map(|one| (one.id.to_string(), one.policy.limit.tokens())).collect();
    assert!(is_one, "seed {seed}: {stands:?} of {files:?}");
}

#[test]
fn two_versions_read_at_once_end_in_one_of_the_two_and_at_rest() {
    (0..1_000).for_each(|seed| race(seed, 2));
}

#[test]
fn three_versions_likewise() {
    (0..1_000).for_each(|seed| race(seed, 3));
}
