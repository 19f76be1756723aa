//! One server's way from standby to active and back, on a task of its own.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::face::Face;
use super::followed::Followed;
use super::shared::SharedStore;
use super::standby::Standby;
use super::{PostgresConfig, TERM};
use crate::clock::Clock;
use crate::ledger::Ledger;
use crate::ledger::journaled::{
    Follower, Journal as _, JournalError, JournaledConfig, JournaledLedger, RecoveryError,
};
use crate::metrics;
use crate::store::postgres::{Leader, Me, Term};

/// How often a standby looks.
const LOOK: Duration = Duration::from_millis(250);

/// A server that would write the books if no other did.
pub(super) struct Candidate<S> {
    pub(super) store: S,
    pub(super) config: PostgresConfig,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) tracker: TaskTracker,
    pub(super) face: tokio::sync::watch::Sender<Face>,
    pub(super) stop: CancellationToken,
    /// Counts this process's terms.
    pub(super) terms: u64,
    /// It could not follow, which is said once.
    pub(super) is_lost: bool,
    /// The epoch that it was last elected for, until another server was seen alive since. Epochs
    /// only rise: one that does not is of a database that was put back.
    pub(super) last_epoch: i64,
    /// How far it has followed the journal.
    pub(super) followed: Followed,
}

/// Where it stands.
pub(super) enum Place<S: SharedStore> {
    /// It has no books, or some that are not kept up. A connection that was lost may come back to
    /// another database, promoted from a replica that had less, so all is read again.
    Nowhere,
    Standby(Seat<S>),
    Active(Arc<JournaledLedger>),
}

/// A standby with its connection.
pub(super) struct Seat<S: SharedStore> {
    standby: Arc<Standby>,
    connection: S::Connection,
}

impl<S: SharedStore> Candidate<S> {
    /// Stands by, takes over, stands by again, until the stop.
    pub(super) async fn run(mut self, mut place: Place<S>) {
        while matches!(place, Place::Active(_)) || !self.stop.is_cancelled() {
            place = self.go_on(place).await;
        }
        metrics::active(false);
    }

    async fn go_on(&mut self, place: Place<S>) -> Place<S> {
        match place {
            Place::Nowhere => match self.come().await {
                Ok(seat) => {
                    self.is_lost = false;
                    info!("this server stands by");
                    Place::Standby(seat)
                }
                Err(error) => self.lost(&error).await,
            },
            Place::Standby(seat) => self.stand_by(seat).await,
            Place::Active(ledger) => {
                self.lead(&ledger).await;
                Place::Nowhere
            }
        }
    }

    /// Sits down. A gap in the journal is bridged only where nobody writes, who could have removed
    /// what is missing: then it stays, and somebody must go on.
    pub(super) async fn come(&mut self) -> Result<Seat<S>, RecoveryError> {
        match self.sit_down(false).await {
            Err(RecoveryError::Gap { .. }) if !self.is_led().await? => self.sit_down(true).await,
            seat => seat,
        }
    }

    async fn is_led(&self) -> Result<bool, RecoveryError> {
        let mut connection = self.store.connect().await?;
        Ok(S::look(&mut connection, TERM).await?.is_alive)
    }

    /// Reads the books and follows them from now on.
    async fn sit_down(&mut self, bridges: bool) -> Result<Seat<S>, RecoveryError> {
        let mut connection = self.store.connect().await?;
        let follower = Follower::new(S::catalogue(&mut connection).await?);
        let (clock, history) = (Arc::clone(&self.clock), self.store.history());
        let own_url = Arc::clone(&self.config.advertise_url);
        let standby = Arc::new(Standby::new(follower, clock, history, own_url));
        read_on::<S>(&mut connection, &standby, bridges).await?;
        let leader = S::look(&mut connection, TERM).await?;
        standby.saw(&leader);
        self.compare(&leader);
        self.followed.read(standby.next_seq());
        self.face.send_replace(Face::Standby(Arc::clone(&standby)));
        metrics::active(false);
        Ok(Seat { standby, connection })
    }

    /// One look, and a pause.
    async fn stand_by(&mut self, mut seat: Seat<S>) -> Place<S> {
        let next = match self.look(&mut seat).await {
            Ok(None) => return self.pause(Place::Standby(seat)).await,
            Ok(Some(term)) => self.take_over(seat, term).await.map(Place::Active),
            Err(error) => Err(error),
        };
        match next {
            Ok(place) => place,
            Err(error) => self.lost(&error).await,
        }
    }

