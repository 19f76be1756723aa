use std::{fs, path::Path};

use super::markdown::{Markdown, code};
use crate::{intake::READERS, mutants::Table};

/// The model's worlds, and how many different states each has: its tests look at all of them, and
/// at this table.
pub const MODEL_STATES: [(&str, usize); 3] =
    [("steady", 93_426), ("two requests each", 573_347), ("rolled back", 487_354)];

/// How each rule is checked, and what that found.
pub(super) fn page() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let table = Table::read(&root).expect("the table of mutants is read by a test of its own");
    let mut page = Markdown::default();
    page.paragraph(INTRODUCTION);
    page.heading(2, "The means");
    page.table(
        ["what", "looks at", "when", "command"],
        MEANS.map(|row| row.map(Into::into)).into(),
    );
    page.heading(2, "The rules");
    page.paragraph(RULES_HEAD);
    page.table(
        ["rule", "is checked by", "faults put in"],
        RULES.map(|rule| row(rule, &table)).into(),
    );
    page.heading(2, "What it found");
    page.paragraph(FOUND_HEAD);
    page.table(
        ["rule", "what was wrong", "what finds it now"],
        FOUND.map(|row| row.map(Into::into)).into(),
    );
    page.heading(2, "The model");
    page.paragraph(MODEL);
    let states = |(world, states): (&str, usize)| [world.to_owned(), states.to_string()];
    page.table(["world", "states"], MODEL_STATES.map(states).into());
    page.heading(2, "Faults put in");
    page.paragraph(MUTANTS);
    let mutants = table.mutants.iter();
    let mutants =
        mutants.map(|one| [code(&one.id), one.rule.clone(), one.what.clone(), one.test.clone()]);
    page.table(["fault", "rule", "what is wrong then", "tests"], mutants.collect());
    page.heading(2, "Bytes from outside");
    page.paragraph(READERS_HEAD);
    let readers = READERS.map(|(name, _)| [code(name), samples(&root, name).to_string()]);
    page.table(["reader", "samples"], readers.into());
    page.heading(2, "What is not covered");
    page.paragraph(NOT_COVERED);
    page.finish("What is verified, and how", "the tables of the tests")
}

fn row([rule, checks]: [&str; 2], table: &Table) -> [String; 3] {
    let count = table.mutants.iter().filter(|mutant| mutant.rule == rule).count();
    [rule.to_owned(), checks.to_owned(), count.to_string()]
}

fn samples(root: &Path, reader: &str) -> usize {
    fs::read_dir(root.join("fuzz/corpus").join(reader)).map_or(0, Iterator::count)
}

const INTRODUCTION: &str = "\
The promise is that no window is ever granted beyond its limit, through anything. This page says how each rule of \
[the architecture](architecture.md) is checked, how often, what that found so far, and what it does not see. Its figures and its table of \
faults are made from the tests themselves.";

const MEANS: [[&str; 4]; 11] = [
    [
        "tables and a naive model",
        "`quota-core` alone: every event summed anew",
        "each commit",
        "`cargo test -p quota-core`",
    ],
    [
        "the contract",
        "each ledger, in memory and on its store: failing commits, restarts, windows",
        "each commit",
        "`cargo test -p quota-server --lib`",
    ],
    [
        "the oracle",
        "the book in Redis against `quota-core`, by random sequences",
        "each commit",
        "`cargo test -p quota-server --lib ledger::redis::book`",
    ],
    [
        "simulation",
        "the client's machine and the book in virtual time: loss, repetition, drift, crashes",
        "each commit; more by command",
        "`TOKENLEASE_RUNS=3000 cargo test -p tests --test simulation`",
    ],
    [
        "the ledger, simulated",
        "the real writers, recoveries and take-overs in virtual time, under limits that change, on stores, networks and clocks that fail, on data that are put back or damaged; in a third of the runs with the client's own machine; judged from answers and draws alone",
        "10 000 ledger minutes each commit; more by command",
        "`cargo run --release -p tests --bin simulate -- --minutes 1000000`",
    ],
    [
        "model",
        "the protocol itself, every state of small worlds",
        "each commit",
        "`cargo test -p tests --test model -- --nocapture`",
    ],
    [
        "loom",
        "draw, settle, close and recycling of a slot of the client: every interleaving of two threads, every value that a load may see",
        "each commit",
        "`cargo test -p gateway-client --test loom`",
    ],
    [
        "chaos: messages, outages",
        "real processes whose messages are lost and doubled, stores and servers that die",
        "a few runs each commit; more by command",
        "`cargo run --release -p tests --bin chaos -- --runs 200`",
    ],
    [
        "chaos: changes",
        "real processes whose limits change, deployments that are deleted and made again, denials, kills",
        "a few runs each commit; more by command",
        "`.. --bin chaos -- --changes --minutes 30 --ledger postgres`",
    ],
    [
        "faults put in",
        "the tests: each of these faults must fail one",
        "a part each commit; all by command",
        "`cargo run -p tests --bin mutants -- --run`",
    ],
    [
        "bytes from outside",
        "readers of the journal, of Redis, of bodies and of files, with changed samples",
        "each commit; `cargo fuzz` by hand",
        "`TOKENLEASE_FUZZ_RUNS=1000000 cargo test -p tests --lib intake`",
    ],
];

