//! On servers that take over from each other.

use tests::ledger_simulation::What;

use super::{Kept, acquire, kill, put};

pub(super) const ALL: &[Kept] = &[
    DELETED_AND_MADE_AGAIN_UNDER_A_STANDBYS_EYES,
    TIME_LOST_AT_A_MACHINES_START,
    LIMIT_UNSEEN_BY_A_STANDBY,
    KIND_UNSEEN_BY_A_STANDBY,
    DELETED_AGAIN_AFTER_A_LOSS,
    DELETED_AGAIN_AFTER_A_LOSS_AND_MADE_AGAIN,
    NUMBERS_GIVEN_TWICE_AFTER_A_LOSS,
    TAKEN_OVER_AFTER_ONE_SIGN_OF_LIFE,
    GIVEN_UP_IN_A_START,
    LOST_BEFORE_ITS_ANSWER_CAME,
    KILLED_WHILE_IT_STARTS,
    TIME_WENT_BACK,
];

/// A deployment is deleted and made again between two looks of a standby at one place: it took the
/// deployment for forgotten, dropped its book, took over, and granted the window again. After 22
/// 290 minutes.
const DELETED_AND_MADE_AGAIN_UNDER_A_STANDBYS_EYES: Kept = Kept {
    seed: 206_687,
    servers: 2,
    is_rough: true,
    into_minute_ms: 49_161,
    steps: &[
        (43_008, kill(12, false)),
        (88_462, put(1, 100)),
        (88_562, acquire(0, 1, 100, 100)),
        (89_354, What::Kill { server: 0, down_ms: 43, reboots: false, declares: 1 }),
        (89_529, What::Delete { deployment: 1 }),
        (89_682, put(1, 0)),
        (98_027, What::Kill { server: 1, down_ms: 36, reboots: false, declares: 0 }),
        (123_848, put(1, 1_000)),
        (
            124_373,
            What::Acquire { holder: 0, deployment: 1, min: 1, want: 12, ahead: false, draws: 0 },
        ),
    ],
};

/// A machine starts anew and takes over without a word in the journal, so steady time falls behind;
/// a window that goes on by it reached into minutes that it did not stand for, and the next
/// take-over opened another in the same minute. After 28 001 minutes.
const TIME_LOST_AT_A_MACHINES_START: Kept = Kept {
    seed: 207_723,
    servers: 3,
    is_rough: false,
    into_minute_ms: 48_361,
    steps: &[
        (23_851, What::Put { deployment: 0, tokens: 0, requests: None, rolling: true }),
        (28_040, kill(2_153, false)),
        (43_163, What::CommitSilent { by_ms: 3_086 }),
        (43_354, put(1, 0)),
        (47_713, What::Delete { deployment: 1 }),
        (48_634, What::Kill { server: 1, down_ms: 18, reboots: false, declares: 0 }),
        (71_048, What::Put { deployment: 0, tokens: 100, requests: None, rolling: true }),
        (
            71_506,
            What::Acquire { holder: 1, deployment: 0, min: 1, want: 12, ahead: false, draws: 0 },
        ),
        (72_019, What::Return { holder: 1, back: 0, percent: 50, closed: false }),
        (75_150, put(1, 100)),
        (
            75_975,
            What::Acquire { holder: 1, deployment: 1, min: 28, want: 28, ahead: false, draws: 0 },
        ),
        (89_208, put(2, 50)),
        (89_945, put(2, 1_000)),
        (90_219, put(2, 50)),
        (168_471, kill(37, true)),
        (174_428, What::CommitSlow { by_ms: 3_000 }),
        (
            198_049,
            What::Acquire { holder: 3, deployment: 1, min: 1, want: 12, ahead: false, draws: 50 },
        ),
        (236_602, What::StoreAway { for_ms: 5_289 }),
        (
            256_736,
            What::Acquire { holder: 1, deployment: 2, min: 1, want: 1, ahead: false, draws: 50 },
        ),
    ],
};

/// A limit is put while its writer has no book: a standby that still had one, which nothing was
/// left in, showed the limit of before. Found after 10 912 minutes.
const LIMIT_UNSEEN_BY_A_STANDBY: Kept = Kept {
    seed: 20_001_771,
    servers: 2,
    is_rough: false,
    into_minute_ms: 22_180,
    steps: &[
        (2_975, put(0, 1)),
        (
            64_105,
            What::Acquire { holder: 3, deployment: 0, min: 213, want: 213, ahead: true, draws: 50 },
        ),
        (82_787, put(0, 100)),
        (89_660, What::StoreAway { for_ms: 5_496 }),
        (113_259, put(0, 50)),
    ],
};

