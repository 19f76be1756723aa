-- The timeline of the database that the journal was last known to be whole on; '' before the first
-- writer. A promoted replica has another one: it may lack commits that were answered.
ALTER TABLE leader ADD COLUMN timeline TEXT NOT NULL DEFAULT '';