const RULES_HEAD: &str = "\
Faults put in are counted by the rule that they break first.";

const RULES: [[&str; 2]; 10] = [
    [
        "R1",
        "all of the above; every sum of chaos is made from answers and draws, by nobody's books",
    ],
    [
        "R2",
        "loom; the client's tests with a clock of their own; chaos adds up what was drawn in each minute; the upstream's audit in the scenarios",
    ],
    ["R3", "tables, model, simulation; what was drawn must be outstanding in the journal (chaos)"],
    [
        "R4",
        "the contract's restarts and failing commits; chaos kills and wants every server back, and the book as it was",
    ],
    [
        "R5",
        "every message of the model, the simulation and the relay may arrive twice, late, or never",
    ],
    [
        "R6",
        "the client's tests with drifting clocks; the model; the ledger's time against stepped clocks",
    ],
    [
        "R7",
        "the ledgers' tests of lost writes; outages that fail over to a replica that is behind; the model's store that is rolled back",
    ],
    [
        "R8",
        "chaos that raises and lowers limits holds each grant against the limit in force; the model; the naive model",
    ],
    ["R9", "the scenarios count messages; the benchmarks draw beside a floor"],
    [
        "R10",
        "every route with every role and bad input, schemathesis on the API document, changed samples for each reader",
    ],
];

const FOUND_HEAD: &str = "\
Faults that tests or readers found after they had been merged. Each is of a kind; the last column names what would find the kind again.";

