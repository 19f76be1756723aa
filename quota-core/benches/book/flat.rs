//! What each operation costs with one, a thousand and a million leases out, for both kinds of
//! window.

use std::hint::black_box;
use std::time::{Duration, Instant};

use quota_core::{
    Amount, Book, Command, HolderId, LeaseId, Limit, Now, PeriodLimits, Policy, Report, RequestKey,
    Return, Settlement, WindowKind, WindowSpan, Wish,
};

/// Leases out.
const OUT: [u64; 3] = [1, 1_000, 1_000_000];
/// Operations of a sample, between two looks at the clock: few, so that they add little to what is
/// out.
const EACH: u64 = 8;
const SAMPLES: u64 = 101;
const TURNS: usize = 9;
/// Returns, reports and repeats are of one of the latest so many leases, as they are.
const LATELY: u64 = 1_000;
const LIMIT: u64 = 1 << 40;
const LIFE_MS: u64 = 1_000;

/// An operation: its name, and what it does the `n`-th time on a book with so many leases out.
type Operation = (&'static str, fn(&mut Book, u64, u64));

const OPERATIONS: [Operation; 8] = [
    ("acquire", |book, out, n| tell(book, &acquire(out + n, Amount::new(1, 1)))),
    ("acquire, repeated", |book, out, n| tell(book, &acquire(lately(out, n), Amount::new(1, 1)))),
    ("denial", |book, out, n| tell(book, &acquire(out + n, Amount::new(LIMIT, 1)))),
    ("return", |book, out, n| {
        let (lease, total) = (lease(lately(out, n)), Amount::new(1, 1));
        let holder = holder(lately(out, n));
        tell(book, &Command::GiveBack(holder, Return { lease, total, closed: true }));
    }),
    ("use", |book, out, n| {
        let (lease, used) = (lease(lately(out, n)), Amount::new(1, 1));
        let (holder, overrun) = (holder(lately(out, n)), Amount::ZERO);
        tell(book, &Command::Use(holder, Report { lease, used, overrun }));
    }),
    ("standing", |book, _, _| {
        black_box(book.standing(&now(LIFE_MS - 1)));
    }),
    ("page", |book, _, _| {
        black_box(book.pages(&now(LIFE_MS - 1)));
    }),
    ("overview", |book, _, _| {
        black_box(book.overview(&now(LIFE_MS - 1)));
    }),
];

/// Prints ns of each, the median.
#[expect(clippy::print_stdout, reason = "a benchmark prints")]
pub(crate) fn table() {
    for kind in [WindowKind::Minute, WindowKind::Rolling] {
        let books = OUT.map(|out| (out, book(kind, out)));
        println!("{kind:?}: ns with {OUT:?} leases out");
        for (name, operation) in OPERATIONS {
            let ns = books.each_ref().map(|(out, book)| median_ns(book, *out, operation));
            println!("| {name} | {:.0} | {:.0} | {:.0} |", ns[0], ns[1], ns[2]);
        }
        let ns = books.each_ref().map(|(_, book)| turn_ns(book));
        println!("| turn | {:.0} | {:.0} | {:.0} |", ns[0], ns[1], ns[2]);
    }
}

/// A book with so many leases out, all granted within the life of a lease.
fn book(kind: WindowKind, out: u64) -> Book {
    let mut book = Book::new(Policy {
        limit: Limit::new(Some(LIMIT), None),
        kind,
        life_ms: LIFE_MS,
        guard_ms: 200,
        settlement: Settlement::Refund,
        periods: PeriodLimits::default(),
    });
    for number in 0..out {
        let at = now(number * LIFE_MS / out.max(2));
        let granted = book.apply(&acquire(number, Amount::new(1, 1)), &at);
        black_box(granted.expect("there is room"));
    }
    book
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn median_ns(book: &Book, out: u64, operation: fn(&mut Book, u64, u64)) -> f64 {
    let is_small = out <= LATELY;
    let mut used = book.clone();
    let mut samples: Vec<_> = (0..SAMPLES)
        .map(|sample| {
            if is_small {
                used = book.clone();
            }
            let first = if is_small { 0 } else { sample * EACH };
            // The first of them finds its memory.
            operation(&mut used, out, first);
            let began = Instant::now();
            (first + 1..first + EACH).for_each(|n| operation(&mut used, out, n));
            began.elapsed()
        })
        .collect();
    samples.sort_unstable();
    let median: Duration = samples[samples.len() / 2];
    median.as_secs_f64() * 1e9 / (EACH - 1) as f64
}

/// The window is over and its book is closed: what that takes once, however many leases are out.
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn turn_ns(book: &Book) -> f64 {
    let window = WindowSpan { number: 13, minute: 13, opens_ms: 780_000, ends_ms: 840_000 };
    let now = Now { steady_ms: 780_000, window };
    let mut samples = [(); TURNS].map(|()| {
        let mut book = book.clone();
        let began = Instant::now();
        book.advance(&now);
        black_box(book.carry(11, now.window.number).1.count());
        began.elapsed()
    });
    samples.sort_unstable();
    samples[TURNS / 2].as_secs_f64() * 1e9
}

fn tell(book: &mut Book, command: &Command) {
    let _ = black_box(book.apply(command, &now(LIFE_MS - 1)));
}

fn acquire(number: u64, amount: Amount) -> Command {
    let request =
        RequestKey(u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
    let (min, want) = (amount, amount);
    Command::Acquire(holder(number), Wish { request, min, want, ahead: false })
}

/// One of the latest leases, another each time.
fn lately(out: u64, n: u64) -> u64 {
    out - 1 - n * 7 % out.min(LATELY)
}

fn holder(number: u64) -> HolderId {
    HolderId(u32::try_from(number % 64).unwrap_or(0))
}

fn lease(number: u64) -> LeaseId {
    LeaseId { window: 10, number: u32::try_from(number).unwrap_or(0) }
}

fn now(ms: u64) -> Now {
    let window = WindowSpan { number: 10, minute: 10, opens_ms: 600_000, ends_ms: 660_000 };
    Now { steady_ms: 600_000 + ms, window }
}
