-- When a record was read back by the org's own clock: LastModifiedDate has whole seconds, so an edit in the second of
-- the reading is invisible to a condition that rests on it. Null: not known, so a hand-over reads such a lead again.
ALTER TABLE readback ADD COLUMN server_read_at timestamptz;
