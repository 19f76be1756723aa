-- Which Redis the servers of this catalogue call: one process, or a cluster by the name that is written in it. Servers that
-- call it raise `sign`; one that calls another Redis grants nothing while it is raised.
CREATE TABLE redis_in_use (
    id   BIGINT PRIMARY KEY CHECK (id = 1),
    name TEXT NOT NULL,
    sign BIGINT NOT NULL
);
