-- A batch is the unit of work: one UTC day of a source. Its id is the partition key of the asset graph.
CREATE TABLE batch (
    batch_id         text PRIMARY KEY,
    source           text NOT NULL CHECK (source IN ('search', 'intake', 'crm_refresh', 'on_demand')),
    created_at       timestamptz NOT NULL,
    mapping_version  text,
    config_sha256    text
);

-- State of one saved search within a batch: open -> exhausted | paused | failed; paused and failed are taken up again.
CREATE TABLE segment_pull (
    batch_id       text NOT NULL REFERENCES batch,
    segment        text NOT NULL,
    state          text NOT NULL CHECK (state IN ('open', 'exhausted', 'paused', 'failed')),
    reason         text NOT NULL DEFAULT '',
    filters_sha256 text NOT NULL,
    first_page     integer NOT NULL DEFAULT 1,      -- behind what the batch before bought
    next_page      integer,            -- null when exhausted
    max_results    integer NOT NULL,   -- always sent: the server's default of 500 truncates silently
    total_count    integer,            -- as the server reports it; advisory
    rows_received  integer NOT NULL DEFAULT 0,
    pages_received integer NOT NULL DEFAULT 0,
    is_truncated   boolean NOT NULL DEFAULT false,  -- the server says that max_results cut off hits
    started_at     timestamptz NOT NULL DEFAULT now(),  -- the budget counts calls since then
    updated_at     timestamptz NOT NULL,
    PRIMARY KEY (batch_id, segment)
);
-- serves the question where a new batch goes on
CREATE INDEX segment_pull_by_question ON segment_pull (segment, filters_sha256, started_at);

-- One paid page, kept verbatim before anybody parses it. A re-run replays from here and buys nothing.
-- page_number counts the pages of this batch; the number that Dievio gives the page stands in the request.
CREATE TABLE raw_page (
    batch_id      text NOT NULL,
    segment       text NOT NULL,
    page_number   integer NOT NULL,
    request       jsonb NOT NULL,
    response_body text NOT NULL,
    sha256        text NOT NULL,
    row_count     integer NOT NULL,
    credits       integer NOT NULL,
    requested_at  timestamptz NOT NULL,
    received_at   timestamptz NOT NULL,
    PRIMARY KEY (batch_id, segment, page_number),
    FOREIGN KEY (batch_id, segment) REFERENCES segment_pull
);

-- Pages that an explicit re-pull replaced: paid for, so kept.
CREATE TABLE superseded_page (
    LIKE raw_page,
    superseded_at timestamptz NOT NULL,
    PRIMARY KEY (batch_id, segment, page_number, superseded_at)
);

-- Answers that could not be read as a page, kept for diagnosis: they may have been paid for.
CREATE TABLE unreadable_page (
    call_id       uuid PRIMARY KEY,
    batch_id      text NOT NULL,
    segment       text NOT NULL,
    request       jsonb NOT NULL,
    response_body text NOT NULL,
    received_at   timestamptz NOT NULL
);

-- One delivered row. `payload` is what stood in the page, which is not always an object.
CREATE TABLE raw_lead (
    raw_lead_id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch_id             text NOT NULL,
    segment              text NOT NULL,
    page_number          integer NOT NULL,
    row_number           integer NOT NULL,
    payload              jsonb NOT NULL,
    request_email_status text,
    fetched_at           timestamptz NOT NULL,
    UNIQUE (batch_id, segment, page_number, row_number)
);

-- Every paid call: reserved before a byte leaves, settled to the rows received, uncertain when the answer was lost.
CREATE TABLE credit_ledger (
    call_id          uuid PRIMARY KEY,
    batch_id         text NOT NULL,
    segment          text NOT NULL,
    endpoint         text NOT NULL,
    page_number      integer,
    state            text NOT NULL CHECK (state IN ('reserved', 'settled', 'uncertain', 'released')),
    reserved_credits integer NOT NULL,
    settled_credits  integer,
    requested_at     timestamptz NOT NULL,
    settled_at       timestamptz
);
-- serves the budget sum of a batch and a segment
CREATE INDEX credit_ledger_by_batch ON credit_ledger (batch_id, segment);
