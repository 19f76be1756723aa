-- The ledger of one active quota server and its standbys.

-- Who may write: one row, whose epoch every transaction of a writer must find unchanged. Each makes a
-- new version of the row, so the page has room for many.
CREATE TABLE leader (
    id            SMALLINT PRIMARY KEY CHECK (id = 1),
    epoch         BIGINT NOT NULL,
    -- One term of one process.
    server        TEXT NOT NULL,
    advertise_url TEXT NOT NULL,
    -- By this database's clock; another server may take over a while later.
    renewed_at    TIMESTAMPTZ NOT NULL,
    -- The ledger's steady time at the renewal.
    steady_ms     BIGINT NOT NULL
) WITH (fillfactor = 10);

INSERT INTO leader VALUES (1, 0, '', '', '-infinity', 0);

-- Which deployment number was given last, and from where on the journal counts (floor, first_seq).
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);

-- `policy` is JSON; `details` is the API's and opaque here. A deleted deployment keeps its number
-- until its history is gone. `changed_in` is the journal entry of its last change.
CREATE TABLE deployments (
    no         BIGINT PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    policy     TEXT NOT NULL,
    details    TEXT NOT NULL,
    version    BIGINT NOT NULL,
    deleted    BOOLEAN NOT NULL,
    changed_in BIGINT NOT NULL
);

CREATE INDEX deployments_by_change ON deployments (changed_in);

-- One row a commit, numbered without a gap. What is in an entry: quota-server, `entry.rs`. Entries
-- are read once, if ever, and removed after minutes: they are neither compressed nor moved away while
-- they fit into a page.
CREATE TABLE journal (
    seq   BIGINT PRIMARY KEY,
    entry BYTEA NOT NULL
) WITH (toast_tuple_target = 8160);

ALTER TABLE journal ALTER COLUMN entry SET STORAGE EXTERNAL;

-- The books of closed windows: granted = given_back + used + burnt.
CREATE TABLE history (
    deployment          BIGINT NOT NULL,
    "window"            BIGINT NOT NULL,
    minute              BIGINT NOT NULL,
    rolling             BOOLEAN NOT NULL,
    limit_tokens        BIGINT,
    limit_requests      BIGINT,
    granted_tokens      BIGINT NOT NULL,
    granted_requests    BIGINT NOT NULL,
    given_back_tokens   BIGINT NOT NULL,
    given_back_requests BIGINT NOT NULL,
    used_tokens         BIGINT NOT NULL,
    used_requests       BIGINT NOT NULL,
    burnt_tokens        BIGINT NOT NULL,
    burnt_requests      BIGINT NOT NULL,
    overrun_tokens      BIGINT NOT NULL,
    overrun_requests    BIGINT NOT NULL,
    denied_tokens       BIGINT NOT NULL,
    denied_requests     BIGINT NOT NULL,
    PRIMARY KEY (deployment, "window")
);

CREATE INDEX history_by_minute ON history (minute);
