-- name: add_batch(batch_id, source, created_at)!
-- Begin a batch; one that exists stays as it is.
INSERT INTO batch (batch_id, source, created_at)
VALUES (:batch_id, :source, :created_at)
ON CONFLICT (batch_id) DO NOTHING;

-- name: get_pull(batch_id, segment)^
-- How far a saved search has come within a batch.
SELECT batch_id, segment, filters_sha256, first_page, next_page, max_results, state, reason, total_count,
       rows_received, pages_received, is_truncated
FROM segment_pull
WHERE batch_id = :batch_id AND segment = :segment;

-- name: get_previous_pull(batch_id, segment, filters_sha256)^
-- The newest pull of the same question in another batch, leaving out those that asked nothing.
SELECT batch_id, segment, filters_sha256, first_page, next_page, max_results, state, reason, total_count,
       rows_received, pages_received, is_truncated
FROM segment_pull
WHERE segment = :segment AND filters_sha256 = :filters_sha256 AND batch_id <> :batch_id
  AND reason NOT IN ('not_due', 'continued_later')
ORDER BY started_at DESC, batch_id DESC
LIMIT 1;

-- name: get_later_pull(batch_id, segment, filters_sha256)^
-- The first pull of the same question that another batch began after this one.
SELECT later.batch_id, later.segment, later.filters_sha256, later.first_page, later.next_page, later.max_results,
       later.state, later.reason, later.total_count, later.rows_received, later.pages_received, later.is_truncated
FROM segment_pull AS own
JOIN segment_pull AS later ON later.segment = own.segment AND later.started_at > own.started_at
WHERE own.batch_id = :batch_id AND own.segment = :segment AND later.batch_id <> own.batch_id
  AND later.filters_sha256 = :filters_sha256 AND later.reason NOT IN ('not_due', 'continued_later')
ORDER BY later.started_at, later.batch_id
LIMIT 1;

-- name: save_pull(batch_id, segment, filters_sha256, first_page, next_page, max_results, state, reason, total_count, rows_received, pages_received, is_truncated, at)!
-- Keep how far a saved search has come.
INSERT INTO segment_pull (batch_id, segment, filters_sha256, first_page, next_page, max_results, state, reason,
                          total_count, rows_received, pages_received, is_truncated, started_at, updated_at)
VALUES (:batch_id, :segment, :filters_sha256, :first_page, :next_page, :max_results, :state, :reason,
        :total_count, :rows_received, :pages_received, :is_truncated, :at, :at)
ON CONFLICT (batch_id, segment) DO UPDATE
SET next_page = excluded.next_page, max_results = excluded.max_results, state = excluded.state,
    reason = excluded.reason, total_count = excluded.total_count, rows_received = excluded.rows_received,
    pages_received = excluded.pages_received, is_truncated = excluded.is_truncated, updated_at = excluded.updated_at;

-- name: add_page(batch_id, segment, page_number, request, response_body, sha256, row_count, credits, requested_at, received_at)!
-- Keep a paid page as it arrived.
INSERT INTO raw_page (batch_id, segment, page_number, request, response_body, sha256, row_count, credits,
                      requested_at, received_at)
VALUES (:batch_id, :segment, :page_number, :request, :response_body, :sha256, :row_count, :credits,
        :requested_at, :received_at);

-- name: add_unreadable_page(call_id, batch_id, segment, request, response_body, received_at)!
-- Keep an answer that is no page, for diagnosis.
INSERT INTO unreadable_page (call_id, batch_id, segment, request, response_body, received_at)
VALUES (:call_id, :batch_id, :segment, :request, :response_body, :received_at);

-- name: reserve_credits(call_id, batch_id, segment, endpoint, page_number, credits, budget, at)!
-- Book a call before it is made; no row when it could exceed the budget. Uncertain calls count in full.
INSERT INTO credit_ledger (call_id, batch_id, segment, endpoint, page_number, state, reserved_credits, budget_credits,
                           requested_at)
SELECT :call_id, :batch_id, :segment, :endpoint, :page_number, 'reserved', :credits, :budget, :at
WHERE :credits + (
    SELECT coalesce(sum(coalesce(c.settled_credits, c.reserved_credits)), 0)
    FROM credit_ledger AS c
    LEFT JOIN segment_pull AS p ON p.batch_id = c.batch_id AND p.segment = c.segment
    WHERE c.batch_id = :batch_id AND c.segment = :segment AND c.state <> 'released' AND c.purpose = 'search'
      AND c.requested_at >= coalesce(p.started_at, c.requested_at)
) <= :budget;

-- name: sum_booked_credits(batch_id, segment)$
-- Credits spent or reserved since the pull began.
SELECT coalesce(sum(coalesce(c.settled_credits, c.reserved_credits)), 0)::integer
FROM credit_ledger AS c
LEFT JOIN segment_pull AS p ON p.batch_id = c.batch_id AND p.segment = c.segment
WHERE c.batch_id = :batch_id AND c.segment = :segment AND c.state <> 'released' AND c.purpose = 'search'
  AND c.requested_at >= coalesce(p.started_at, c.requested_at);

-- name: close_call(call_id, state, credits, at)!
-- reserved -> settled with what was received | uncertain when the answer was lost | released when nothing was done.
UPDATE credit_ledger SET state = :state, settled_credits = :credits, settled_at = :at
WHERE call_id = :call_id AND state = 'reserved';

-- name: mark_lost_calls(batch_id, at)!
-- Calls whose process died before the answer was kept: they may have been billed.
UPDATE credit_ledger SET state = 'uncertain', settled_at = :at
WHERE batch_id = :batch_id AND state = 'reserved' AND purpose = 'search';

-- name: count_acted_on(batch_id)$
-- Leads of a batch that have an outcome or an intent: what was decided on them must keep its rows.
SELECT (SELECT count(*) FROM lead_outcome WHERE batch_id = :batch_id)
     + (SELECT count(*) FROM write_intent WHERE batch_id = :batch_id);

-- name: supersede_pages(batch_id, at)!
-- Put the pages of a batch aside: they were paid for, so they stay readable.
INSERT INTO superseded_page
SELECT p.*, :at FROM raw_page AS p WHERE p.batch_id = :batch_id;

-- name: delete_quarantine(batch_id)!
-- Part of a re-pull: what was made of the rows goes before the rows.
DELETE FROM quarantine WHERE batch_id = :batch_id;

-- name: delete_leads(batch_id)!
-- Part of a re-pull.
DELETE FROM lead WHERE batch_id = :batch_id;

-- name: delete_raw_leads(batch_id)!
-- Part of a re-pull; the rows still stand in their superseded pages.
DELETE FROM raw_lead WHERE batch_id = :batch_id;

-- name: delete_pages(batch_id)!
-- Part of a re-pull, after supersede_pages.
DELETE FROM raw_page WHERE batch_id = :batch_id;

-- name: restart_pulls(batch_id, at)!
-- Part of a re-pull: every search begins at its first page again, with a budget of its own.
UPDATE segment_pull
SET state = 'open', reason = '', next_page = first_page, total_count = NULL, rows_received = 0, pages_received = 0,
    is_truncated = false, started_at = :at, updated_at = :at
WHERE batch_id = :batch_id;