/// The same with another kind of window. After 109 746 minutes.
const KIND_UNSEEN_BY_A_STANDBY: Kept = Kept {
    seed: 60_017_504,
    servers: 3,
    is_rough: false,
    into_minute_ms: 47_534,
    steps: &[
        (0, What::Put { deployment: 0, tokens: 0, requests: None, rolling: true }),
        (
            83_446,
            What::Acquire { holder: 2, deployment: 0, min: 201, want: 201, ahead: true, draws: 50 },
        ),
        (86_989, What::Put { deployment: 0, tokens: 0, requests: Some(7), rolling: true }),
        (95_759, What::StoreAway { for_ms: 2_930 }),
        (110_662, put(0, 1)),
    ],
};

/// A deletion is lost with the writes that a promoted store lacks, and asked for again: a server
/// that had heard of no loss said from memory that there is no such deployment, and later granted
/// from it. Found after 59 751 minutes.
const DELETED_AGAIN_AFTER_A_LOSS: Kept = Kept {
    seed: 50_009_591,
    servers: 3,
    is_rough: false,
    into_minute_ms: 45_718,
    steps: &[
        (110_867, put(0, 100)),
        (110_967, acquire(1, 0, 100, 100)),
        (111_388, What::Delete { deployment: 0 }),
        (112_417, What::Promote { missing: 2 }),
        (112_593, What::Delete { deployment: 0 }),
        (
            209_325,
            What::Acquire { holder: 2, deployment: 0, min: 0, want: 10, ahead: false, draws: 100 },
        ),
    ],
};

/// The same, and the deployment made again: the limit of before was granted by. After 11 019
/// minutes.
const DELETED_AGAIN_AFTER_A_LOSS_AND_MADE_AGAIN: Kept = Kept {
    seed: 50_001_761,
    servers: 3,
    is_rough: false,
    into_minute_ms: 51_590,
    steps: &[
        (67_123, put(2, 1_000)),
        (67_223, acquire(1, 2, 1_000, 1_000)),
        (
            68_324,
            What::Acquire { holder: 0, deployment: 2, min: 0, want: 0, ahead: false, draws: 100 },
        ),
        (
            68_328,
            What::Acquire { holder: 1, deployment: 2, min: 51, want: 51, ahead: false, draws: 50 },
        ),
        (68_353, What::Delete { deployment: 2 }),
        (68_394, What::Promote { missing: 4 }),
        (68_487, What::Delete { deployment: 2 }),
        (184_340, put(2, 200)),
        (
            238_267,
            What::Acquire { holder: 0, deployment: 2, min: 200, want: 410, ahead: false, draws: 0 },
        ),
    ],
};

/// Writes of some minutes are lost, and the machine that takes over knows of no time between: it
/// gave a number of a lost window again, and with it a lease's name to another lease. After 267 379
/// minutes.
const NUMBERS_GIVEN_TWICE_AFTER_A_LOSS: Kept = Kept {
    seed: 50_043_095,
    servers: 2,
    is_rough: true,
    into_minute_ms: 37_980,
    steps: &[
        (0, What::Put { deployment: 0, tokens: 1, requests: None, rolling: true }),
        (0, What::Put { deployment: 1, tokens: 100, requests: None, rolling: true }),
        (19_047, put(2, 500)),
        (
            22_158,
            What::Acquire { holder: 0, deployment: 2, min: 0, want: 10, ahead: false, draws: 50 },
        ),
        (25_312, acquire(3, 1, 51, 112)),
        (77_751, kill(1_302, true)),
        (121_001, What::Report { holder: 3, back: 0, overrun: 0 }),
        (121_853, What::Delete { deployment: 2 }),
        (
            156_489,
            What::Acquire { holder: 0, deployment: 1, min: 35, want: 80, ahead: false, draws: 50 },
        ),
        (179_896, What::Promote { missing: 8 }),
        (209_939, What::Kill { server: 1, down_ms: 39_263, reboots: false, declares: 0 }),
        (342_244, What::Kill { server: 0, down_ms: 23, reboots: false, declares: 100 }),
        (
            351_638,
            What::Acquire { holder: 0, deployment: 1, min: 45, want: 100, ahead: false, draws: 50 },
        ),
    ],
};

