-- Journal entries that could not be followed, for whoever investigates: what is wrong with each, and its bytes;
-- none where it is missing. They stay until somebody deletes them; so many are kept, and then no more are added.
CREATE TABLE quarantine (
    seq   BIGINT PRIMARY KEY,
    why   TEXT NOT NULL,
    entry BYTEA NOT NULL
);
