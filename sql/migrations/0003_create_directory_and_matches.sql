-- Mirror of the org's Leads, Contacts and Accounts with their match keys, kept current by SystemModstamp.
CREATE TABLE directory_record (
    object_name          text NOT NULL CHECK (object_name IN ('Lead', 'Contact', 'Account')),
    salesforce_id        text NOT NULL,
    fields               jsonb NOT NULL,
    dievio_lead_id       text,
    owner_id             text,
    last_modified_by_id  text,
    is_deleted           boolean NOT NULL,
    master_record_id     text,
    is_converted         boolean NOT NULL,
    converted_contact_id text,
    last_modified_at     timestamptz NOT NULL,
    system_modstamp      timestamptz NOT NULL,
    key_version          integer NOT NULL,
    em text, li text, dm text, fn text, ln text, co text, ti text, ph text, pe text, st text,
    PRIMARY KEY (object_name, salesforce_id)
);
CREATE INDEX directory_by_id ON directory_record (salesforce_id);
-- One partial index per match rule; deleted and converted records stay out, except by external id, where they are followed.
CREATE INDEX directory_by_dievio_lead_id ON directory_record (dievio_lead_id) WHERE dievio_lead_id IS NOT NULL;
CREATE INDEX directory_by_em ON directory_record (em) WHERE em IS NOT NULL;
CREATE INDEX directory_by_li ON directory_record (li) WHERE li IS NOT NULL;
CREATE INDEX directory_by_name_domain ON directory_record (ln, dm) WHERE ln IS NOT NULL AND dm IS NOT NULL;
CREATE INDEX directory_by_name_company ON directory_record (ln, co) WHERE ln IS NOT NULL AND co IS NOT NULL;
CREATE INDEX directory_by_full_name ON directory_record (fn, ln) WHERE fn IS NOT NULL AND ln IS NOT NULL;
CREATE INDEX directory_by_dm ON directory_record (dm) WHERE dm IS NOT NULL;
CREATE INDEX directory_by_co ON directory_record (co) WHERE co IS NOT NULL;
-- serves the contacts of a renamed account
CREATE INDEX directory_contact_by_account ON directory_record ((fields ->> 'AccountId')) WHERE object_name = 'Contact';

-- Users and queues that may own leads.
CREATE TABLE roster (
    salesforce_id   text PRIMARY KEY,
    kind            text NOT NULL CHECK (kind IN ('user', 'queue')),
    name            text NOT NULL,
    developer_name  text,
    is_active       boolean NOT NULL,
    fields          jsonb NOT NULL,
    system_modstamp timestamptz NOT NULL
);

-- How far each object of the org has been read: (SystemModstamp, Id) of the newest row seen.
CREATE TABLE watermark (
    name             text PRIMARY KEY,
    system_modstamp  timestamptz NOT NULL,
    last_id          text NOT NULL,
    selection_sha256 text NOT NULL,  -- of the fields read and the key version: another selection reads from the start
    updated_at       timestamptz NOT NULL
);

-- Once a day: how many records the org says it has, and how many of them the mirror holds.
CREATE TABLE directory_count (
    object_name  text NOT NULL,
    org_count    bigint NOT NULL,
    mirror_count bigint NOT NULL,
    counted_at   timestamptz NOT NULL,
    PRIMARY KEY (object_name, counted_at)
);

-- The org's schema, one row per distinct content.
CREATE TABLE org_schema (
    object_name text NOT NULL,
    sha256      text NOT NULL,
    describe    jsonb NOT NULL,  -- {"object_name", "fields": [...]}: what of a describe we check values against
    last_modified_header text,
    first_seen_at timestamptz NOT NULL,
    last_seen_at  timestamptz NOT NULL,
    PRIMARY KEY (object_name, sha256)
);

-- Which record a lead is written to. Never moves; a merge or conversion in the org adds where it went.
CREATE TABLE salesforce_link (
    dievio_lead_id text PRIMARY KEY,
    object_name    text NOT NULL,
    salesforce_id  text NOT NULL,
    op_id          uuid,
    linked_at      timestamptz NOT NULL
);
CREATE INDEX salesforce_link_by_record ON salesforce_link (salesforce_id);

-- What a person answered about a pair; never asked twice.
CREATE TABLE pair_memory (
    dievio_lead_id text NOT NULL,
    salesforce_id  text NOT NULL,
    answer         text NOT NULL CHECK (answer IN ('same', 'not_same')),
    decided_by     text NOT NULL,
    decided_at     timestamptz NOT NULL,
    PRIMARY KEY (dievio_lead_id, salesforce_id)
);

-- Evidence: one row per lead, candidate and rule. Holds key names and comparisons, no personal data.
CREATE TABLE match_candidate (
    batch_id       text NOT NULL,
    dievio_lead_id text NOT NULL,
    rule           text NOT NULL,
    object_name    text NOT NULL,
    salesforce_id  text NOT NULL,
    grade          text NOT NULL CHECK (grade IN ('certain', 'possible', 'none')),
    score          double precision,
    evidence       jsonb NOT NULL,
    PRIMARY KEY (batch_id, dievio_lead_id, salesforce_id, rule)
);

-- The ladder's answer per lead.
CREATE TABLE match_result (
    batch_id        text NOT NULL,
    dievio_lead_id  text NOT NULL,
    grade           text NOT NULL CHECK (grade IN ('certain', 'possible', 'none')),
    rule            text,
    object_name     text,
    salesforce_id   text,
    reason_code     text NOT NULL,
    reason          text NOT NULL,
    candidate_count integer NOT NULL,
    matched_at      timestamptz NOT NULL,
    PRIMARY KEY (batch_id, dievio_lead_id)
);