    /// Looks who writes, takes in what is new, and runs for it where nobody does: its term, if it
    /// wins.
    pub(super) async fn look(&mut self, seat: &mut Seat<S>) -> Result<Option<Term>, RecoveryError> {
        let leader = S::look(&mut seat.connection, TERM).await?;
        seat.standby.saw(&leader);
        if self.compare(&leader) {
            return Err(JournalError::new("entries are gone: the database was put back").into());
        }
        if leader.last_seq.is_some_and(|last| last.unsigned_abs() >= seat.standby.next_seq()) {
            read_on::<S>(&mut seat.connection, &seat.standby, false).await?;
            if let Some(deleted) = seat.standby.counts_deleted() {
                let still = S::still_there(&mut seat.connection, &deleted).await?;
                seat.standby.still_there(&still);
            }
            self.followed.read(seat.standby.next_seq());
        }
        if leader.is_alive {
            self.last_epoch = 0;
            return Ok(None);
        }
        self.terms += 1;
        Ok(S::elect(&mut seat.connection, &self.me(), TERM).await?)
    }

    /// Whether entries are gone that this server had followed.
    fn compare(&mut self, leader: &Leader) -> bool {
        let is_gone = self.followed.compare(leader);
        if is_gone {
            warn!(database = self.store.name(), "the database lacks entries that it had");
        }
        is_gone
    }

    fn me(&self) -> Me {
        let server = format!("{}-{}", self.config.server, self.terms).into();
        Me { server, advertise_url: Arc::clone(&self.config.advertise_url) }
    }

    /// Reads what the old writer still wrote: from the election on it writes no more.
    pub(super) async fn take_over(
        &mut self,
        seat: Seat<S>,
        term: Term,
    ) -> Result<Arc<JournaledLedger>, RecoveryError> {
        let Seat { standby, mut connection } = seat;
        read_on::<S>(&mut connection, &standby, false).await?;
        let oldest = S::oldest_seq(&mut connection).await?;
        self.face.send_replace(Face::Reading);
        let is_old = term.epoch <= std::mem::replace(&mut self.last_epoch, term.epoch);
        let was_put_back = self.followed.take_behind() || is_old;
        let time = standby.time_to_write(term.is_vouched_for && !was_put_back);
        let follower = standby.take().ok_or_else(|| JournalError::new("the books are gone"))?;
        let oldest = oldest.unwrap_or(follower.kept().first_seq);
        let mut journal = self.store.journal(self.me(), term, connection);
        if was_put_back {
            warn!(term.epoch, "the database was put back: its journal is in doubt");
            journal.doubt().await?;
        }
        let config = JournaledConfig {
            history_hours: self.config.history_hours,
            memory: self.config.memory,
            ..JournaledConfig::new("")
        };
        let recovered = vec![(journal, follower.recovered(oldest))];
        // Its own token: the ledger is stopped by its `stop`, after all that may call it.
        let stop = CancellationToken::new();
        let ledger = JournaledLedger::begin(recovered, time, &config, &self.tracker, &stop);
        let ledger = Arc::new(ledger);
        self.face.send_replace(Face::Active(Arc::clone(&ledger)));
        metrics::took_over(term.epoch);
        metrics::active(true);
        info!(term.epoch, database = self.store.name(), "this server is the active one");
        Ok(ledger)
    }

    /// Writes until it is to stop or another server has taken over.
    async fn lead(&self, ledger: &JournaledLedger) {
        let fenced = self.stop.run_until_cancelled(watch(ledger)).await.is_some();
        if fenced {
            warn!("this server writes no more, another has taken over: it stands by");
            self.face.send_replace(Face::Reading);
            metrics::active(false);
        }
        ledger.stop().await;
    }

    /// Something went wrong; the books that there are stay to be read for a while.
    pub(super) async fn lost(&mut self, error: &RecoveryError) -> Place<S> {
        if !std::mem::replace(&mut self.is_lost, true) {
            warn!(%error, "a standby cannot follow the journal");
        }
        self.pause(Place::Nowhere).await
    }

    async fn pause(&self, place: Place<S>) -> Place<S> {
        self.stop.run_until_cancelled(sleep(LOOK)).await;
        place
    }
}

/// Until the ledger ends. One that cannot write may have been taken over without knowing, so it
/// does not count as the active one.
async fn watch(ledger: &JournaledLedger) {
    let mut ended = pin!(ledger.ended());
    while timeout(LOOK, ended.as_mut()).await.is_err() {
        metrics::active(ledger.health().await.is_ok());
    }
}

/// Takes in all that is new.
async fn read_on<S: SharedStore>(
    connection: &mut S::Connection,
    standby: &Standby,
    bridges: bool,
) -> Result<(), RecoveryError> {
    loop {
        let news = S::news(connection, standby.next_seq()).await?;
        let is_all = news.entries.is_empty();
        standby.take_in(news, bridges)?;
        if is_all {
            return Ok(());
        }
    }
}
