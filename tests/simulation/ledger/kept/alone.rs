//! On one server.

use tests::ledger_simulation::What;

use super::{Kept, acquire, kill, put};

pub(super) const ALL: &[Kept] = &[
    CHANGE_AFTER_A_DENIAL_AND_A_RESTART,
    CHANGE_LONG_AFTER_A_DENIAL,
    CHANGE_IN_DOUBT,
    MACHINE_STARTED_TWICE,
    LEFT_OPEN_BESIDE_THE_NEXT,
    LEFT_OPEN_AT_A_MINUTES_END,
    OVER_WHEN_HEARD_OF,
    PUT_BACK_WHOLE_BY_A_CLOCK_BEHIND,
    REFUSED_BESIDE_ONE_OF_ITS_SIZE,
];

/// A limit changes in a window whose book was dropped by a restart: the change was not in the
/// journal, and the server did not start again. Found after 37 minutes.
const CHANGE_AFTER_A_DENIAL_AND_A_RESTART: Kept = Kept {
    seed: 0,
    servers: 1,
    is_rough: false,
    into_minute_ms: 46_237,
    steps: &[
        (0, What::Put { deployment: 0, tokens: 0, requests: Some(6), rolling: false }),
        (48_467, acquire(0, 0, 900, 900)),
        (48_601, put(0, 1)),
        (49_208, kill(17, false)),
        (49_920, put(0, 200)),
        (50_447, acquire(1, 0, 1, 12)),
        (108_750, kill(44, false)),
    ],
};

/// The same over the restart of another window. After 297 minutes.
const CHANGE_LONG_AFTER_A_DENIAL: Kept = Kept {
    seed: 0,
    servers: 1,
    is_rough: false,
    into_minute_ms: 24_647,
    steps: &[
        (14_260, put(0, 1)),
        (45_645, acquire(2, 0, 143, 143)),
        (45_664, put(0, 500)),
        (56_061, kill(2_231, false)),
        (79_927, put(0, 1_000)),
        (80_027, acquire(3, 0, 1_000, 1_000)),
    ],
};

/// A change whose commit failed and was written: read back, it was as if its book had never been
/// told. After 721 minutes.
const CHANGE_IN_DOUBT: Kept = Kept {
    seed: 0,
    servers: 1,
    is_rough: false,
    into_minute_ms: 18_169,
    steps: &[
        (9_487, put(0, 100)),
        (12_760, put(0, 200)),
        (13_280, What::Delete { deployment: 0 }),
        (35_622, What::CommitFailsWritten),
        (35_672, acquire(2, 1, 0, 10)),
        (35_843, put(1, 200)),
        (38_380, put(0, 1)),
        (53_972, What::CommitWrittenLater { by_ms: 1_388 }),
        (54_067, acquire(2, 0, 0, 10)),
        (95_378, kill(1_485, false)),
    ],
};

/// A machine is started twice: the window that the first start left open was taken for over at the
/// second, and another one opened in the same minute. After 593 and 748 minutes.
const MACHINE_STARTED_TWICE: Kept = Kept {
    seed: 0,
    servers: 1,
    is_rough: false,
    into_minute_ms: 14_660,
    steps: &[
        (11_931, put(0, 100)),
        (12_792, kill(7, true)),
        (100_447, put(1, 1_000)),
        (100_547, acquire(3, 1, 1_000, 1_000)),
        (104_851, kill(32, true)),
        (107_511, acquire(1, 0, 45, 100)),
        (108_000, acquire(3, 1, 900, 900)),
    ],
};

/// A machine starts within the last moments of a minute: the window is left open, for a minute that
/// another lease was granted ahead for. Together they went over the limit. Found under this seed.
const LEFT_OPEN_BESIDE_THE_NEXT: Kept = Kept {
    seed: 202_640,
    servers: 1,
    is_rough: false,
    into_minute_ms: 49_573,
    steps: &[
        (143_355, put(1, 100)),
        (190_319, acquire(0, 1, 100, 100)),
        (190_329, kill(22, true)),
        (191_500, acquire(1, 1, 100, 100)),
        (200_000, acquire(2, 1, 1, 12)),
    ],
};

/// A machine starts 29 ms before a minute's end, and its window is left open: what was granted
/// ahead of the next one is drawn from beside it, in another minute. That is no fault: the checker
/// took it for one.
const LEFT_OPEN_AT_A_MINUTES_END: Kept = Kept {
    seed: 60_064_954,
    servers: 1,
    is_rough: true,
    into_minute_ms: 17_968,
    steps: &[
        (0, What::Put { deployment: 0, tokens: 100, requests: Some(18), rolling: false }),
        (0, What::Put { deployment: 1, tokens: 100, requests: Some(12), rolling: false }),
        (41_268, What::Request { gateway: 0, tokens: 53, percent: 100, takes_ms: 1_838 }),
        (41_670, What::Request { gateway: 0, tokens: 31, percent: 100, takes_ms: 1_398 }),
        (41_851, What::Request { gateway: 0, tokens: 25, percent: 100, takes_ms: 2_903 }),
        (42_003, What::Kill { server: 0, down_ms: 9, reboots: true, declares: 200 }),
        (
            68_500,
            What::Acquire { holder: 1, deployment: 1, min: 1, want: 1, ahead: false, draws: 0 },
        ),
    ],
};

