-- How many calls to an outside system may still be made now: one bucket for all processes. Tokens may be owed.
CREATE TABLE rate_limit (
    name       text PRIMARY KEY,           -- the system, by the address of its API
    tokens     double precision NOT NULL,  -- below 0: so many calls have been promised already
    counted_at timestamptz NOT NULL        -- by the database's clock, the only one that all processes share
);
