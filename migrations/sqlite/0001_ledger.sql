-- One file per shard of the embedded ledger.

-- What the file is (shard, shards), which deployment number was given last, and from where on the
-- journal counts (floor, first_seq).
CREATE TABLE meta (
    key   TEXT PRIMARY KEY NOT NULL,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Written to find out whether the disk takes writes again.
CREATE TABLE probe (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    room BLOB NOT NULL
) STRICT;

-- `policy` is JSON; `details` is the API's and opaque here. A deleted deployment keeps its number
-- until its history is gone.
CREATE TABLE deployments (
    no      INTEGER PRIMARY KEY,
    id      TEXT NOT NULL UNIQUE,
    policy  TEXT NOT NULL,
    details TEXT NOT NULL,
    version INTEGER NOT NULL,
    deleted INTEGER NOT NULL
) STRICT;

-- One row a commit, numbered without a gap. What is in an entry: quota-server, `entry.rs`.
CREATE TABLE journal (
    seq   INTEGER PRIMARY KEY,
    entry BLOB NOT NULL
) STRICT;

-- The books of closed windows: granted = given_back + used + burnt.
CREATE TABLE history (
    deployment          INTEGER NOT NULL,
    window              INTEGER NOT NULL,
    minute              INTEGER NOT NULL,
    rolling             INTEGER NOT NULL,
    limit_tokens        INTEGER,
    limit_requests      INTEGER,
    granted_tokens      INTEGER NOT NULL,
    granted_requests    INTEGER NOT NULL,
    given_back_tokens   INTEGER NOT NULL,
    given_back_requests INTEGER NOT NULL,
    used_tokens         INTEGER NOT NULL,
    used_requests       INTEGER NOT NULL,
    burnt_tokens        INTEGER NOT NULL,
    burnt_requests      INTEGER NOT NULL,
    overrun_tokens      INTEGER NOT NULL,
    overrun_requests    INTEGER NOT NULL,
    denied_tokens       INTEGER NOT NULL,
    denied_requests     INTEGER NOT NULL,
    PRIMARY KEY (deployment, window)
) STRICT, WITHOUT ROWID;

CREATE INDEX history_by_minute ON history (minute);