/// One answer has two leases of one size, of which the first is over already: a draw from the
/// second was taken for one from the first. That is no fault: the played gateway gave it the wrong
/// name.
const OVER_WHEN_HEARD_OF: Kept = Kept {
    seed: 110_002_391,
    servers: 1,
    is_rough: true,
    into_minute_ms: 39_904,
    steps: &[
        (182383, What::Put { deployment: 1, tokens: 100, requests: Some(4), rolling: false }),
        (214209, What::Request { gateway: 1, tokens: 10, percent: 100, takes_ms: 1226 }),
        (214234, What::Request { gateway: 1, tokens: 5, percent: 0, takes_ms: 79 }),
        (214487, What::Request { gateway: 1, tokens: 1, percent: 0, takes_ms: 2019 }),
        (275152, What::Request { gateway: 1, tokens: 42, percent: 0, takes_ms: 2348 }),
        (275222, What::Request { gateway: 1, tokens: 120, percent: 100, takes_ms: 1323 }),
        (275335, What::Request { gateway: 1, tokens: 176, percent: 100, takes_ms: 2871 }),
        (297267, What::Put { deployment: 1, tokens: 1000000, requests: None, rolling: false }),
        (
            305407,
            What::Acquire { holder: 1, deployment: 1, min: 1, want: 12, ahead: false, draws: 0 },
        ),
        (
            308492,
            What::Acquire { holder: 1, deployment: 1, min: 153, want: 316, ahead: false, draws: 0 },
        ),
        (310041, What::Request { gateway: 1, tokens: 48, percent: 100, takes_ms: 182 }),
        (310135, What::Request { gateway: 1, tokens: 8, percent: 100, takes_ms: 2866 }),
        (310332, What::Request { gateway: 1, tokens: 126, percent: 40, takes_ms: 1138 }),
        (310778, What::Request { gateway: 1, tokens: 104, percent: 0, takes_ms: 2566 }),
        (310973, What::Request { gateway: 1, tokens: 185, percent: 100, takes_ms: 160 }),
        (311185, What::Request { gateway: 1, tokens: 189, percent: 100, takes_ms: 2600 }),
        (379096, What::Request { gateway: 1, tokens: 8, percent: 130, takes_ms: 2381 }),
        (379200, What::Request { gateway: 1, tokens: 7, percent: 0, takes_ms: 2626 }),
        (379450, What::Request { gateway: 1, tokens: 4, percent: 0, takes_ms: 1524 }),
        (379594, What::Request { gateway: 1, tokens: 7, percent: 0, takes_ms: 148 }),
        (380813, What::Request { gateway: 1, tokens: 2, percent: 40, takes_ms: 818 }),
    ],
};

/// A journal is put back from before its first entry while the wall clock is behind: a window that
/// was granted from ahead opened again, under the same number.
const PUT_BACK_WHOLE_BY_A_CLOCK_BEHIND: Kept = Kept {
    seed: 90_010_415,
    servers: 1,
    is_rough: false,
    into_minute_ms: 0,
    steps: &[
        (1_000, put(0, 100)),
        (
            179_020,
            What::Acquire { holder: 0, deployment: 0, min: 10, want: 10, ahead: true, draws: 100 },
        ),
        (179_050, What::StepWall { server: 0, by_ms: -89_999 }),
        (179_100, What::PutBack { missing: 12, down_ms: 10 }),
        (272_000, put(0, 100)),
        (275_000, acquire(0, 0, 10, 10)),
        (280_000, acquire(1, 0, 10, 10)),
    ],
};

/// One answer has two leases of one size, of which the machine refuses the first: a draw from the
/// second was taken for one from the first. No fault either: leases are named by their number now.
const REFUSED_BESIDE_ONE_OF_ITS_SIZE: Kept = Kept {
    seed: 230_013_584,
    servers: 1,
    is_rough: true,
    into_minute_ms: 35_100,
    steps: &[
        (18_151, put(1, 200)),
        (67_576, What::Request { gateway: 1, tokens: 130, percent: 100, takes_ms: 2_547 }),
        (84_574, What::Request { gateway: 1, tokens: 154, percent: 130, takes_ms: 2_992 }),
        (84_741, What::Request { gateway: 1, tokens: 59, percent: 0, takes_ms: 1_858 }),
        (84_834, put(1, 500)),
        (85_352, What::Request { gateway: 1, tokens: 170, percent: 130, takes_ms: 2_015 }),
        (85_462, What::Request { gateway: 1, tokens: 173, percent: 130, takes_ms: 467 }),
        (263_900, What::Request { gateway: 1, tokens: 1, percent: 130, takes_ms: 1_344 }),
        (264_136, What::Request { gateway: 1, tokens: 10, percent: 100, takes_ms: 2_971 }),
        (264_413, What::Request { gateway: 1, tokens: 8, percent: 130, takes_ms: 2_411 }),
        (264_633, What::Request { gateway: 1, tokens: 4, percent: 100, takes_ms: 2_153 }),
        (264_882, What::Request { gateway: 1, tokens: 6, percent: 100, takes_ms: 2_548 }),
        (299_999, What::Look),
    ],
};
