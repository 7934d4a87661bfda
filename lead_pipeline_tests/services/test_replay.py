"""A dead letter is tried again from a fresh reading, as often as it takes, and never from its stored payload."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lead_pipeline.domain.ownership import OwnerRules
from lead_pipeline.errors import NoLettersError
from lead_pipeline.services.replay import discard_letters, retry_letters
from lead_pipeline.store import dead_letters
from lead_pipeline.store.dead_letters import DeadLetter, LetterChoice
from lead_pipeline.store.owners import save_owner_rules
from lead_pipeline_tests.services.rework_bench import closed_gates, count_rows, end_night, new_rework
from lead_pipeline_tests.services.write_bench import SALES_USERS, WriteBench, org_lead, person

INSERT_ROUTE = {"route": "composite/sobjects", "method": "POST"}
UPDATE_ROUTE = {"route": "composite", "method": "POST", "body_contains": "If-Unmodified-Since"}
SELLERS = [str(user["Id"]) for user in SALES_USERS]
EVERY_LETTER = LetterChoice()


@pytest.fixture
def given_up(bench: WriteBench) -> WriteBench:
    """A night in which Salesforce refused the first of two new leads."""
    bench.add_leads(person(1), person(2))
    bench.fault("partial_failure", record_index=0, code="STRING_TOO_LONG", times=1, **INSERT_ROUTE)
    end_night(bench)
    bench.end_faults()
    assert bench.outcomes() == {"lead-00001": "dead_letter", "lead-00002": "created"}
    return bench


def letters(bench: WriteBench, *, state: str = "open") -> tuple[DeadLetter, ...]:
    with bench.database.connect() as connection:
        return dead_letters.read_letters(connection, state=state, most=100)


def test_a_mended_letter_becomes_a_record_with_an_owner(given_up: WriteBench) -> None:
    summary = retry_letters(new_rework(given_up), LetterChoice(error_code="STRING_TOO_LONG"))

    assert (summary.tried, summary.recovered) == (1, 1)
    assert given_up.outcomes() == {"lead-00001": "created", "lead-00002": "created"}
    assert count_rows(given_up) == (2, 2)
    assert closed_gates(given_up) == []
    assert {record["OwnerId"][:15] for record in given_up.records()} <= set(SELLERS)
    (letter,) = letters(given_up, state="replayed")
    assert (letter.resolution, letter.resolved_by) == ("created", new_rework_id(given_up))


def test_a_letter_keeps_all_that_was_sent_and_what_salesforce_said(given_up: WriteBench) -> None:
    (listed,) = letters(given_up)
    (sent,) = given_up.ask("SELECT payload, sent_at FROM write_intent WHERE state = 'refused'")

    with given_up.database.connect() as connection:
        letter = dead_letters.find_letter(connection, listed.dead_letter_id)

    assert letter is not None
    assert letter.payload == sent["payload"]
    assert {"LastName", "Company", "Email", "Dievio_Lead_ID__c"} <= set(letter.payload)
    assert letter.last_message
    assert letter.cause
    assert (letter.attempts, letter.first_failed_at) == (1, sent["sent_at"])


def new_rework_id(bench: WriteBench) -> str:
    (row,) = bench.ask("SELECT run_id FROM write_intent WHERE purpose = 'replay'")
    return str(row["run_id"])


def test_a_letter_that_fails_again_counts_its_attempts_and_stays_one_letter(given_up: WriteBench) -> None:
    (before,) = letters(given_up)
    given_up.fault("partial_failure", record_index=0, code="REQUIRED_FIELD_MISSING", times=1, **INSERT_ROUTE)

    summary = retry_letters(new_rework(given_up), EVERY_LETTER)

    (after,) = letters(given_up)
    assert (summary.tried, summary.recovered) == (1, 0)
    assert (after.dead_letter_id, after.attempts, after.error_code) == (
        before.dead_letter_id,
        before.attempts + 1,
        "REQUIRED_FIELD_MISSING",
    )
    assert after.first_failed_at == before.first_failed_at
    assert after.last_failed_at > before.last_failed_at
    assert given_up.outcomes()["lead-00001"] == "dead_letter"
    assert count_rows(given_up) == (2, 2)


def test_a_replay_plans_from_what_is_there_now_and_not_from_the_stored_payload(given_up: WriteBench) -> None:
    moment = (given_up.now() - timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    (record_id,) = given_up.load(
        "Lead", org_lead(1, Title="A rep's own words", LastModifiedDate=moment, SystemModstamp=moment)
    )

    summary = retry_letters(new_rework(given_up), EVERY_LETTER)

    assert summary.recovered == 1
    assert given_up.outcomes()["lead-00001"] == "updated"
    record = next(record for record in given_up.records() if record["Id"] == record_id)
    assert (record["Title"], record["Dievio_Lead_ID__c"]) == ("A rep's own words", "lead-00001")
    assert len(given_up.records()) == 2


def test_the_log_keeps_both_tries(given_up: WriteBench) -> None:
    retry_letters(new_rework(given_up, actor="ben"), EVERY_LETTER)

    rows = given_up.ask(
        "SELECT operation, outcome, actor FROM sync_log"
        " WHERE dievio_lead_id = 'lead-00001' AND operation <> 'hand_over' ORDER BY logged_at"
    )
    assert [(row["operation"], row["outcome"], row["actor"]) for row in rows] == [
        ("fail", "refused", "test"),
        ("create", "applied", "ben"),
    ]


def test_retrying_what_is_settled_already_asks_nothing_of_the_org(given_up: WriteBench) -> None:
    retry_letters(new_rework(given_up), EVERY_LETTER)
    journal = given_up.journal()

    with pytest.raises(NoLettersError):
        retry_letters(new_rework(given_up), EVERY_LETTER)

    assert given_up.journal() == journal


def test_a_discarded_letter_stays_readable_and_its_row_stays_given_up(given_up: WriteBench) -> None:
    (letter,) = letters(given_up)
    choice = LetterChoice(dead_letter_ids=(letter.dead_letter_id,))

    count = discard_letters(given_up.database, choice, reason="left the company", by="ben", at=given_up.now())

    (discarded,) = letters(given_up, state="discarded")
    assert count == 1
    assert (discarded.resolution, discarded.resolved_by) == ("left the company", "ben")
    assert discarded.payload == letter.payload
    assert given_up.outcomes()["lead-00001"] == "dead_letter"
    with pytest.raises(NoLettersError):
        retry_letters(new_rework(given_up), choice)


def test_a_refused_hand_over_is_routed_and_tried_again(bench: WriteBench) -> None:
    bench.add_leads(person(1))
    bench.prepare()
    bench.look()
    bench.write()
    bench.wait(5)
    bench.read_back()
    bench.look()
    bench.fault("partial_failure", code="OPERATION_WITH_INACTIVE_USER_EXCEPTION", times=1, **UPDATE_ROUTE)
    bench.hand_over()
    bench.end_faults()
    assert [letter.stage for letter in letters(bench)] == ["hand_over"]

    summary = retry_letters(new_rework(bench), EVERY_LETTER)

    assert (summary.tried, summary.recovered) == (1, 1)
    assert {record["OwnerId"][:15] for record in bench.records()} <= set(SELLERS)
    assert bench.outcomes() == {"lead-00001": "created"}


def test_letters_are_grouped_by_what_has_to_be_mended(bench: WriteBench) -> None:
    bench.add_leads(*(person(number) for number in range(1, 5)))
    for index, code in ((0, "STRING_TOO_LONG"), (1, "STRING_TOO_LONG"), (2, "INVALID_EMAIL_ADDRESS")):
        bench.fault("partial_failure", record_index=index, code=code, times=1, **INSERT_ROUTE)
    bench.prepare()
    bench.write()

    with bench.database.connect() as connection:
        groups = dead_letters.read_groups(connection, state="open")

    assert sum(group.letters for group in groups) == len(letters(bench))
    assert {group.error_code for group in groups} == {letter.error_code for letter in letters(bench)}
    assert all(group.owner and group.cause and group.suggested_repair for group in groups)


def test_owners_come_from_the_configuration_and_are_never_missing(bench: WriteBench) -> None:
    rules = OwnerRules(default="revops", roles={"sales_ops": "mapping-team"}, cases={"STRING_TOO_LONG": "anna"})
    with bench.database.transaction() as connection:
        save_owner_rules(connection, rules)
    bench.add_leads(person(1), person(2))
    bench.prepare()
    bench.fault("partial_failure", record_index=0, code="STRING_TOO_LONG", times=1, **INSERT_ROUTE)
    bench.fault("partial_failure", record_index=1, code="REQUIRED_FIELD_MISSING", times=1, **INSERT_ROUTE)

    bench.write()

    owners = {letter.error_code: letter.owner for letter in letters(bench)}
    wanted = {"STRING_TOO_LONG": "anna", "REQUIRED_FIELD_MISSING": "mapping-team"}
    assert owners
    assert owners == {code: wanted[code] for code in owners}
