//! The quota servers of a site, each with a cable to its clients and one to the store.

use futures_util::future::try_join_all;
use quota_api::WindowBook;

use super::{Cable, HarnessError, QuotaServer, QuotaServerBuilder, Rung, Store, ports, wait};

/// 1 on the active one of several servers on PostgreSQL; on all of them with Redis.
const ACTIVE: &str = "quota_ledger_active";

/// Servers on one store. Dropped, all are killed before the store is.
#[derive(Debug)]
pub struct Servers {
    /// Each server.
    pub seats: Vec<Seat>,
    /// What they keep the books in.
    pub store: Store,
}

/// One server and its cables.
#[derive(Debug)]
pub struct Seat {
    /// The server.
    pub server: QuotaServer,
    /// Between it and its clients: it says of itself that it is at the near end.
    pub clients: Cable,
    /// Between it and the store, where a cable can be.
    pub store: Option<Cable>,
}

impl Servers {
    /// Starts the store and so many servers, and waits until all are ready.
    ///
    /// # Errors
    /// When a process does not come up.
    pub async fn start(
        rung: Rung,
        count: usize,
        builder: &QuotaServerBuilder,
    ) -> Result<Self, HarnessError> {
        Self::on(Store::start(rung, count).await?, count, builder).await
    }

    /// Starts so many servers on this store, and waits until all are ready.
    ///
    /// # Errors
    /// When a process does not come up.
    pub async fn on(
        store: Store,
        count: usize,
        builder: &QuotaServerBuilder,
    ) -> Result<Self, HarnessError> {
        let seats = try_join_all((0..count).map(|_| Seat::start(&store, builder.clone()))).await?;
        let servers = Self { seats, store };
        for seat in &servers.seats {
            seat.ready().await?;
        }
        Ok(servers)
    }

    /// What clients are given: all near ends, with commas between.
    #[must_use]
    pub fn url(&self) -> String {
        self.seats.iter().map(Seat::url).collect::<Vec<_>>().join(",")
    }

    /// Which one is active, where the others only stand by.
    pub async fn active(&self) -> Option<usize> {
        let mut active = Vec::new();
        for (number, seat) in self.seats.iter().enumerate() {
            if seat.server.metric(ACTIVE).await.ok() == Some(1) {
                active.push(number);
            }
        }
        active.pop().filter(|_| active.is_empty())
    }

    /// Kills all of them with -9.
    ///
    /// # Errors
    /// When the system cannot say what became of one.
    pub fn kill(&mut self) -> Result<(), HarnessError> {
        self.seats.iter_mut().try_for_each(|seat| seat.server.process.kill())
    }

    /// Starts all of them again.
    ///
    /// # Errors
    /// When one does not come up.
    pub async fn start_again(&mut self) -> Result<(), HarnessError> {
        try_join_all(self.seats.iter_mut().map(|seat| seat.server.start_again())).await.map(drop)
    }

    /// The book of a minute (counted since 1970) of a deployment, if anything happened in it: as
    /// the first server has it that answers.
    ///
    /// # Errors
    /// When none answers.
    pub async fn book(
        &self,
        deployment: &str,
        unix_minute: u64,
    ) -> Result<Option<WindowBook>, HarnessError> {
        let mut last = Ok(None);
        for seat in &self.seats {
            last = seat.server.book(deployment, unix_minute).await;
            if last.is_ok() {
                break;
            }
        }
        last
    }

    /// A counter of all servers together.
    ///
    /// # Errors
    /// When one does not answer.
    pub async fn metric(&self, name: &str) -> Result<u64, HarnessError> {
        let counts = self.seats.iter().map(|seat| seat.server.metric(name));
        Ok(try_join_all(counts).await?.into_iter().sum())
    }
}

impl Seat {
    async fn start(store: &Store, builder: QuotaServerBuilder) -> Result<Self, HarnessError> {
        let to_store = match store.address() {
            Some(address) => Some(Cable::to(address).await?),
            None => None,
        };
        let address = ports::free_address()?;
        let clients = Cable::to(address).await?;
        let flags = store.flags(to_store.as_ref().map(Cable::address)).into_iter();
        let own = format!("--advertise-url=http://{}", clients.address());
        let own = (store.live.is_some() || store.postgres.is_some()).then_some(own);
        let builder = flags.chain(own).fold(builder.listen(address), QuotaServerBuilder::flag);
        Ok(Self { server: builder.start().await?, clients, store: to_store })
    }

    /// What clients are given.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.clients.address())
    }

    /// Waits until it says that it is ready.
    ///
    /// # Errors
    /// When it does not get ready.
    pub async fn ready(&self) -> Result<(), HarnessError> {
        wait::until("a server that is ready", wait::START, || async {
            self.server.is_ready().await.then_some(())
        })
        .await
    }
}
