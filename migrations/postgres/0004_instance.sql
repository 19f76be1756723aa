-- Which deployment a number belongs to (32 hexadecimal digits), also where a backup gives numbers twice. The head's
-- `forgotten` is the last change whose row was removed: who read the catalogue before that reads all of it again.
ALTER TABLE catalogue ADD COLUMN instance TEXT NOT NULL
    DEFAULT replace(gen_random_uuid()::text, '-', '');
ALTER TABLE catalogue_head ADD COLUMN forgotten BIGINT NOT NULL DEFAULT 0;
