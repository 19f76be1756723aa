//! What happens in a random sequence.

use proptest::prelude::*;
use quota_core::{Amount, CalendarSpan, Limit, MAX_LIMIT, Period, PeriodLimit, PeriodLimits, Unit};

#[derive(Debug, Clone)]
pub(super) enum Step {
    Wait(u64),
    ClockJumps(i64),
    /// In one call.
    Run(Vec<Op>),
    SetLimit(Limit),
    SetPeriods(PeriodLimits),
    SetLife {
        life_ms: u64,
        guard_ms: u64,
        refund: bool,
    },
    Harvest {
        acknowledge: bool,
    },
    /// The other server calls from now on.
    Other,
    /// A call while Redis is held up.
    Busy(Op),
}

/// An operation; a lease is named by how long ago it was granted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Op {
    Acquire {
        holder: u32,
        request: u128,
        min: Amount,
        more: Amount,
        ahead: bool,
    },
    /// The same wish again.
    Again {
        back: usize,
    },
    GiveBack {
        holder: u32,
        lease: usize,
        total: Amount,
        closed: bool,
    },
    /// All of a lease, which is not closed for that.
    GiveBackAll {
        lease: usize,
    },
    Use {
        holder: u32,
        lease: usize,
        used: Amount,
        overrun: Amount,
    },
    Denied(Amount),
}

fn amount(tokens: u64, requests: u64) -> impl Strategy<Value = Amount> {
    (0..tokens, 0..requests).prop_map(|(tokens, requests)| Amount::new(tokens, requests))
}

fn waits() -> impl Strategy<Value = u64> {
    prop_oneof![
        6 => 0..2_000_u64,
        2 => 50_000..70_000_u64,
        1 => 100_000..900_000_u64,
        1 => prop_oneof![
            12 => 900_000..5_000_000_u64,
            3 => 5_000_000..90_000_000_u64,
            1 => Just(20 * 86_400_000_u64),
        ],
    ]
}

/// One that never runs out: what was charged before anything was counted is less well known.
pub(super) const ALWAYS: PeriodLimit = PeriodLimit {
    unit: Unit::Requests,
    period: Period::Calendar { span: CalendarSpan::Month, offset_min: 1 },
    most: MAX_LIMIT,
};

fn period() -> impl Strategy<Value = Period> {
    let span = prop_oneof![
        6 => Just(CalendarSpan::Hour),
        2 => Just(CalendarSpan::Day),
        1 => Just(CalendarSpan::Week),
        1 => Just(CalendarSpan::Month),
    ];
    let offset_min = prop_oneof![Just(0), Just(-480), Just(1_439), Just(15)];
    prop_oneof![
        3 => (span, offset_min).prop_map(|(span, offset_min)| Period::Calendar { span, offset_min }),
        2 => prop_oneof![3 => Just(600), 2 => Just(3_601), 1 => Just(86_400)]
            .prop_map(|secs| Period::Rolling { secs }),
    ]
}

/// Few periods, so that one is put again.
fn periods() -> impl Strategy<Value = PeriodLimits> {
    let most = prop_oneof![6 => 1..2_000_u64, 2 => 2_000..9_000_u64, 1 => Just(MAX_LIMIT)];
    let unit = prop_oneof![3 => Just(Unit::Tokens), 1 => Just(Unit::Requests)];
    let limit = (unit, period(), most).prop_map(|(unit, period, most)| match unit {
        Unit::Tokens => PeriodLimit { unit, period, most },
        Unit::Requests => PeriodLimit { unit, period, most: most.div_ceil(20) },
    });
    prop::collection::vec(limit, 0..4).prop_map(|mut limits| {
        limits.insert(limits.len() / 2, ALWAYS);
        let mut seen = Vec::new();
        limits.retain(|limit| {
            let key = (limit.unit, limit.period);
            let is_new = !seen.contains(&key);
            seen.push(key);
            is_new
        });
        PeriodLimits::new(limits).expect("each has its own period")
    })
}

fn limits() -> impl Strategy<Value = Limit> {
    let tokens = prop_oneof![
        6 => (0..900_u64).prop_map(Some),
        1 => Just(Some(0)),
        1 => Just(None),
        1 => (0..3_u64).prop_map(|less| Some(MAX_LIMIT - less)),
    ];
    let requests =
        prop_oneof![3 => (0..40_u64).prop_map(Some), 1 => Just(Some(0)), 2 => Just(None)];
    (tokens, requests).prop_map(|(tokens, requests)| Limit::new(tokens, requests))
}

/// Small ones that meet often, and the largest.
fn more() -> impl Strategy<Value = Amount> {
    prop_oneof![9 => amount(300, 6), 1 => Just(Amount::new(1 << 52, 1 << 40))]
}

/// Mostly a lease's own holder speaks for it.
pub(super) const OWNER: u32 = 9;

fn op() -> impl Strategy<Value = Op> {
    let holder = || prop_oneof![1 => 0..3_u32, 12 => Just(OWNER)];
    prop_oneof![
        12 => (0..3_u32, 0..60_u128, amount(120, 4), more(), any::<bool>()).prop_map(
            |(holder, request, min, more, ahead)| Op::Acquire { holder, request, min, more, ahead }
        ),
        3 => (0..20_usize).prop_map(|back| Op::Again { back }),
        6 => (holder(), 0..20_usize, amount(120, 4), any::<bool>())
            .prop_map(|(holder, lease, total, closed)| Op::GiveBack { holder, lease, total, closed }),
        1 => (0..20_usize).prop_map(|lease| Op::GiveBackAll { lease }),
        6 => (holder(), 0..20_usize, amount(120, 4), amount(60, 3))
            .prop_map(|(holder, lease, used, overrun)| Op::Use { holder, lease, used, overrun }),
        1 => amount(50, 3).prop_map(Op::Denied),
    ]
}

/// Anything, in about the mix of a busy deployment.
pub(super) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => waits().prop_map(Step::Wait),
        1 => (-150_000..150_000_i64).prop_map(Step::ClockJumps),
        10 => prop::collection::vec(op(), 1..2).prop_map(Step::Run),
        10 => prop::collection::vec(op(), 2..9).prop_map(Step::Run),
        1 => limits().prop_map(Step::SetLimit),
        2 => periods().prop_map(Step::SetPeriods),
        1 => (100..30_000_u64, 0..5_000_u64, any::<bool>()).prop_map(
            |(life_ms, guard_ms, refund)| Step::SetLife { life_ms, guard_ms, refund }
        ),
        1 => any::<bool>().prop_map(|acknowledge| Step::Harvest { acknowledge }),
        3 => Just(Step::Other),
        1 => op().prop_map(Step::Busy),
    ]
}
