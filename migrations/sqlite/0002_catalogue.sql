-- What the Redis ledger keeps beside Redis, in a file of its own (catalogue.sqlite). The same tables are
-- in migrations/postgres, so that one text of SQL serves both.

-- One row: whose catalogue it is, how often it changed, which deployment number was given last. Whoever
-- changes a deployment changes this row first, so changes become visible in the order of `revision`.
CREATE TABLE catalogue_head (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    site     TEXT NOT NULL,
    revision INTEGER NOT NULL,
    last_no  INTEGER NOT NULL
) STRICT;

-- `policy` is JSON; `details` is the API's and opaque here. A deleted deployment (`deleted` = 1) keeps its
-- number until its history is gone.
CREATE TABLE catalogue (
    no       INTEGER PRIMARY KEY,
    id       TEXT NOT NULL UNIQUE,
    policy   TEXT NOT NULL,
    details  TEXT NOT NULL,
    version  INTEGER NOT NULL,
    deleted  INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;

CREATE INDEX catalogue_by_revision ON catalogue (revision);

-- The books of closed windows: granted = given_back + used + burnt. Usage that is reported late makes a new
-- page of the same window, with a larger stamp.
CREATE TABLE catalogue_history (
    deployment          INTEGER NOT NULL,
    number              INTEGER NOT NULL,
    stamp               INTEGER NOT NULL,
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
    PRIMARY KEY (deployment, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX catalogue_history_by_minute ON catalogue_history (minute);
