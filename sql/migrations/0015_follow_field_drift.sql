-- Since when a describe has been the newest of its object: what was planned earlier rests on another one.
ALTER TABLE org_schema ADD COLUMN current_since timestamptz;
UPDATE org_schema SET current_since = first_seen_at;
ALTER TABLE org_schema ALTER COLUMN current_since SET NOT NULL;

-- What became wrong with fields of the org after the leads of a batch were planned: switched off for what was left of it.
CREATE TABLE field_drift (
    batch_id text NOT NULL,
    subject  text NOT NULL,  -- e.g. Lead.Title
    code     text NOT NULL,  -- of the finding, e.g. field_gone
    what     text NOT NULL,
    repair   text NOT NULL,
    found_at timestamptz NOT NULL,
    PRIMARY KEY (batch_id, subject, code)
);
