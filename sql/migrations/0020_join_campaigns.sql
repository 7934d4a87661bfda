-- Who of a batch belongs to which Campaign, and what became of it; only where campaigns.yaml names one.
CREATE TABLE campaign_membership (
    batch_id       text NOT NULL,
    dievio_lead_id text NOT NULL,
    campaign_id    text NOT NULL,
    object_name    text NOT NULL CHECK (object_name IN ('Lead', 'Contact')),
    salesforce_id  text NOT NULL,     -- the person
    member_status  text,              -- null: the Campaign's own default
    -- planned -> present (a member already) or sent; sent -> added, refused, planned (certainly not made)
    state          text NOT NULL CHECK (state IN ('planned', 'sent', 'added', 'present', 'refused')),
    run_id         text CHECK (run_id IS NOT NULL OR state = 'planned'),
    member_id      text CHECK ((member_id IS NOT NULL) = (state IN ('added', 'present'))),
    error_code     text,
    planned_at     timestamptz NOT NULL,
    sent_at        timestamptz,
    resolved_at    timestamptz CHECK ((resolved_at IS NOT NULL) = (state IN ('added', 'present', 'refused'))),
    PRIMARY KEY (batch_id, dievio_lead_id, campaign_id)
);
-- serves `revert`: what a run leaves in place
CREATE INDEX campaign_membership_by_run ON campaign_membership (run_id) WHERE state = 'added';

-- The log tells of memberships as well. Its rule was named by the server, so it is found by what it says.
DO $$
DECLARE
    rule_name text;
BEGIN
    SELECT conname INTO STRICT rule_name FROM pg_constraint
    WHERE conrelid = 'sync_log'::regclass AND contype = 'c' AND pg_get_constraintdef(oid) LIKE '%hand_over%';
    EXECUTE format('ALTER TABLE sync_log DROP CONSTRAINT %I', rule_name);
END
$$;
ALTER TABLE sync_log ADD CONSTRAINT sync_log_knows_operation CHECK (operation IN (
    'create', 'update', 'skip', 'review', 'fail', 'hand_over', 'revert', 'join_campaign'));
