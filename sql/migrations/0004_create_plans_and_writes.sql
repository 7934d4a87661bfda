-- What is to happen with each lead, and per field why.
CREATE TABLE sync_decision (
    batch_id              text NOT NULL,
    dievio_lead_id        text NOT NULL,
    raw_lead_id           bigint NOT NULL,
    decision              text NOT NULL CHECK (decision IN ('create', 'update', 'skip', 'review')),
    object_name           text,
    salesforce_id         text,
    reason_code           text NOT NULL,
    reason                text NOT NULL,
    fields                jsonb NOT NULL,  -- [{"field", "before", "after", "policy", "verdict", "reason", "trimmed_from"}]
    mapping_version       text NOT NULL,
    base_last_modified_at timestamptz,
    planned_at            timestamptz NOT NULL,
    PRIMARY KEY (batch_id, dievio_lead_id)
);
-- serves the join with outcomes: by the batch alone it would compare every lead with every other
CREATE INDEX sync_decision_by_row ON sync_decision (batch_id, raw_lead_id);

-- A write, committed before any byte of it leaves.
-- planned -> sent -> applied | refused | unknown;  unknown -> applied | void (by reading, never by sending again).
CREATE TABLE write_intent (
    op_id                 uuid PRIMARY KEY,
    batch_id              text NOT NULL,
    run_id                text NOT NULL,
    dievio_lead_id        text NOT NULL,
    raw_lead_id           bigint,               -- the delivered row that this write settles
    person_key            text NOT NULL,
    purpose               text NOT NULL CHECK (purpose IN ('sync', 'hand_over', 'review', 'replay', 'revert')),
    kind                  text NOT NULL CHECK (kind IN ('insert', 'update')),
    object_name           text NOT NULL,
    salesforce_id         text,
    payload               jsonb NOT NULL,
    payload_sha256        text NOT NULL,
    before                jsonb NOT NULL,
    base_last_modified_at timestamptz,
    mapping_version       text NOT NULL,
    reason_code           text NOT NULL DEFAULT '',  -- why the plan wanted it
    attempt               integer NOT NULL,          -- 1 plus the refused writes of this lead before
    state                 text NOT NULL CHECK (state IN ('planned', 'sent', 'unknown', 'applied', 'refused', 'void')),
    bulk_job_id           text,
    sent_at               timestamptz,
    resolved_at           timestamptz,
    error_code            text NOT NULL DEFAULT '',  -- of the last answer
    result                jsonb
);
-- the fence: one open write per lead and per person
CREATE UNIQUE INDEX write_intent_open_by_lead ON write_intent (dievio_lead_id) WHERE state IN ('sent', 'unknown');
CREATE UNIQUE INDEX write_intent_open_by_person ON write_intent (person_key) WHERE state IN ('sent', 'unknown');
CREATE INDEX write_intent_by_batch ON write_intent (batch_id, purpose, state);
-- serves the count of refused writes of a lead, and the search for writes that landed late
CREATE INDEX write_intent_by_lead ON write_intent (dievio_lead_id, batch_id);

-- Where each delivered row ended. Written once.
CREATE TABLE lead_outcome (
    batch_id       text NOT NULL,
    raw_lead_id    bigint NOT NULL,
    dievio_lead_id text,               -- null for quarantined rows that got no id
    outcome        text NOT NULL CHECK (outcome IN ('created', 'updated', 'skipped', 'review', 'quarantine', 'dead_letter')),
    reason_code    text NOT NULL,
    object_name    text,
    salesforce_id  text,
    op_id          uuid,
    settled_at     timestamptz NOT NULL,
    PRIMARY KEY (batch_id, raw_lead_id)
);
CREATE INDEX lead_outcome_by_lead ON lead_outcome (dievio_lead_id, settled_at);

-- One row per operation, kept 90 days: what was sent, what came back.
CREATE TABLE sync_log (
    sync_log_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    logged_at       timestamptz NOT NULL,
    batch_id        text NOT NULL,
    run_id          text NOT NULL,
    dievio_lead_id  text,
    operation       text NOT NULL CHECK (operation IN ('create', 'update', 'skip', 'review', 'fail', 'hand_over')),
    object_name     text,
    salesforce_id   text,
    op_id           uuid,
    payload_sha256  text NOT NULL,
    mapping_version text NOT NULL,
    fields_changed  jsonb NOT NULL,    -- [{"field", "before", "after"}]
    actor           text NOT NULL,
    request_id      text,
    answer          jsonb,
    outcome         text NOT NULL,
    error_code      text
);
CREATE INDEX sync_log_by_lead ON sync_log (dievio_lead_id, logged_at);
CREATE INDEX sync_log_by_time ON sync_log (logged_at);
CREATE INDEX sync_log_by_operation ON sync_log (operation, logged_at);
CREATE UNIQUE INDEX sync_log_once_per_commit ON sync_log (op_id) WHERE outcome = 'applied';

-- The last value we wrote, per record and field: the memory behind the `tracked` policy.
CREATE TABLE field_value (
    salesforce_id text NOT NULL,
    field         text NOT NULL,
    value         jsonb NOT NULL,
    op_id         uuid NOT NULL,
    written_at    timestamptz NOT NULL,
    PRIMARY KEY (salesforce_id, field)
);

-- A question for a person, with an owner.
CREATE TABLE review_item (
    review_item_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch_id       text NOT NULL,
    dievio_lead_id text NOT NULL,
    raw_lead_id    bigint NOT NULL,
    reason         text NOT NULL,
    question       text NOT NULL,
    candidates     jsonb NOT NULL,  -- [{"object_name", "salesforce_id", "rule", "score"}]
    proposal       jsonb NOT NULL,
    owner          text NOT NULL,
    state          text NOT NULL CHECK (state IN ('open', 'decided')),
    decision       jsonb,
    decided_by     text,
    opened_at      timestamptz NOT NULL,
    decided_at     timestamptz
);
CREATE UNIQUE INDEX review_item_open_once ON review_item (dievio_lead_id, reason) WHERE state = 'open';
-- serves the plan: what people decided about the fields of a lead
CREATE INDEX review_item_decided_by_lead ON review_item (dievio_lead_id) WHERE state = 'decided';

-- A write given up after its retries, with everything needed to try it again.
CREATE TABLE dead_letter (
    dead_letter_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch_id        text NOT NULL,
    dievio_lead_id  text NOT NULL,
    raw_lead_id     bigint NOT NULL,
    stage           text NOT NULL,
    error_class     text NOT NULL,
    error_code      text NOT NULL,
    cause           text NOT NULL,
    suggested_repair text NOT NULL,
    payload         jsonb NOT NULL,
    payload_sha256  text NOT NULL,
    attempts        integer NOT NULL,
    owner           text NOT NULL,
    state           text NOT NULL CHECK (state IN ('open', 'replayed', 'discarded')),
    first_failed_at timestamptz NOT NULL,
    last_failed_at  timestamptz NOT NULL
);
CREATE UNIQUE INDEX dead_letter_open_once ON dead_letter (dievio_lead_id, stage) WHERE state = 'open';

-- Time-limited claim on a piece of work.
CREATE TABLE lease (
    name         text PRIMARY KEY,
    holder       text NOT NULL,
    acquired_at  timestamptz NOT NULL,
    heartbeat_at timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL
);