const FOUND: [[&str; 3]; 24] = [
    [
        "R4",
        "a limit that was changed while the deployment's book was closed was missing from the journal: the server granted by it, and no later start could follow its own journal",
        "chaos: changes; the ledger, simulated: after 37 minutes",
    ],
    [
        "R1",
        "the same with a lower limit: after a restart the old one was granted by, and the metric of broken rules compared with the book's own limit",
        "chaos: changes",
    ],
    [
        "R8",
        "a deployment that one server on Redis had made and answered for was 404 on another that had been asked for an unknown one up to 100 ms before",
        "chaos: changes",
    ],
    [
        "R1",
        "a machine that started twice within two minutes took the window that the first start had left open for over, and opened another in the same minute",
        "the ledger, simulated: after 593 minutes",
    ],
    [
        "R1",
        "a standby took a deployment that was deleted and made again between two of its statements for forgotten, dropped its book, took over, and granted the window again",
        "the ledger, simulated: after 22 290 minutes",
    ],
    [
        "R6",
        "after a take-over by a machine that had just started, the ledger's time was behind; the window went on into minutes that it did not stand for, and the next take-over opened another in one of them",
        "the ledger, simulated: after 28 001 minutes",
    ],
    [
        "R1",
        "a machine that started again right before a minute's end left the window open beside leases that were granted ahead of the next: both were drawn from in one minute",
        "the ledger, simulated: seed 202 640",
    ],
    [
        "R4",
        "a server whose store had been promoted without the last writes said from memory that a deployment was deleted, or had the limit that was put, and neither was so",
        "the ledger, simulated: after 11 019 minutes",
    ],
    [
        "R7",
        "after a loss of some minutes a server that knew of no time between gave a lost window's number again, so that a return to a lost lease could be credited to another",
        "the ledger, simulated: after 267 379 minutes",
    ],
    [
        "R4",
        "the same on the embedded ledger, whose journal was put back while the wall clock was behind",
        "the ledger, simulated: seed 90 010 415",
    ],
    [
        "R6",
        "a machine that had just started took over a database whose replica had lost every entry, and began time anew; the next take-over, by who had seen the time of before, let half an hour pass at once",
        "the ledger, simulated: seed 310 015 997",
    ],
    [
        "R8",
        "a standby showed a limit of before: it had been put while the writer had no book, and no entry told of it",
        "the ledger, simulated: after 10 912 minutes",
    ],
    [
        "R6",
        "a server that had just started took over with the last entry's time, though the leader's row told that this window was over: it was open again",
        "the ledger, simulated: seed 60 067 610",
    ],
    [
        "R1",
        "a gateway's entry that named its id and no limits had none, though the quota server had limits under that id",
        "the gateway's tests",
    ],
    [
        "R7",
        "a PostgreSQL whose files were put back under two servers was granted from again by the standby that took over: only the writer compared",
        "a player on release binaries",
    ],
    [
        "R7",
        "a Redis whose files were put back under two servers was vouched for by the one that had not seen what was lost",
        "a player on release binaries",
    ],
    [
        "R7",
        "a quarantined server with old entries left went round without a rest",
        "the ledger, simulated: after 27 minutes",
    ],
    [
        "R7",
        "a Redis that had lost writes was vouched for by a server that had just started",
        "the ledgers' tests of lost writes",
    ],
    [
        "R1",
        "a call that failed half-way while its slot of a Redis Cluster moved left leases that nobody was charged for",
        "the oracle, on a moving slot",
    ],
    [
        "R1",
        "a server cut off from the catalogue never heard that a deployment had been deleted, and went on granting from it",
        "the ledger's tests with several servers",
    ],
    [
        "R9",
        "one ask for the whole limit put a deployment into endgame for everybody, for up to two minutes",
        "tables of `quota-core`",
    ],
    [
        "R5",
        "a request id that was used again for another ask got the first lease, below what the new ask needs",
        "tables of `quota-core`",
    ],
    ["R8", "a raised limit was not seen by gateways until the minute's end", "the client's tests"],
    [
        "R10",
        "one unknown word in one item of a batch answer made the whole answer unreadable to a gateway",
        "the client's tests with answers from the future",
    ],
];

const MODEL: &str = "\
Two holders, two servers and a store; messages that are lost, doubled and out of order; crashes, elections beside a server that is only \
slow, limits put, windows that turn, leases asked for ahead, and a store that is rolled back. It is written by hand from the rules, so it \
shows that the rules suffice, not that the code follows them. Left out one at a time, the rules are missed: credit at a lease's end, no \
epoch, an end counted from the receipt, returns as increments, an answer before the commit, the old limit, a return that is taken back, a \
repeat that is another request, a rolled back store that is vouched for.";

const MUTANTS: &str = "\
Each is one line of `tests/mutants.toml`, put into a copy of the tree; the tests that it names must fail. A test of every commit looks that \
its line is still there.";

const READERS_HEAD: &str = "\
Targets of `cargo fuzz` are in `fuzz/`, with these samples; each commit plays 2 000 random changes of each.";

const NOT_COVERED: &str = "\
- A wall clock that is wrong by a minute or more while a machine starts, or where another machine takes over that saw no sign of life: the later minute is believed.\n\
- Disks that lie: a journal whose `fsync` returned is taken as durable.\n\
- What asynchronous replication loses: [the Redis ledger](redis.md) and [storage](storage.md) say what is quarantined, and what cannot be.\n\
- A limit whose change was lost with the store: after a restored backup the older limit is shown and, on Redis, the later one granted by, until it is put again.\n\
- Clocks of gateways that run slower than a thousandth below the server's.\n\
- Providers that count otherwise than one reserves; an overrun is charged when it is reported, not before.\n\
- On Redis a deployment that was deleted is granted from for up to a second, by servers that have not heard of it yet.\n\
- Chaos from outside has real time: a seed repeats its choices, not its timing.\n\
- The model has two of everything and amounts of one and two; the code has more.";
