-- A record as Salesforce holds it after the write.
CREATE TABLE readback (
    batch_id       text NOT NULL,
    dievio_lead_id text NOT NULL,
    object_name    text NOT NULL,
    salesforce_id  text NOT NULL,
    fields         jsonb NOT NULL,
    is_missing     boolean NOT NULL,
    read_at        timestamptz NOT NULL,
    PRIMARY KEY (batch_id, dievio_lead_id)
);

-- The answer of every gate; writes and hand-overs look here and refuse when one before them is not passed.
CREATE TABLE gate_result (
    batch_id      text NOT NULL,
    gate          text NOT NULL,
    stage         text NOT NULL,
    passed        boolean NOT NULL,
    is_blocking   boolean NOT NULL,
    checked_count integer NOT NULL,
    failed_count  integer NOT NULL,
    failed_ids    jsonb NOT NULL,   -- ids only, at most 20
    description   text NOT NULL,
    next_step     text NOT NULL,
    run_id        text NOT NULL,
    checked_at    timestamptz NOT NULL,
    PRIMARY KEY (batch_id, gate)
);

-- Who owns a lead after its batch passed.
CREATE TABLE handover (
    batch_id       text NOT NULL,
    dievio_lead_id text NOT NULL,
    salesforce_id  text NOT NULL,
    rule           text NOT NULL,
    from_owner_id  text,
    to_owner_id    text NOT NULL,
    state          text NOT NULL CHECK (state IN ('planned', 'done', 'kept', 'refused')),
    reason         text NOT NULL,
    op_id          uuid,
    handed_over_at timestamptz,
    PRIMARY KEY (batch_id, dievio_lead_id)
);

-- Outside calls made for a batch, by system: the numbers of the run report.
CREATE TABLE call_count (
    batch_id   text NOT NULL,
    run_id     text NOT NULL,
    system     text NOT NULL,
    stage      text NOT NULL,
    calls      integer NOT NULL,
    counted_at timestamptz NOT NULL,
    PRIMARY KEY (batch_id, run_id, system, stage)
);

-- The run, for people.
CREATE TABLE run_report (
    batch_id  text NOT NULL,
    run_id    text NOT NULL,
    made_at   timestamptz NOT NULL,
    summary   jsonb NOT NULL,
    html      text NOT NULL,
    PRIMARY KEY (batch_id, run_id)
);
CREATE INDEX run_report_latest ON run_report (batch_id, made_at);
