//! Files with secrets, read again while the server serves: when they change, and when it is asked
//! for.
//!
//! They are looked at now and then, by their content: what mounts secrets swaps links, or writes in
//! place, or copies, and no way of being told of changes sees all of these. A file with a mistake
//! changes nothing; it is told of once, and read again when it changes again.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info};

use crate::audit::Audit;
use crate::auth::Gate;
use crate::metrics::{self, Reloaded};
use crate::mistake::Mistake;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// Something that is made of files.
pub(crate) trait Renewable: Send + Sync + 'static {
    /// What it is.
    fn name(&self) -> Reloaded;

    /// The files.
    fn files(&self) -> Vec<PathBuf>;

    /// Makes it anew of the files as they are; says what it is now.
    fn renew(&self) -> Result<String, Mistake>;
}

impl Renewable for Gate {
    fn name(&self) -> Reloaded {
        Reloaded::Tokens
    }

    fn files(&self) -> Vec<PathBuf> {
        self.file().into_iter().map(Into::into).collect()
    }

    fn renew(&self) -> Result<String, Mistake> {
        self.reload().map(|access| format!("{access:?}"))
    }
}

/// Keeps what is made of files as the files are.
#[derive(Clone)]
pub(crate) struct Renewal {
    asked: Arc<Notify>,
    kept: Arc<[Arc<dyn Renewable>]>,
    audit: Audit,
}

impl Renewal {
    /// Of these, as they are now; what is taken over is written down.
    pub(crate) fn new(mut kept: Vec<Arc<dyn Renewable>>, audit: Audit) -> Self {
        kept.retain(|kept| !kept.files().is_empty());
        Self { asked: Arc::default(), kept: kept.into(), audit }
    }

    /// Asks to read the files now, changed or not.
    pub(crate) fn ask(&self) {
        self.asked.notify_one();
    }

    /// Serves on a task of its own, until `stop`: apart from what waits for the ledger, so that a
    /// token can be taken away whatever the ledger does.
    pub(crate) fn serve(&self, tasks: &TaskTracker, stop: CancellationToken) {
        if self.kept.is_empty() {
            return;
        }
        let this = self.clone();
        tasks.spawn(async move { stop.run_until_cancelled(this.keep()).await });
    }

    async fn keep(&self) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = vec![None; self.kept.len()];
        loop {
            let asked = tokio::select! {
                () = self.asked.notified() => true,
                _ = looks.tick() => false,
            };
            let kept = Arc::clone(&self.kept);
            // Reading files blocks.
            let looked = tokio::task::spawn_blocking(move || {
                let looks = kept.iter().zip(&mut seen);
                let taken: Vec<_> =
                    looks.filter_map(|(kept, seen)| look(&**kept, seen, asked)).collect();
                (seen, taken)
            });
            let Ok((looked, taken)) = looked.await else {
                error!("looking at the files panicked: they are not read again");
                return;
            };
            seen = looked;
            for (file, now) in taken {
                self.audit.noted(&format!("{}.reload", file.as_str()), &now).await;
            }
        }
    }
}

/// What the files held when they were last looked at.
type FileContents = [u8; 32];

/// What was taken over, if anything.
fn look(
    kept: &dyn Renewable,
    seen: &mut Option<FileContents>,
    asked: bool,
) -> Option<(Reloaded, String)> {
    let content = content(&kept.files());
    match seen.replace(content) {
        Some(before) if before == content && !asked => None,
        // The start has read them, but perhaps before they changed.
        None if !asked => {
            told(kept.name(), kept.renew().err());
            None
        }
        _ => {
            let renewed = kept.renew();
            metrics::reloaded(kept.name(), renewed.is_ok());
            let now = renewed.map_err(|mistake| told(kept.name(), Some(mistake))).ok()?;
            info!(file = kept.name().as_str(), now, "read again");
            Some((kept.name(), now))
        }
    }
}

fn told(file: Reloaded, mistake: Option<Mistake>) {
    if let Some(mistake) = mistake {
        error!(file = file.as_str(), %mistake, "a file has a mistake: what was before goes on");
    }
}

/// A file that cannot be read has a content too: that it cannot.
fn content(files: &[PathBuf]) -> FileContents {
    let mut content = Sha256::new();
    for file in files {
        match std::fs::read(file) {
            Ok(bytes) => content.update(Sha256::digest(bytes)),
            Err(error) => content.update(error.to_string()),
        }
    }
    content.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{FreshToken, Keyring, Role, Shown};

    struct Tokens {
        gate: Gate,
        folder: tempfile::TempDir,
        seen: Option<FileContents>,
    }

    fn fresh(number: u64) -> FreshToken {
        let mut rng = <rand::rngs::StdRng as rand::SeedableRng>::seed_from_u64(number);
        FreshToken::make("gw", Role::Gateway, &mut rng)
    }

    impl Tokens {
        fn with(entries: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("tokens.toml");
            std::fs::write(&file, entries).unwrap();
            let gate = Gate::open(Keyring::new(Some(file), Vec::new()), 60).unwrap();
            Self { gate, folder, seen: None }
        }

        fn write(&self, entries: &str) {
            std::fs::write(self.folder.path().join("tokens.toml"), entries).unwrap();
        }

        fn look(&mut self) {
            let _taken = look(&self.gate, &mut self.seen, false);
        }

        fn opens(&self, token: &FreshToken) -> bool {
            let shown = Shown { token: Some(token.text()), names: &[] };
            self.gate.access().identify(shown).is_ok()
        }
    }

    #[test]
    fn tokens_follow_each_other_while_both_hold() {
        let (old, new) = (fresh(1), fresh(2));
        let mut tokens = Tokens::with(&old.entry());
        tokens.look();
        assert!(tokens.opens(&old) && !tokens.opens(&new));
        tokens.write(&(old.entry() + &new.entry()));
        tokens.look();
        assert!(tokens.opens(&old) && tokens.opens(&new));
        tokens.write(&new.entry());
        tokens.look();
        assert!(!tokens.opens(&old) && tokens.opens(&new));
    }

    #[test]
    fn what_changed_before_the_first_look_is_seen() {
        let (old, new) = (fresh(1), fresh(2));
        let mut tokens = Tokens::with(&old.entry());
        tokens.write(&new.entry());
        tokens.look();
        assert!(!tokens.opens(&old) && tokens.opens(&new));
    }

    #[test]
    fn a_file_with_a_mistake_changes_nothing() {
        let old = fresh(1);
        let mut tokens = Tokens::with(&old.entry());
        for bad in ["", "[[token]]", "}", &(fresh(2).entry() + "[[token]]\nname = \"x\"")] {
            tokens.write(bad);
            tokens.look();
            assert!(tokens.opens(&old) && !tokens.opens(&fresh(2)), "{bad}");
        }
        std::fs::remove_file(tokens.folder.path().join("tokens.toml")).unwrap();
        tokens.look();
        assert!(tokens.opens(&old));
        tokens.write(&fresh(2).entry());
        tokens.look();
        assert!(tokens.opens(&fresh(2)));
    }
}
