-- Who was put on the suppression list or taken off it, by whom and why. Entries come and go; this stays.
CREATE TABLE suppression_change (
    suppression_change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alias_kind text NOT NULL,
    alias      text NOT NULL,
    change     text NOT NULL CHECK (change IN ('added', 'removed')),
    reason     text NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL
);

-- serves the choice of stale records: when a person was last left alone
CREATE INDEX enrichment_request_by_lead ON enrichment_request (dievio_lead_id, decided_at) WHERE choice = 'skip';
