-- What is known of the org beside its records, learned in passing, so that nobody has to spend a call on it again:
-- integration_user_id -> the user we write as;  owner_guard -> whether the org refuses to take leads from their owners.
CREATE TABLE org_fact (
    name    text PRIMARY KEY,
    value   jsonb NOT NULL,
    seen_at timestamptz NOT NULL
);
