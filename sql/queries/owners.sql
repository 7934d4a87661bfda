-- name: replace_owner_rules(rules)!
-- Keep who looks after which code, reason or role, and forget lines that are no longer configured.
WITH wanted AS (
    SELECT key AS subject, value AS owner FROM jsonb_each_text(:rules)
),
gone AS (
    DELETE FROM owner_rule WHERE subject NOT IN (SELECT subject FROM wanted)
)
INSERT INTO owner_rule (subject, owner)
SELECT subject, owner FROM wanted
ON CONFLICT (subject) DO UPDATE SET owner = excluded.owner WHERE owner_rule.owner <> excluded.owner;
