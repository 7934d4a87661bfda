"""New leads reach their owners after the gates, once, and never out of a person's hands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from lead_pipeline.errors import GateClosedError
from lead_pipeline.services.hand_over import hand_over
from lead_pipeline.services.writing.ports import CrashPoint
from lead_pipeline.store.org_facts import had_owner_guard
from lead_pipeline_tests.services.write_bench import BATCH_ID, SALES_USERS, ProcessDiedError, WriteBench, person

SELLERS = [str(user["Id"]) for user in SALES_USERS]
UPDATE_ROUTE = {"route": "composite", "method": "POST", "body_contains": "If-Unmodified-Since"}


@pytest.fixture
def passed(bench: WriteBench) -> WriteBench:
    """A batch of six new leads, one from Germany, that passed every gate."""
    bench.add_leads(person(1), *(person(n, country="US", country_name="United States") for n in range(2, 7)))
    bench.prepare()
    bench.write()
    bench.wait(5)
    bench.read_back()
    assert all(result.passed for result in bench.look().values())
    return bench


def owners(bench: WriteBench) -> dict[str, str]:
    return {record["Dievio_Lead_ID__c"]: record["OwnerId"][:15] for record in bench.records()}


def test_leads_go_to_their_home_market_in_turn(passed: WriteBench) -> None:
    summary = passed.hand_over()

    assert (summary.done, summary.kept, summary.refused, summary.waiting) == (6, 0, 0, 0)
    assert owners(passed)["lead-00001"] in SELLERS
    assert set(Counter(owners(passed).values())) <= set(SELLERS)
    assert max(Counter(owners(passed).values()).values()) <= 3
    assert passed.look(["handover"])["sync_salesforce__handovers__routing"].passed


def test_handing_over_again_writes_nothing(passed: WriteBench) -> None:
    passed.hand_over()
    journal, calls = passed.journal(), passed.client.calls

    summary = passed.hand_over()
    passed.read_back()

    assert summary.done == 6
    assert passed.journal() == journal
    assert passed.client.calls == calls


def test_a_closed_gate_keeps_every_lead_with_the_holding_owner(passed: WriteBench) -> None:
    passed.edit(passed.records()[0]["Id"], {"Phone": "030 12 34"}, user="integration")
    passed.read_back()
    passed.look()
    journal = passed.journal()

    with pytest.raises(GateClosedError):
        hand_over(
            passed.database,
            passed.client,
            passed.routing,
            batch_id=BATCH_ID,
            run_id="handing",
            actor="test",
            now=passed.now,
        )

    assert passed.journal() == journal
    assert set(owners(passed).values()) == {"00G5e0000000001"}


def test_a_lead_that_a_person_took_stays_with_that_person(passed: WriteBench) -> None:
    taken = next(record for record in passed.records() if record["Dievio_Lead_ID__c"] == "lead-00003")
    passed.edit(taken["Id"], {"OwnerId": "0055e0000000003"})

    summary = passed.hand_over()

    assert (summary.done, summary.kept) == (5, 1)
    assert owners(passed)["lead-00003"] == "0055e0000000003"


def test_a_lead_that_a_person_edited_and_took_within_the_second_of_our_reading_stays_with_that_person(
    passed: WriteBench,
) -> None:
    """An edit in the second of an earlier one leaves LastModifiedDate as it was: no condition can see it."""
    taken = next(record for record in passed.records() if record["Dievio_Lead_ID__c"] == "lead-00003")
    passed.ask(
        "UPDATE readback SET server_read_at = (fields ->> 'LastModifiedDate')::timestamptz"
        " WHERE dievio_lead_id = 'lead-00003' RETURNING 1"
    )
    schema = passed.emulated.org.schema("Lead")
    assert schema is not None
    passed.emulated.org.store.update(schema, taken["Id"], changes={"OwnerId": "0055e0000000003"})

    summary = passed.hand_over()

    assert (summary.done, summary.kept) == (5, 1)
    assert owners(passed)["lead-00003"] == "0055e0000000003"
    # The owner guard of this org would have refused it, too; not every org has one.
    assert not passed.ask("SELECT 1 FROM write_intent WHERE purpose = 'hand_over' AND dievio_lead_id = 'lead-00003'")


def test_an_edit_of_another_field_does_not_keep_a_lead_from_its_owner(passed: WriteBench) -> None:
    edited = next(record for record in passed.records() if record["Dievio_Lead_ID__c"] == "lead-00003")
    passed.edit(edited["Id"], {"Description": "called already"}, user="admin")

    summary = passed.hand_over()

    assert summary.done == 6
    assert passed.ask("SELECT 1 FROM write_intent WHERE purpose = 'hand_over' AND state = 'refused'")


@pytest.mark.parametrize("kind", ["reset_after_commit", "reset_before_commit"])
def test_a_lost_answer_is_settled_by_reading(passed: WriteBench, kind: str) -> None:
    passed.fault(kind, times=1, **UPDATE_ROUTE)

    summary = passed.hand_over()

    assert summary.done == 6
    passed.assert_log_equals_last_journal()


def test_a_hand_over_that_lands_after_it_was_given_up_is_ours_and_no_persons_choice(passed: WriteBench) -> None:
    # The reading right after the lost answer finds nothing; the call lands while the run waits for its next try.
    passed.fault("late_commit", delay_seconds=1, times=1, **UPDATE_ROUTE)

    summary = passed.hand_over()

    assert (summary.done, summary.kept) == (6, 0)
    assert set(owners(passed).values()) <= set(SELLERS)
    passed.assert_log_equals_last_journal()


def test_a_hand_over_that_lands_after_its_run_is_credited_by_the_next_one(passed: WriteBench) -> None:
    passed.fault("late_commit", delay_seconds=30, times=1, **UPDATE_ROUTE)
    with pytest.raises(ProcessDiedError):
        passed.hand_over(reach=die_after_settling_void(passed))
    passed.end_faults()
    passed.wait(60)
    passed.read_back()
    sent = len(passed.journal())

    summary = passed.hand_over()

    assert (summary.done, summary.kept) == (6, 0)
    assert len(passed.journal()) == sent
    passed.assert_log_equals_last_journal()


def test_a_person_who_takes_a_lead_that_we_handed_over_late_keeps_it(passed: WriteBench) -> None:
    passed.fault("late_commit", delay_seconds=30, times=1, **UPDATE_ROUTE)
    with pytest.raises(ProcessDiedError):
        passed.hand_over(reach=die_after_settling_void(passed))
    passed.end_faults()
    passed.wait(60)
    taken = next(record for record in passed.records() if record["Dievio_Lead_ID__c"] == "lead-00003")
    passed.edit(taken["Id"], {"OwnerId": "0055e0000000003"})
    passed.read_back()

    passed.hand_over()

    assert owners(passed)["lead-00003"] == "0055e0000000003"
    passed.assert_log_equals_last_journal()


def die_after_settling_void(bench: WriteBench) -> Callable[[CrashPoint], None]:
    """Die once the fence has taken a write for void."""

    def die(point: CrashPoint) -> None:
        if point is CrashPoint.AFTER_SETTLING and bench.ask("SELECT 1 FROM write_intent WHERE state = 'void'"):
            raise ProcessDiedError(point)

    return die


def test_many_leads_go_as_one_job_where_the_org_guards_owners(passed: WriteBench) -> None:
    passed.limits = replace(passed.limits, hand_over_bulk_threshold=3)
    taken = next(record for record in passed.records() if record["Dievio_Lead_ID__c"] == "lead-00003")
    passed.edit(taken["Id"], {"OwnerId": "0055e0000000003"})

    summary = passed.hand_over()

    assert (summary.done, summary.kept) == (5, 1)
    assert owners(passed)["lead-00003"] == "0055e0000000003"
    assert passed.ask("SELECT 1 FROM write_intent WHERE purpose = 'hand_over' AND bulk_job_id IS NOT NULL")


def test_a_job_whose_upload_was_lost_is_followed_by_another_and_not_by_single_calls(passed: WriteBench) -> None:
    passed.limits = replace(passed.limits, hand_over_bulk_threshold=3)
    passed.fault("reset_after_commit", route="jobs/ingest", method="PUT", times=1)

    passed.hand_over()

    jobs = passed.ask(
        "SELECT bulk_job_id, state FROM write_intent WHERE purpose = 'hand_over' GROUP BY bulk_job_id, state"
    )
    assert sorted(job["state"] for job in jobs) == ["applied", "void"]
    assert None not in {job["bulk_job_id"] for job in jobs}


def test_a_job_without_a_refusal_needs_no_result_file(passed: WriteBench) -> None:
    passed.limits = replace(passed.limits, hand_over_bulk_threshold=3)
    passed.emulated.plane.ledger.clear()

    summary = passed.hand_over()

    assert summary.done == 6
    assert not [route for route in passed.emulated.plane.ledger.totals().calls if "Results" in route]
    passed.assert_log_equals_last_journal()


def test_the_next_plan_reckons_with_the_guard_that_the_hand_over_found(passed: WriteBench) -> None:
    passed.limits = replace(passed.limits, hand_over_bulk_threshold=3)
    with passed.database.connect() as connection:
        assert not had_owner_guard(connection)

    passed.hand_over()

    with passed.database.connect() as connection:
        assert had_owner_guard(connection)


def test_without_the_guard_even_many_leads_go_one_by_one(passed: WriteBench) -> None:
    passed.limits = replace(passed.limits, hand_over_bulk_threshold=3)
    guard = {"name": "Dievio_Owner_Guard", "active": False}
    passed.emulated.org.change_schema("Lead", {"validation_rules": [guard]})

    summary = passed.hand_over()

    assert summary.done == 6
    assert not passed.ask("SELECT 1 FROM write_intent WHERE purpose = 'hand_over' AND bulk_job_id IS NOT NULL")


def test_leads_that_no_rule_places_go_to_the_fallback_queue(passed: WriteBench) -> None:
    for user in SELLERS:
        passed.ask("UPDATE roster SET is_active = false WHERE left(salesforce_id, 15) = %s RETURNING 1", user)

    summary = passed.hand_over()

    assert summary.done == 6
    assert set(owners(passed).values()) == {"00G5e0000000002"}


def test_an_owner_who_left_is_a_dead_letter_and_closes_the_routing_gate(passed: WriteBench) -> None:
    for user in SELLERS:
        passed.emulated.org.store.run('UPDATE "User" SET IsActive = 0 WHERE substr(Id, 1, 15) = ?', [user])

    summary = passed.hand_over()

    assert summary.refused == 6
    assert len(passed.ask("SELECT 1 FROM dead_letter WHERE stage = 'hand_over'")) == 6
    assert not passed.look(["handover"])["sync_salesforce__handovers__routing"].passed
    assert set(passed.outcomes().values()) == {"created"}
