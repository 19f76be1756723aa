//! A played store that servers share.

use std::sync::Arc;

use tokio::time::Duration;

use super::journal::{PlayedHistory, PlayedJournal};
use super::link::StoreLink;
use super::process::Process;
use super::store::Store;
use crate::ledger::journaled::{Catalogue, History, JournalError};
use crate::ledger::postgres::SharedStore;
use crate::store::postgres::{Leader, Me, News, Term};

/// Entries in one answer.
const ENTRIES: usize = 64;

/// The store, as one server's process reaches it.
#[derive(Clone)]
pub(super) struct PlayedShared {
    pub(super) store: Store,
    pub(super) process: Process,
}

impl SharedStore for PlayedShared {
    type Connection = StoreLink;
    type Journal = PlayedJournal;

    fn name(&self) -> &str {
        "played"
    }

    fn history(&self) -> Arc<dyn History> {
        Arc::new(PlayedHistory(self.store.clone()))
    }

    async fn connect(&self) -> Result<StoreLink, JournalError> {
        let link = StoreLink::new(&self.store, &self.process);
        link.call(|_| Ok(())).await?;
        Ok(link)
    }

    async fn look(link: &mut StoreLink, term: Duration) -> Result<Leader, JournalError> {
        let looked = link.call(|inner| {
            let leader = &inner.data.leader;
            let is_vouched_for = leader.timeline.is_none_or(|timeline| timeline == inner.timeline);
            let last = inner.data.entries.keys().next_back();
            Ok(Leader {
                epoch: leader.epoch,
                server: leader.server.clone(),
                advertise_url: leader.advertise_url.clone(),
                steady_ms: leader.steady_ms.cast_signed(),
                is_alive: leader.is_alive(term),
                last_seq: last.map(|last| last.cast_signed()),
                is_vouched_for,
            })
        });
        looked.await
    }

    async fn elect(
        link: &mut StoreLink,
        me: &Me,
        term: Duration,
    ) -> Result<Option<Term>, JournalError> {
        let elected = link.call(|inner| {
            let (timeline, leader) = (inner.timeline, &mut inner.data.leader);
            if leader.is_alive(term) {
                return Ok(None);
            }
            leader.server = me.server.to_string();
            leader.advertise_url = me.advertise_url.to_string();
            let is_vouched_for = leader.begin(timeline);
            Ok(Some(Term { epoch: leader.epoch, is_vouched_for }))
        });
        elected.await
    }

    async fn catalogue(link: &mut StoreLink) -> Result<Catalogue, JournalError> {
        link.call(|inner| Ok(inner.data.catalogue())).await
    }

    async fn news(link: &mut StoreLink, next_seq: u64) -> Result<News, JournalError> {
        let entries = link.call(|inner| {
            let entries = inner.data.entries.range(next_seq..).take(ENTRIES);
            Ok(entries.map(|(seq, entry)| (*seq, entry.to_vec())).collect())
        });
        let entries = entries.await?;
        // Each is a statement of its own, so what comes in between is in the later ones.
        let deployments = link.call(|inner| Ok(inner.data.changed_since(next_seq))).await?;
        let meta = link.call(|inner| Ok((inner.data.last_deployment, inner.data.kept)));
        let (last_deployment, kept) = meta.await?;
        Ok(News { entries, deployments, last_deployment, kept })
    }

    async fn still_there(link: &mut StoreLink, numbers: &[u32]) -> Result<Vec<u32>, JournalError> {
        let still_there = link.call(|inner| {
            let there = numbers.iter().filter(|no| inner.data.deployments.contains_key(no));
            Ok(there.copied().collect())
        });
        still_there.await
    }

    async fn oldest_seq(link: &mut StoreLink) -> Result<Option<u64>, JournalError> {
        link.call(|inner| Ok(inner.data.entries.keys().next().copied())).await
    }

    fn journal(&self, me: Me, term: Term, link: StoreLink) -> PlayedJournal {
        PlayedJournal::elected(link, me, term)
    }
}
