use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

/// How many tallies a slot has.
pub(super) const STRIPES: usize = 4;

static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static STRIPE: usize = NEXT.fetch_add(1, Relaxed) % STRIPES;
}

/// Which tally this thread adds to.
#[inline]
pub(super) fn stripe() -> usize {
    STRIPE.with(|stripe| *stripe)
}
