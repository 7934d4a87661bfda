-- One normalized lead per raw row that passed the contract; a second copy of a person points to the first.
CREATE TABLE lead (
    batch_id                 text NOT NULL REFERENCES batch,
    raw_lead_id              bigint NOT NULL REFERENCES raw_lead,
    segment                  text NOT NULL,
    dievio_lead_id           text NOT NULL,
    is_weak_id               boolean NOT NULL,
    duplicate_of_raw_lead_id bigint,
    field_values             jsonb NOT NULL,  -- canonical field -> value
    confidences              jsonb NOT NULL,  -- canonical field -> {"share", "origin"}
    source_paths             jsonb NOT NULL,  -- canonical field -> path in the row
    flags                    text[] NOT NULL,
    key_version              integer NOT NULL,
    em text, li text, dm text, fn text, ln text, co text, ti text, ph text, pe text, st text,
    fetched_at               timestamptz NOT NULL,
    normalized_at            timestamptz NOT NULL,
    PRIMARY KEY (batch_id, raw_lead_id)
);
-- one person once per batch
CREATE UNIQUE INDEX lead_person_once ON lead (batch_id, dievio_lead_id) WHERE duplicate_of_raw_lead_id IS NULL;
-- serves the last known name of a person whose alias comes in again
CREATE INDEX lead_by_person ON lead (dievio_lead_id, normalized_at);

-- A row that breaks the contract, with every reason at once and an owner.
CREATE TABLE quarantine (
    batch_id       text NOT NULL REFERENCES batch,
    raw_lead_id    bigint NOT NULL REFERENCES raw_lead,
    segment        text NOT NULL,
    reasons        jsonb NOT NULL,  -- [{"code", "field", "message"}]
    owner          text NOT NULL,
    quarantined_at timestamptz NOT NULL,
    PRIMARY KEY (batch_id, raw_lead_id)
);

-- Everything a person is known by -> our id. An alias never moves to another id.
CREATE TABLE lead_identity (
    alias_kind     text NOT NULL CHECK (alias_kind IN ('explicit', 'linkedin', 'email', 'name_domain')),
    alias          text NOT NULL,
    dievio_lead_id text NOT NULL,
    first_seen_at  timestamptz NOT NULL,
    PRIMARY KEY (alias_kind, alias)
);
CREATE INDEX lead_identity_by_lead ON lead_identity (dievio_lead_id);
