-- What changes an outcome after its batch has ended: a person's decision and the replay of a dead letter.

-- A row that is worked on again keeps its old outcome until the new one is written in the same transaction that makes it
-- true, so that the sum over the outcomes is right at every moment, also after a crash in between.
-- null: settled;  a moment: being worked on again since then.
ALTER TABLE lead_outcome ADD COLUMN reopened_at timestamptz;
CREATE INDEX lead_outcome_reopened ON lead_outcome (batch_id) WHERE reopened_at IS NOT NULL;

-- Rows that nobody works on any more; matching, planning and writing leave them alone.
CREATE VIEW settled_outcome AS
SELECT batch_id, raw_lead_id, dievio_lead_id, outcome FROM lead_outcome WHERE reopened_at IS NULL;

-- How a dead letter was closed, by whom and why; null while it is open.
ALTER TABLE dead_letter
    ADD COLUMN resolved_at timestamptz,
    ADD COLUMN resolved_by text,
    ADD COLUMN resolution  text;
-- serves the list by error code and the replay of a group
CREATE INDEX dead_letter_by_code ON dead_letter (state, error_code);

-- serves the list of open questions, oldest first
CREATE INDEX review_item_by_state ON review_item (state, opened_at);

-- Who looks after what, as configured: an error code, a review reason or a role -> a name. Kept here so that the
-- statement that opens a case names its owner, and no case is ever without one.
CREATE TABLE owner_rule (
    subject text PRIMARY KEY,
    owner   text NOT NULL CHECK (owner <> '')
);

CREATE FUNCTION owner_of(subject text, role text) RETURNS text LANGUAGE sql STABLE
RETURN coalesce((SELECT r.owner FROM owner_rule AS r WHERE r.subject = owner_of.subject),
                (SELECT r.owner FROM owner_rule AS r WHERE r.subject = owner_of.role),
                owner_of.role);
