//! Making, changing and deleting deployments: the catalogue first, then the book, then the answer.
//! So a limit that was answered holds for the next grant, whichever server it is asked of. If the
//! book could not be told, the next call from a server that knows the new limit brings it.

use std::sync::Arc;

use quota_core::Refusal;

use super::Inner;
use super::book::{Answer, Call, Reply};
use super::books::Errand;
use super::functions::Library;
use super::register::Known;
use crate::ledger::{Expected, Put, PutError, Stored, Unavailable};
use crate::store::catalogue::{CatalogueError, Change, Entry, InBook};

impl Inner {
    pub(super) async fn put(&self, put: &Put) -> Result<Stored, PutError> {
        let _permit = self.begin()?;
        // Mostly it changes nothing: at a start, very many declared deployments are put.
        self.refresh().await?;
        if let Some(same) = self.as_it_is(put)
            && self.ensure(&same).await?
        {
            return Ok(same.stored(false));
        }
        let book = self.in_book(put).await?;
        match self.catalogue.put(put, book).await.map_err(|error| unwritten(&error))? {
            Change::OtherKind(entry) => self.change_kind(put, entry).await,
            change => self.follow(put, change).await,
        }
    }

    fn as_it_is(&self, put: &Put) -> Option<Arc<Known>> {
        let known = self.register.live(&put.id).filter(|_| put.expected.is_none())?;
        let row = &known.entry.row;
        let is_same = row.policy == put.policy && row.details == put.details;
        is_same.then_some(known)
    }

    /// Nothing changes, but the book may not have been told the last time. False: it was told of a
    /// later change, which the catalogue lacks since it was put back.
    async fn ensure(&self, known: &Arc<Known>) -> Result<bool, PutError> {
        let (in_book, version) =
            (self.version_in_book(known.clone()).await?, known.entry.row.version);
        if in_book < version {
            self.configure(known.clone()).await?;
        }
        Ok(in_book <= version)
    }

    /// The kind of window changes only while the book is at rest, so the book is told first.
    async fn change_kind(&self, put: &Put, mut entry: Entry) -> Result<Stored, PutError> {
        let version = self.in_book(put).await?.version.max(entry.row.version) + 1;
        (entry.row.version, entry.row.policy) = (version, put.policy.clone());
        self.configure(Arc::new(self.register.beside(entry))).await?;
        let told = InBook { version, has_kind: true };
        let change = self.catalogue.put(put, told).await.map_err(|error| unwritten(&error))?;
        self.follow(put, change).await
    }

    /// What the book has, where there is one.
    async fn in_book(&self, put: &Put) -> Result<InBook, Unavailable> {
        let Some(known) = self.register.live(&put.id) else { return Ok(InBook::default()) };
        Ok(InBook { version: self.version_in_book(known).await?, has_kind: false })
    }

    async fn version_in_book(&self, known: Arc<Known>) -> Result<u64, Unavailable> {
        let look = Errand::new(known, |call, library| call.standing(library));
        Ok(match self.books.look(look).await? {
            Reply::Here(mark, _) | Reply::Outdated(mark) => mark.version,
            Reply::Missing => 0,
        })
    }

    /// Does what follows from a change of the catalogue.
    async fn follow(&self, put: &Put, change: Change) -> Result<Stored, PutError> {
        match change {
            Change::Same(entry) => {
                let known = self.learn(entry);
                // If the book has a later change by now, that was made after this one.
                let _is_latest = self.ensure(&known).await?;
                Ok(known.stored(false))
            }
            Change::Changed(entry) => {
                let known = self.learn(entry);
                self.configure(known.clone()).await?;
                Ok(known.stored(false))
            }
            Change::Made { entry, anew } => {
                let known = self.learn(entry);
                if anew {
                    self.open_clean(known.clone()).await?;
                }
                self.configure(known.clone()).await?;
                Ok(known.stored(true))
            }
            Change::Missing | Change::Unexpected => Err(PutError::Unexpected),
            Change::OtherKind(_) => {
                tracing::debug!(deployment = &*put.id, "its kind changed meanwhile");
                Err(PutError::KindIsFixed)
            }
        }
    }

    pub(super) fn learn(&self, entry: Entry) -> Arc<Known> {
        self.register.enter_own(entry, self.books.clock.reading().steady_ms)
    }

    /// Only who made the deployment knows that nothing was ever granted of it.
    async fn open_clean(&self, known: Arc<Known>) -> Result<(), Unavailable> {
        let policy = known.entry.row.policy.clone();
        let open = move |call: &Call, library: &Library| call.open(library, &policy, true);
        self.books.look(Errand::new(known, open)).await.map(drop)
    }

    /// Tells the book its limits. One that is missing is opened, quarantined.
    pub(super) async fn configure(&self, known: Arc<Known>) -> Result<(), PutError> {
        let policy = known.entry.row.policy.clone();
        let configure = move |call: &Call, library: &Library| call.configure(library, &policy);
        match self.books.ask(Errand::new(known, configure)).await? {
            Answer::Refused(Refusal::KindIsFixed, _) => Err(PutError::KindIsFixed),
            _configured => Ok(()),
        }
    }

    pub(super) async fn delete(
        &self,
        id: &Arc<str>,
        expected: Option<Expected>,
    ) -> Result<Option<()>, PutError> {
        let _permit = self.begin()?;
        match self.catalogue.delete(id, expected).await.map_err(|error| unwritten(&error))? {
            Change::Changed(entry) => {
                self.learn(entry);
                Ok(Some(()))
            }
            Change::Missing => Ok(None),
            _ => Err(PutError::Unexpected),
        }
    }
}

fn unwritten(error: &CatalogueError) -> Unavailable {
    tracing::error!(%error, "the catalogue cannot be written");
    Unavailable::CannotWrite
}
