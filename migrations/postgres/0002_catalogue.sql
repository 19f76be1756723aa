-- What the Redis ledger keeps beside Redis. The same tables are in migrations/sqlite, so that one text of
-- SQL serves both.

-- One row: whose catalogue it is, how often it changed, which deployment number was given last. Whoever
-- changes a deployment changes this row first, so changes become visible in the order of `revision`.
CREATE TABLE catalogue_head (
    id       BIGINT PRIMARY KEY CHECK (id = 1),
    site     TEXT NOT NULL,
    revision BIGINT NOT NULL,
    last_no  BIGINT NOT NULL
);

-- `policy` is JSON; `details` is the API's and opaque here. A deleted deployment (`deleted` = 1) keeps its
-- number until its history is gone.
CREATE TABLE catalogue (
    no       BIGINT PRIMARY KEY,
    id       TEXT NOT NULL UNIQUE,
    policy   TEXT NOT NULL,
    details  TEXT NOT NULL,
    version  BIGINT NOT NULL,
    deleted  BIGINT NOT NULL,
    revision BIGINT NOT NULL
);

CREATE INDEX catalogue_by_revision ON catalogue (revision);

-- The books of closed windows: granted = given_back + used + burnt. Usage that is reported late makes a new
-- page of the same window, with a larger stamp.
CREATE TABLE catalogue_history (
    deployment          BIGINT NOT NULL,
    number              BIGINT NOT NULL,
    stamp               BIGINT NOT NULL,
    minute              BIGINT NOT NULL,
    rolling             BIGINT NOT NULL,
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
    PRIMARY KEY (deployment, number)
);

CREATE INDEX catalogue_history_by_minute ON catalogue_history (minute);
