-- Which deployment a number belongs to (32 hexadecimal digits), also where a backup gives numbers twice. The head's
-- `forgotten` is the last change whose row was removed: who read the catalogue before that reads all of it again.
ALTER TABLE catalogue ADD COLUMN instance TEXT NOT NULL DEFAULT '';
UPDATE catalogue SET instance = lower(hex(randomblob(16)));
CREATE TRIGGER catalogue_instance AFTER INSERT ON catalogue WHEN NEW.instance = '' BEGIN
    UPDATE catalogue SET instance = lower(hex(randomblob(16))) WHERE no = NEW.no;
END;
ALTER TABLE catalogue_head ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0;
