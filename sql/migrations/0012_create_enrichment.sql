-- Paid calls of enrichment stand in the same ledger as those of the pull, told apart by what they are for.
ALTER TABLE credit_ledger
    ADD COLUMN purpose text NOT NULL DEFAULT 'search' CHECK (purpose IN ('search', 'enrichment')),
    ADD COLUMN provider text NOT NULL DEFAULT 'dievio',
    -- why it was made: new_leads, or of enrichment nightly, intake, crm_refresh, on_demand, retry
    ADD COLUMN reason text NOT NULL DEFAULT 'new_leads',
    ADD COLUMN known_credits integer;  -- of the settled ones: for people of whom the answer told nothing new
-- serves the daily budget of enrichment
CREATE INDEX credit_ledger_of_enrichment ON credit_ledger (requested_at) WHERE purpose = 'enrichment';

-- Why a person of a batch is, or is not, looked up. Written anew by each run, until the row has an outcome.
CREATE TABLE enrichment_request (
    batch_id       text NOT NULL REFERENCES batch,
    dievio_lead_id text NOT NULL,
    segment        text NOT NULL,
    choice         text NOT NULL CHECK (choice IN ('ask', 'skip')),
    reason         text NOT NULL,
    detail         text NOT NULL DEFAULT '',
    missing        text[] NOT NULL,
    stale          text[] NOT NULL,
    -- waiting -> answered | parked (provider did not answer) | paused (budget or balance); skipped
    state          text NOT NULL CHECK (state IN ('skipped', 'waiting', 'answered', 'parked', 'paused')),
    decided_at     timestamptz NOT NULL,
    PRIMARY KEY (batch_id, dievio_lead_id)
);

-- What a provider was last asked about a person. One row is claimed before a byte leaves, so that no two workers ask.
-- asked -> found | miss | unanswered; asked stays where the answer was lost.
CREATE TABLE enrichment_lookup (
    dievio_lead_id text NOT NULL,
    provider       text NOT NULL,
    batch_id       text NOT NULL,      -- the last batch that asked
    call_id        uuid NOT NULL,      -- the last paid call, see credit_ledger
    state          text NOT NULL CHECK (state IN ('asked', 'found', 'miss', 'unanswered')),
    lost_tries     integer NOT NULL DEFAULT 0,  -- answers lost in this batch, each perhaps billed
    asked_at       timestamptz NOT NULL,
    answered_at    timestamptz,        -- of the last answer; kept while a later call is under way
    was_found      boolean,            -- what that answer was
    observed_at    timestamptz,        -- when the provider itself last looked
    PRIMARY KEY (dievio_lead_id, provider)
);
CREATE INDEX enrichment_lookup_by_call ON enrichment_lookup (call_id);

-- What a provider said about a person, its last answer: one row per field.
CREATE TABLE enrichment_finding (
    dievio_lead_id text NOT NULL,
    provider       text NOT NULL,
    field          text NOT NULL,      -- canonical field
    value          jsonb NOT NULL,
    share          double precision NOT NULL CHECK (share BETWEEN 0 AND 1),
    origin         text NOT NULL,      -- where the share comes from: explicit, status, prior
    answered_at    timestamptz NOT NULL,
    PRIMARY KEY (dievio_lead_id, provider, field)
);

-- What became of each finding in a batch: what a person, a gate or a measure wants to know afterwards.
CREATE TABLE enrichment_result (
    batch_id       text NOT NULL REFERENCES batch,
    dievio_lead_id text NOT NULL,
    field          text NOT NULL,
    provider       text NOT NULL,
    verdict        text NOT NULL,      -- filled, replaced, confirmed, unverified, kept_fresh, kept_mailbox, of_another, context
    reason         text NOT NULL,
    value          jsonb NOT NULL,
    share          double precision NOT NULL,
    origin         text NOT NULL,
    required_share double precision NOT NULL,
    answered_at    timestamptz NOT NULL,
    merged_at      timestamptz NOT NULL,
    PRIMARY KEY (batch_id, dievio_lead_id, field)
);

-- Answers verbatim: they were paid for.
CREATE TABLE enrichment_answer (
    call_id       uuid PRIMARY KEY,
    batch_id      text NOT NULL,
    provider      text NOT NULL,
    response_body text NOT NULL,
    received_at   timestamptz NOT NULL
);

-- People whose provider did not answer. waiting -> done | given_up
CREATE TABLE enrichment_retry (
    dievio_lead_id  text NOT NULL,
    provider        text NOT NULL,
    batch_id        text NOT NULL,     -- the batch that wanted it
    segment         text NOT NULL,
    cause           text NOT NULL,
    attempts        integer NOT NULL,
    state           text NOT NULL CHECK (state IN ('waiting', 'done', 'given_up')),
    first_failed_at timestamptz NOT NULL,
    last_failed_at  timestamptz NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    PRIMARY KEY (dievio_lead_id, provider)
);
CREATE INDEX enrichment_retry_due ON enrichment_retry (next_attempt_at) WHERE state = 'waiting';

-- What operations should hear about a batch's enrichment: budgets, balances, providers that do not answer.
CREATE TABLE enrichment_alert (
    batch_id  text NOT NULL REFERENCES batch,
    kind      text NOT NULL,           -- budget_nearly_spent, budget_spent, out_of_credits, provider_down
    subject   text NOT NULL,           -- a segment or a provider
    message   text NOT NULL,
    raised_at timestamptz NOT NULL,
    PRIMARY KEY (batch_id, kind, subject)
);

-- People who must not be looked up or brought in: whoever objected, or is stale and of no use.
CREATE TABLE suppression (
    alias_kind   text NOT NULL CHECK (alias_kind IN ('dievio_lead_id', 'email', 'linkedin', 'domain')),
    alias        text NOT NULL,        -- our id, address in lower case, profile slug, or company domain
    reason       text NOT NULL,
    suppressed_by text NOT NULL,
    suppressed_at timestamptz NOT NULL,
    PRIMARY KEY (alias_kind, alias)
);

-- A lead as it was delivered, once enrichment has changed it: merging again starts from here.
ALTER TABLE lead
    ADD COLUMN delivered_values jsonb,
    ADD COLUMN delivered_confidences jsonb,
    ADD COLUMN delivered_flags text[];
