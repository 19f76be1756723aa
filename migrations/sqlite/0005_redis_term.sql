-- How often another Redis took the place of the one in use without all that it had. Books that were written last before
-- that are quarantined, also where their own Redis is in use again.
ALTER TABLE redis_in_use ADD COLUMN term BIGINT NOT NULL DEFAULT 0;
