-- The first sync of an org goes step by step: a sample, then so many more, then everything.

-- A batch of which people let only chosen leads through so far. While its row stands here, every other lead of the batch
-- waits: planned, without an outcome, found again by the next run.
CREATE TABLE batch_scope (
    batch_id    text PRIMARY KEY REFERENCES batch,
    kind        text NOT NULL CHECK (kind IN ('sample', 'limit')),  -- the newest step
    size        integer NOT NULL CHECK (size > 0),                  -- leads it asked for
    run_id      text NOT NULL,
    narrowed_at timestamptz NOT NULL
);

-- Leads that were let through, and why each was chosen. They stay when the batch is opened for all.
CREATE TABLE chosen_lead (
    batch_id       text NOT NULL,
    dievio_lead_id text NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('sample', 'limit')),
    reason         text NOT NULL,
    run_id         text NOT NULL,
    chosen_at      timestamptz NOT NULL,
    PRIMARY KEY (batch_id, dievio_lead_id)
);

-- Decisions that a run may carry out now.
CREATE VIEW due_decision AS
SELECT d.*
FROM sync_decision AS d
WHERE NOT EXISTS (SELECT FROM batch_scope AS s WHERE s.batch_id = d.batch_id)
   OR EXISTS (SELECT FROM chosen_lead AS c WHERE c.batch_id = d.batch_id AND c.dievio_lead_id = d.dievio_lead_id);

-- Rows that wait because nobody let them through yet: planned, not chosen, without an outcome.
CREATE VIEW waiting_row AS
SELECT d.batch_id, d.raw_lead_id, d.dievio_lead_id
FROM sync_decision AS d
WHERE EXISTS (SELECT FROM batch_scope AS s WHERE s.batch_id = d.batch_id)
  AND NOT EXISTS (SELECT FROM chosen_lead AS c WHERE c.batch_id = d.batch_id AND c.dievio_lead_id = d.dievio_lead_id)
  AND NOT EXISTS (SELECT FROM lead_outcome AS o WHERE o.batch_id = d.batch_id AND o.raw_lead_id = d.raw_lead_id);
