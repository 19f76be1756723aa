//! A reading that many callers want at once is made once for all of them: however many ask, one is
//! under way.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

/// Makes readings one after another.
#[derive(Debug)]
pub(super) struct SingleFlight<T> {
    begun: AtomicU64,
    /// The last one that came to its end, by its number.
    last: Mutex<Option<(u64, T)>>,
}

impl<T> Default for SingleFlight<T> {
    fn default() -> Self {
        Self { begun: AtomicU64::new(0), last: Mutex::default() }
    }
}

impl<T: Clone> SingleFlight<T> {
    /// What a reading found that began after this call: one that was under way already may have
    /// missed what the caller knows to be there. Callers that come during a reading share the next
    /// one.
    pub(super) async fn read<F: Future<Output = T>>(&self, read: impl FnOnce() -> F) -> T {
        let begun = self.begun.load(Ordering::Acquire);
        let mut last = self.last.lock().await;
        if let Some((number, found)) = &*last
            && *number > begun
        {
            return found.clone();
        }
        let number = self.begun.fetch_add(1, Ordering::AcqRel) + 1;
        // Where the caller goes away meanwhile, the next one reads anew.
        let found = read().await;
        *last = Some((number, found.clone()));
        found
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::AtomicUsize;

    use futures_util::FutureExt;
    use futures_util::future::join_all;
    use tokio::sync::Semaphore;

    use super::*;

    /// Readings that end when they are let go, and find how many began.
    struct Readings {
        flight: SingleFlight<usize>,
        count: AtomicUsize,
        gate: Semaphore,
    }

    impl Readings {
        fn new() -> Self {
            let (flight, count) = (SingleFlight::default(), AtomicUsize::new(0));
            Self { flight, count, gate: Semaphore::new(0) }
        }

        async fn ask(&self) -> usize {
            let read = || async {
                let count = self.count.fetch_add(1, Ordering::AcqRel) + 1;
                self.gate.acquire().await.unwrap().forget();
                count
            };
            self.flight.read(read).await
        }
    }

    #[tokio::test]
    async fn those_who_come_during_a_reading_share_the_next_one() {
        let readings = Readings::new();
        let mut first = pin!(readings.ask());
        assert_eq!(first.as_mut().now_or_never(), None);
        let mut others = pin!(join_all((0..1_000).map(|_| readings.ask())));
        assert_eq!(others.as_mut().now_or_never(), None);
        readings.gate.add_permits(2);
        assert_eq!(first.await, 1);
        assert!(others.await.into_iter().all(|found| found == 2));
    }

    #[tokio::test]
    async fn who_asks_again_reads_anew() {
        let readings = Readings::new();
        readings.gate.add_permits(2);
        assert_eq!((readings.ask().await, readings.ask().await), (1, 2));
    }

    #[tokio::test]
    async fn a_reading_that_is_broken_off_serves_nobody() {
        let readings = Readings::new();
        let mut waits = pin!({
            let mut first = Box::pin(readings.ask());
            assert_eq!(first.as_mut().now_or_never(), None);
            let mut waits = Box::pin(readings.ask());
            assert_eq!(waits.as_mut().now_or_never(), None);
            waits
        });
        readings.gate.add_permits(1);
        assert_eq!(waits.as_mut().await, 2);
    }
}
