-- The log by UTC day, so that a day older than 90 days ends as one dropped table and not as a million deleted rows.
ALTER TABLE sync_log RENAME TO sync_log_before_days;

-- One row per operation, kept 90 days: what was sent, what came back.
CREATE TABLE sync_log (
    sync_log_id     bigint GENERATED ALWAYS AS IDENTITY,
    logged_at       timestamptz NOT NULL,
    batch_id        text NOT NULL,
    run_id          text NOT NULL,
    dievio_lead_id  text,
    operation       text NOT NULL CHECK (operation IN ('create', 'update', 'skip', 'review', 'fail', 'hand_over', 'revert')),
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
    error_code      text,
    PRIMARY KEY (logged_at, sync_log_id)
) PARTITION BY RANGE (logged_at);

-- One entry per end of a write. An entry carries the moment at which its write was resolved, which stands in the write's
-- own row and never changes once it is applied: so this index, which has to hold the day, is unique per write as well.
CREATE UNIQUE INDEX sync_log_once_per_end ON sync_log (op_id, outcome, logged_at);
-- serve `log search` and `explain`; the primary key serves the search by time
CREATE INDEX sync_log_of_lead ON sync_log (dievio_lead_id, logged_at);
CREATE INDEX sync_log_of_record ON sync_log (salesforce_id, logged_at);
CREATE INDEX sync_log_of_operation ON sync_log (operation, logged_at);
CREATE INDEX sync_log_of_run ON sync_log (run_id, logged_at);

-- Catches rows of days that nobody prepared; `create_sync_log_days` moves them to their day.
CREATE TABLE sync_log_other_days PARTITION OF sync_log DEFAULT;

-- Make the partitions of some days, both ends included; return how many were made. Several callers may come at once.
CREATE FUNCTION create_sync_log_days(first_on date, last_on date) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    day_on date;
    partition_name text;
    begins_at timestamptz;
    made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('create_sync_log_days', 0));
    FOR day_on IN SELECT generate_series(first_on, last_on, interval '1 day')::date LOOP
        partition_name := 'sync_log_' || to_char(day_on, 'YYYYMMDD');
        CONTINUE WHEN to_regclass(partition_name) IS NOT NULL;
        begins_at := day_on::timestamp AT TIME ZONE 'UTC';
        -- Filled before it is attached: nobody may see a row twice or not at all, and the log stays open for writing.
        EXECUTE format('CREATE TABLE %I (LIKE sync_log INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', partition_name);
        EXECUTE format('WITH moved AS (DELETE FROM sync_log_other_days WHERE logged_at >= $1 AND logged_at < $2 RETURNING *)
                        INSERT INTO %I SELECT * FROM moved', partition_name) USING begins_at, begins_at + interval '1 day';
        EXECUTE format('ALTER TABLE sync_log ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                       partition_name, begins_at, begins_at + interval '1 day');
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;

-- Drop the partitions of all days before one, and what lies in the remainder from before it; return how many days went.
CREATE FUNCTION drop_sync_log_days(before_on date) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    partition_name text;
    dropped integer := 0;
BEGIN
    FOR partition_name IN
        SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'sync_log'::regclass AND c.relname ~ '^sync_log_\d{8}$'
          AND to_date(right(c.relname, 8), 'YYYYMMDD') < before_on
        ORDER BY c.relname
    LOOP
        EXECUTE format('DROP TABLE %I', partition_name);
        dropped := dropped + 1;
    END LOOP;
    DELETE FROM sync_log_other_days WHERE logged_at < before_on::timestamp AT TIME ZONE 'UTC';
    RETURN dropped;
END
$$;

-- What was logged so far moves over; entries of writes take the moment that stands in the write's own row.
SELECT create_sync_log_days(day_on, day_on)
FROM (SELECT DISTINCT (logged_at AT TIME ZONE 'UTC')::date AS day_on FROM sync_log_before_days) AS days;

INSERT INTO sync_log (logged_at, batch_id, run_id, dievio_lead_id, operation, object_name, salesforce_id, op_id,
                      payload_sha256, mapping_version, fields_changed, actor, request_id, answer, outcome, error_code)
SELECT CASE WHEN l.outcome = 'applied' THEN coalesce(w.resolved_at, l.logged_at) ELSE l.logged_at END,
       l.batch_id, l.run_id, l.dievio_lead_id, l.operation, l.object_name, l.salesforce_id, l.op_id,
       l.payload_sha256, l.mapping_version, l.fields_changed, l.actor, l.request_id, l.answer, l.outcome, l.error_code
FROM sync_log_before_days AS l
LEFT JOIN write_intent AS w ON w.op_id = l.op_id
ORDER BY l.sync_log_id;

DROP TABLE sync_log_before_days;

-- Which runs live: a process that works for a run says so here every few seconds, and stops saying so when it dies.
CREATE TABLE run_heartbeat (
    run_id       text PRIMARY KEY,
    process      text NOT NULL,         -- host and process id, for people
    started_at   timestamptz NOT NULL,
    heartbeat_at timestamptz NOT NULL
);

-- serves recovery: open writes, whichever batch they belong to
CREATE INDEX write_intent_open ON write_intent (batch_id) WHERE state IN ('sent', 'unknown');
-- serves `revert` and `audit`
CREATE INDEX write_intent_by_run ON write_intent (run_id) WHERE state = 'applied';
