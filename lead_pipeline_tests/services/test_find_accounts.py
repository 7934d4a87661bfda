"""The Account of a lead's company: found in the mirror, kept on the lead where the mapping says so, never made."""

from __future__ import annotations

from dataclasses import replace

from lead_pipeline.domain.companies import AccountLookUp, CompanyPolicy
from lead_pipeline.domain.mapping import ObjectMapping
from lead_pipeline.services.plan import PlanSummary, plan_batch
from lead_pipeline_tests.services.write_bench import BATCH_ID, WriteBench, person

LOOKING = CompanyPolicy(look_up=AccountLookUp.DOMAIN_THEN_NAME)
PLAN_SCHEMA = "core_leads__sync_plan__schema"


def keep_account_id(mapping: ObjectMapping) -> ObjectMapping:
    """A mapping that keeps the account's id where the department stood."""
    rows = [replace(row, source="account_id") if row.to == "Department__c" else row for row in mapping.fields]
    return replace(mapping, fields=tuple(rows))


def plan(bench: WriteBench) -> PlanSummary:
    return plan_batch(
        bench.database, bench.rules.mappings, batch_id=BATCH_ID, now=bench.now, companies=bench.rules.companies
    )


def test_accounts_are_found_without_a_call_and_kept_on_the_lead(bench: WriteBench) -> None:
    mappings = bench.rules.mappings
    bench.rules = replace(
        bench.rules, companies=LOOKING, mappings=replace(mappings, lead=keep_account_id(mappings.lead))
    )
    by_domain, _ = bench.load(
        "Account",
        {"Name": "Firm One", "Website": "https://www.firm1.example"},
        {"Name": "Firm 2 GmbH", "Website": "https://elsewhere.example"},
    )
    bench.load("Account", *({"Name": f"Branch {place}", "Website": "https://firm3.example"} for place in (1, 2)))
    bench.add_leads(person(1), person(2), person(3))
    bench.prepare()
    calls = bench.client.calls

    summary = plan(bench)

    assert bench.client.calls == calls
    assert summary.accounts == {"domain": 1, "none": 1, "several": 1}
    assert summary.as_metadata()["account domain"] == 1
    bench.write()
    departments = {record["LastName"]: record["Department__c"] for record in bench.records()}
    assert departments == {"Probe1": by_domain, "Probe2": None, "Probe3": None}
    assert len(bench.records("Account")) == 4
    assert bench.look(("plan",))[PLAN_SCHEMA].passed


def test_an_account_that_is_no_longer_there_closes_the_gate(bench: WriteBench) -> None:
    bench.rules = replace(bench.rules, companies=LOOKING)
    (account,) = bench.load("Account", {"Name": "Firm One", "Website": "https://firm1.example"})
    bench.add_leads(person(1))
    bench.prepare()
    plan(bench)
    with bench.database.transaction() as connection:
        connection.execute("UPDATE directory_record SET is_deleted = true WHERE salesforce_id = %s", [account])

    gate = bench.look(("plan",))[PLAN_SCHEMA]

    assert gate.failed_ids == ("lead-00001",)


def test_without_a_policy_nothing_is_looked_up(bench: WriteBench) -> None:
    bench.load("Account", {"Name": "Firm One", "Website": "https://firm1.example"})
    bench.add_leads(person(1))
    bench.prepare()

    assert plan(bench).accounts == {}
