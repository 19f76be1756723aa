//! What `--faults` does while a scenario runs: one quota server after another is killed, paused for
//! longer than a lease, or cut off from its clients or from the store.

use std::{fmt, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{Options, Watch};
use crate::{
    clock,
    harness::{Cable, HarnessError, Seat, Servers},
};

/// How long a fault lasts: longer than a lease.
const LASTS: Duration = Duration::from_secs(3);
/// From the end of a fault, and of the recovery from it, to the next one.
const PAUSE: Duration = Duration::from_millis(1_500);

/// What befalls one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Killed,
    Paused,
    ClientsCut,
    ClientsSilent,
    StoreCut,
    StoreSilent,
}

const FAULTS: [Fault; 6] = [
    Fault::Killed,
    Fault::StoreSilent,
    Fault::Paused,
    Fault::ClientsCut,
    Fault::StoreCut,
    Fault::ClientsSilent,
];

/// Has a server suffer, if the options say so, again and again until this moment.
pub(super) async fn run(
    servers: &mut Servers,
    until_unix_ms: u64,
    options: &Options,
    watch: &Watch,
) -> Result<Vec<String>, HarnessError> {
    let mut rng = StdRng::seed_from_u64(options.seed);
    let mut notes = Vec::new();
    let lasts_ms = u64::try_from(LASTS.as_millis()).unwrap_or(u64::MAX);
    for fault in FAULTS.into_iter().cycle() {
        tokio::time::sleep(PAUSE).await;
        if !options.faults || clock::unix_ms() + lasts_ms > until_unix_ms {
            break;
        }
        let number = choose(servers, &mut rng).await;
        if let Some(strike) = Strike::begin(servers, number, fault)? {
            watch.enter(strike.to_string());
            notes.push(strike.to_string());
            tokio::time::sleep(LASTS).await;
            strike.end(servers).await?;
        }
    }
    Ok(notes)
}

/// Strikes one server, if the options say so.
pub(super) fn strike(
    servers: &mut Servers,
    fault: Fault,
    options: &Options,
) -> Result<Option<Strike>, HarnessError> {
    if options.faults { Strike::begin(servers, 0, fault) } else { Ok(None) }
}

/// A fault that goes on.
#[derive(Debug)]
pub(super) struct Strike {
    server: usize,
    fault: Fault,
    at_ms: u64,
}

impl Strike {
    /// None if there is nothing that this can befall.
    fn begin(
        servers: &mut Servers,
        server: usize,
        fault: Fault,
    ) -> Result<Option<Self>, HarnessError> {
        let has_begun = fault.begin(&mut servers.seats[server])?;
        let at_ms = clock::unix_ms() % clock::MINUTE_MS;
        Ok(has_begun.then_some(Self { server, fault, at_ms }))
    }

    /// Ends it, and waits until the server is ready again.
    pub(super) async fn end(self, servers: &mut Servers) -> Result<(), HarnessError> {
        let seat = &mut servers.seats[self.server];
        self.fault.end(seat).await?;
        seat.ready().await
    }
}

impl fmt::Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, fault, at_ms } = self;
        write!(f, "server {server} {} at {at_ms} ms of its minute", fault.done())
    }
}

/// The one that is active, if not all are; every third time any other.
async fn choose(servers: &Servers, rng: &mut StdRng) -> usize {
    let any = rng.random_range(0..servers.seats.len());
    if rng.random_ratio(1, 3) { any } else { servers.active().await.unwrap_or(any) }
}

impl Fault {
    /// Whether there was anything to begin with.
    fn begin(self, seat: &mut Seat) -> Result<bool, HarnessError> {
        match (self, &seat.store) {
            (Self::StoreCut | Self::StoreSilent, None) => return Ok(false),
            (Self::Killed, _) => seat.server.process.kill()?,
            (Self::Paused, _) => seat.server.process.pause()?,
            (Self::ClientsCut, _) => seat.clients.cut(),
            (Self::ClientsSilent, _) => seat.clients.fall_silent(),
            (Self::StoreCut, Some(store)) => store.cut(),
            (Self::StoreSilent, Some(store)) => store.fall_silent(),
        }
        Ok(true)
    }

    async fn end(self, seat: &mut Seat) -> Result<(), HarnessError> {
        match self {
            Self::Killed => seat.server.start_again().await?,
            Self::Paused => seat.server.process.resume()?,
            Self::ClientsCut | Self::ClientsSilent => seat.clients.mend(),
            Self::StoreCut | Self::StoreSilent => seat.store.iter().for_each(Cable::mend),
        }
        Ok(())
    }

    fn done(self) -> &'static str {
        match self {
            Self::Killed => "killed with -9",
            Self::Paused => "paused",
            Self::ClientsCut => "cut off from its clients",
            Self::ClientsSilent => "no longer heard by its clients",
            Self::StoreCut => "cut off from the store",
            Self::StoreSilent => "no longer heard by the store",
        }
    }
}