/// A standby that had just started saw no sign of life but the one that was already there, and took
/// over with the last entry's time: a window that had ended was open again. Found under this seed.
const TAKEN_OVER_AFTER_ONE_SIGN_OF_LIFE: Kept = Kept {
    seed: 60_067_610,
    servers: 3,
    is_rough: true,
    into_minute_ms: 53_002,
    steps: &[
        (0, What::Put { deployment: 0, tokens: 1_000_000, requests: None, rolling: true }),
        (0, What::Put { deployment: 1, tokens: 50, requests: Some(14), rolling: true }),
        (2_474, What::Pause { server: 0, for_ms: 6_210 }),
        (19_786, What::Request { gateway: 0, tokens: 68, percent: 100, takes_ms: 2_215 }),
        (19_909, What::Request { gateway: 0, tokens: 72, percent: 130, takes_ms: 1_828 }),
        (20_202, What::Request { gateway: 0, tokens: 49, percent: 100, takes_ms: 2_006 }),
        (20_395, What::Request { gateway: 0, tokens: 17, percent: 0, takes_ms: 606 }),
        (26_193, acquire(0, 0, 1, 1)),
        (
            26_362,
            What::Acquire { holder: 0, deployment: 0, min: 220, want: 220, ahead: false, draws: 0 },
        ),
        (27_163, put(2, 1_000_000)),
        (27_226, What::Kill { server: 2, down_ms: 18, reboots: false, declares: 0 }),
        (27_366, What::Put { deployment: 1, tokens: 0, requests: None, rolling: true }),
        (27_444, What::Kill { server: 1, down_ms: 1_377, reboots: false, declares: 0 }),
        (
            27_765,
            What::Acquire { holder: 3, deployment: 2, min: 0, want: 10, ahead: false, draws: 50 },
        ),
        (66_984, What::Return { holder: 3, back: 0, percent: 100, closed: true }),
        (
            66_985,
            What::Acquire { holder: 1, deployment: 2, min: 1, want: 1, ahead: false, draws: 50 },
        ),
        (67_033, What::StoreAway { for_ms: 702 }),
        (67_052, What::Repeat { holder: 1, back: 0 }),
        (86_031, What::CommitSlow { by_ms: 2_995 }),
        (86_130, What::Put { deployment: 1, tokens: 500, requests: None, rolling: true }),
        (87_354, What::Kill { server: 0, down_ms: 45, reboots: false, declares: 0 }),
        (
            108_913,
            What::Acquire { holder: 0, deployment: 0, min: 0, want: 10, ahead: false, draws: 0 },
        ),
    ],
};

/// A run ends while a server is about to start, and that start is given up: nobody started it
/// again. That is no fault: whoever plays took it for starting still.
const GIVEN_UP_IN_A_START: Kept = Kept {
    seed: 110_018_457,
    servers: 2,
    is_rough: false,
    into_minute_ms: 6_202,
    steps: &[
        (244_006, What::Kill { server: 0, down_ms: 85_252, reboots: false, declares: 0 }),
        (299_267, What::Promote { missing: 6 }),
    ],
};

/// A change is answered after a replica took the store's place without it. That is no fault: the
/// checker took it for in force.
const LOST_BEFORE_ITS_ANSWER_CAME: Kept = Kept {
    seed: 120_000_662,
    servers: 3,
    is_rough: true,
    into_minute_ms: 16_019,
    steps: &[
        (15_608, put(1, 500)),
        (16_094, put(1, 100)),
        (
            16_242,
            What::Acquire { holder: 3, deployment: 1, min: 0, want: 0, ahead: false, draws: 0 },
        ),
        (16_367, What::PutPeriod { deployment: 1, tokens: 100, most: 100 }),
        (16_703, put(1, 0)),
        (16_853, What::Promote { missing: 4 }),
        (129_566, acquire(3, 1, 208, 208)),
    ],
};

/// A server is killed again while it is about to start on a store that is away: whoever plays
/// started it twice. No fault of the ledger's.
const KILLED_WHILE_IT_STARTS: Kept = Kept {
    seed: 130_000_707,
    servers: 3,
    is_rough: false,
    into_minute_ms: 33_475,
    steps: &[
        (0, put(1, 500)),
        (
            16_000,
            What::Acquire { holder: 0, deployment: 1, min: 2, want: 14, ahead: false, draws: 50 },
        ),
        (44_500, What::StoreAway { for_ms: 5_734 }),
        (46_987, What::Kill { server: 2, down_ms: 2_060, reboots: false, declares: 0 }),
        (47_318, What::Kill { server: 2, down_ms: 8, reboots: true, declares: 0 }),
        (49_178, What::Kill { server: 2, down_ms: 854, reboots: false, declares: 0 }),
        (239_999, What::Look),
    ],
};

/// A replica without any entry takes the store's place, and a machine that was started anew takes
/// over: the ledger's time began anew, by that machine's clock. The next take-over, by who had seen
/// the time of before, opened the windows of half an hour at once.
const TIME_WENT_BACK: Kept = Kept {
    seed: 310_015_997,
    servers: 3,
    is_rough: false,
    into_minute_ms: 39_199,
    steps: &[
        (129, put(1, 500)),
        (
            10_908,
            What::Acquire { holder: 3, deployment: 1, min: 0, want: 10, ahead: false, draws: 100 },
        ),
        (31_883, What::Promote { missing: 9 }),
        (91_210, What::Kill { server: 1, down_ms: 560, reboots: true, declares: 1_000 }),
        (209_045, What::CommitFailsWritten),
        (209_085, put(1, 1_000_000)),
        (
            209_312,
            What::Acquire { holder: 3, deployment: 1, min: 200, want: 410, ahead: false, draws: 0 },
        ),
        (209_459, What::Kill { server: 1, down_ms: 19, reboots: false, declares: 0 }),
        (
            392_955,
            What::Acquire { holder: 0, deployment: 1, min: 56, want: 122, ahead: false, draws: 0 },
        ),
    ],
};
