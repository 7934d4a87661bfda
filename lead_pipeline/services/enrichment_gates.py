"""The gates over enrichment: within its budget, honest about its confidence, and whether anything was in its way."""

from __future__ import annotations

from lead_pipeline.domain.enrichment.budgets import judge_budgets
from lead_pipeline.domain.quality import GateFinding, fail_rows, join_findings
from lead_pipeline.services.stage_gates import MOST_IDS, GateContext
from lead_pipeline.store import enrichment
from lead_pipeline.store.enrichment_calls import list_days, read_day


def check_budget(context: GateContext) -> GateFinding:
    """On no day on which the batch asked were more credits booked than any limit allows."""
    rules = context.settings.enrichment_budget
    if rules is None:
        return GateFinding()
    findings = []
    for day in list_days(context.connection, context.batch_id):
        lines = judge_budgets(read_day(context.connection, day).used_by_segment, rules)
        limited = [line for line in lines if line.limit is not None]
        over = [line.subject for line in limited if line.limit is not None and line.used > line.limit]
        findings.append(fail_rows("limits are exceeded", over, checked_count=len(limited)))
    return join_findings(findings)


def check_confidence(context: GateContext) -> GateFinding:
    """Nothing below its threshold was taken for a fact, and every unverified value is marked."""
    connection, batch_id = context.connection, context.batch_id
    findings = (
        fail_rows(
            "people have a value that was judged against its confidence",
            enrichment.list_unsure(connection, "list_unsure_results", batch_id=batch_id, most=MOST_IDS),
            checked_count=enrichment.count_all_results(connection, batch_id),
        ),
        fail_rows(
            "leads carry an unverified value without its mark",
            enrichment.list_unsure(connection, "list_unmarked_leads", batch_id=batch_id, most=MOST_IDS),
            checked_count=0,
        ),
    )
    return join_findings(findings)


def check_undisturbed(context: GateContext) -> GateFinding:
    """Everybody who was to be looked up was, and no limit is near; what was in the way is said in its own words."""
    states = enrichment.count_states(context.connection, context.batch_id)
    alerts = enrichment.list_alerts(context.connection, context.batch_id)
    finding = fail_rows("alerts were raised", alerts, checked_count=max(sum(states.values()), len(alerts)))
    left = {state: count for state, count in states.items() if state != "answered"}
    remarks = tuple(f"{count:,} people are {state}" for state, count in sorted(left.items()))
    return finding.join(GateFinding(remarks=(*alerts.values(), *remarks)))
