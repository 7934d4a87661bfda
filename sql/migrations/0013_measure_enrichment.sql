-- When the mirror first showed that somebody worked on a lead that we created: an upper bound of the first touch.
CREATE TABLE first_touch (
    salesforce_id  text PRIMARY KEY,
    dievio_lead_id text,
    touched_at     timestamptz NOT NULL,  -- last change of the record when it was seen
    seen_at        timestamptz NOT NULL
);

-- Records whose data nobody has looked at for too long.
CREATE TABLE stale_record (
    object_name      text NOT NULL,
    salesforce_id    text NOT NULL,
    dievio_lead_id   text NOT NULL,
    last_enriched_at timestamptz NOT NULL,
    is_suppressed    boolean NOT NULL,    -- by enrichment_measures.yaml: stale.suppress
    flagged_at       timestamptz NOT NULL,
    PRIMARY KEY (object_name, salesforce_id)
);

-- For routing, sequences and reports: stale records that active work leaves out. Empty unless the configuration says so.
CREATE VIEW suppressed_record AS
SELECT object_name, salesforce_id, dievio_lead_id, last_enriched_at, flagged_at
FROM stale_record
WHERE is_suppressed;

-- What enrichment was worth, as measured with each batch.
CREATE TABLE enrichment_roi (
    batch_id text PRIMARY KEY REFERENCES batch,
    made_at  timestamptz NOT NULL,
    summary  jsonb NOT NULL
);

-- serves the measures of a window
CREATE INDEX batch_by_time ON batch (created_at);
CREATE INDEX enrichment_result_by_time ON enrichment_result (merged_at);
CREATE INDEX enrichment_lookup_by_time ON enrichment_lookup (asked_at);
