//! What a grant, and its replay, cost the book alone, and what each operation costs with more and
//! more leases out: `cargo bench -p quota-core`.

mod flat;

use std::hint::black_box;
use std::time::Instant;

use quota_core::{
    Amount, Book, Command, Event, HolderId, Limit, Now, PeriodLimits, Policy, RequestKey,
    Settlement, WindowKind, WindowSpan, Wish,
};

const GRANTS: u64 = 2_000_000;

fn main() {
    let mut applied: Vec<f64> = Vec::new();
    let mut replayed: Vec<f64> = Vec::new();
    for _ in 0..5 {
        let (events, ns) = apply_all();
        applied.push(ns);
        replayed.push(replay_all(&events));
    }
    report("grant", &mut applied);
    report("replay", &mut replayed);
    flat::table();
}

fn now(number: u64) -> Now {
    let window = WindowSpan { number: 10, minute: 10, opens_ms: 600_000, ends_ms: 660_000 };
    Now { steady_ms: 600_000 + number * 60_000 / GRANTS, window }
}

fn policy() -> Policy {
    Policy {
        limit: Limit::new(Some(1 << 50), None),
        kind: WindowKind::Minute,
        life_ms: 2_000,
        guard_ms: 200,
        settlement: Settlement::Refund,
        periods: PeriodLimits::default(),
    }
}

/// A minute's grants to 64 holders, and what each took, in ns.
fn apply_all() -> (Vec<Event>, f64) {
    let mut book = Book::new(policy());
    let mut events = Vec::with_capacity(usize::try_from(GRANTS).unwrap_or(0));
    let ns = ns_each(|| {
        for number in 0..GRANTS {
            let holder = HolderId((number % 64) as u32);
            let wish = Wish {
                request: RequestKey(
                    u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
                ),
                min: Amount::new(100, 1),
                want: Amount::new(1_000, 10),
                ahead: false,
            };
            let result = book.apply(&Command::Acquire(holder, wish), &now(number));
            events.extend(result.expect("there is room").1);
        }
    });
    (events, ns)
}

fn replay_all(events: &[Event]) -> f64 {
    let mut book = Book::new(policy());
    ns_each(|| {
        for (number, event) in (0..).zip(events) {
            book.replay(event, &now(number)).expect("what was applied can be replayed");
        }
        black_box(&mut book);
    })
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn ns_each(run: impl FnOnce()) -> f64 {
    let began = Instant::now();
    run();
    began.elapsed().as_secs_f64() * 1e9 / GRANTS as f64
}

#[expect(clippy::print_stdout, reason = "a benchmark prints")]
fn report(what: &str, ns: &mut [f64]) {
    ns.sort_by(f64::total_cmp);
    println!(
        "{what}: {:.0} ns (median of {}; {:.0} to {:.0})",
        ns[ns.len() / 2],
        ns.len(),
        ns[0],
        ns[ns.len() - 1]
    );
}
