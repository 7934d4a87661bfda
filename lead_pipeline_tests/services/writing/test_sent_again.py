"""What is sent again is the same write, and what could not be sent is still there for the next run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from pydantic import SecretStr

from lead_pipeline.domain.record_answers import AnswerKind, ConditionalUpdate, RecordAnswer, Remedy
from lead_pipeline.errors import CredentialsRefusedError, OrgAwayError, ServiceUnavailableError
from lead_pipeline.salesforce.client import SalesforceClient
from lead_pipeline.salesforce.connection import connect
from lead_pipeline.salesforce.credentials import SalesforceCredentials
from lead_pipeline_tests.salesforce.clients import NO_WAIT
from lead_pipeline_tests.services.write_bench import WriteBench, org_lead, person

INSERTS = {"route": "composite/sobjects", "method": "POST"}
UPDATES = {"route": "composite", "method": "POST", "body_contains": "If-Unmodified-Since"}
LEADS = 3


class NotingClient:
    """The org, and a note of every record that was sent to it, by the lead's external id."""

    def __init__(self, client: SalesforceClient) -> None:
        self._client = client
        self.sent: defaultdict[object, list[Mapping[str, object]]] = defaultdict(list)
        self.calls = 0

    def insert_records(self, object_name: str, records: Sequence[Mapping[str, object]]) -> list[RecordAnswer]:
        self._note(records)
        return self._client.insert_records(object_name, records)

    def update_conditionally(self, object_name: str, updates: Sequence[ConditionalUpdate]) -> list[RecordAnswer]:
        self._note([update.fields for update in updates])
        return self._client.update_conditionally(object_name, updates)

    def _note(self, records: Sequence[Mapping[str, object]]) -> None:
        self.calls += 1
        for record in records:
            self.sent[record["Dievio_Lead_ID__c"]].append(dict(record))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


@pytest.fixture
def planned(bench: WriteBench) -> WriteBench:
    """A batch of new leads, ready to be written."""
    bench.add_leads(*(person(number) for number in range(1, LEADS + 1)))
    bench.prepare()
    return bench


@pytest.mark.parametrize("is_known", [True, False], ids=["update", "insert"])
def test_every_try_of_a_write_carries_the_same_ids_and_values(bench: WriteBench, *, is_known: bool) -> None:
    if is_known:
        bench.load("Lead", *(org_lead(number) for number in range(1, LEADS + 1)))
    bench.add_leads(*(person(number) for number in range(1, LEADS + 1)))
    bench.prepare()
    noting = NotingClient(bench.client)
    bench.client = cast("SalesforceClient", noting)
    bench.fault("row_lock", times=1, **(UPDATES if is_known else INSERTS))

    bench.write()

    intents = bench.ask("SELECT dievio_lead_id, op_id::text AS op_id, payload FROM write_intent")
    assert len(intents) == LEADS  # none was made for a second try
    for intent in intents:
        tries = noting.sent[intent["dievio_lead_id"]]
        assert tries == [intent["payload"]] * 2
        assert tries[0]["Dievio_Last_Op__c"] == intent["op_id"]
    bench.assert_log_equals_journal()


def test_a_session_that_expires_amid_the_writes_is_renewed_and_nothing_is_written_twice(planned: WriteBench) -> None:
    planned.fault("expired_session", times=1, **INSERTS)

    summary = planned.write()

    assert (summary.created_by_run, summary.unknown, summary.unsettled) == (LEADS, 0, 0)
    assert len(planned.journal()) == LEADS
    planned.assert_log_equals_journal()


def test_a_sign_in_that_is_refused_amid_the_writes_leaves_every_lead_for_the_next_run(planned: WriteBench) -> None:
    planned.fault("expired_session", **INSERTS)

    with pytest.raises(CredentialsRefusedError):
        planned.write()

    assert planned.outcomes() == {}
    assert {row["state"] for row in planned.ask("SELECT state FROM write_intent")} == {"void"}
    planned.end_faults()
    assert planned.write().created_by_run == LEADS
    planned.assert_log_equals_journal()


def test_an_org_that_is_away_ends_the_run_and_every_lead_waits_for_the_next_one(planned: WriteBench) -> None:
    present = planned.client
    credentials = SalesforceCredentials(
        instance_url=planned.emulated.base_url, client_id="sandbox-client", client_secret=SecretStr("sandbox-secret")
    )
    planned.client = connect(credentials, retries=NO_WAIT)
    planned.fault("status", status=503)

    with pytest.raises(ServiceUnavailableError):
        planned.write()

    assert (planned.outcomes(), planned.journal()) == ({}, [])
    planned.end_faults()
    planned.client = present
    assert planned.write().created_by_run == LEADS
    planned.assert_log_equals_journal()


@pytest.mark.parametrize("is_known", [True, False], ids=["update", "insert"])
@pytest.mark.parametrize(
    "fault",
    [{"kind": "status", "status": 503}, {"kind": "status", "status": 429}, {"kind": "concurrent_limit"}],
    ids=["busy", "throttled", "too many at once"],
)
def test_what_the_org_as_a_whole_turns_away_is_tried_four_times_and_waits_for_the_next_run(
    bench: WriteBench, fault: dict[str, Any], *, is_known: bool
) -> None:
    if is_known:
        bench.load("Lead", *(org_lead(number) for number in range(1, LEADS + 1)))
    bench.add_leads(*(person(number) for number in range(1, LEADS + 1)))
    bench.prepare()
    bench.fault(**fault, **(UPDATES if is_known else INSERTS))
    present, noting = bench.client, NotingClient(bench.client)
    bench.client = cast("SalesforceClient", noting)

    with pytest.raises(OrgAwayError):
        bench.write()
    bench.client = present

    assert (noting.calls, {len(tries) for tries in noting.sent.values()}) == (4, {4})
    assert (bench.outcomes(), bench.ask("SELECT * FROM dead_letter")) == ({}, [])
    bench.end_faults()
    assert bench.write().is_complete
    assert set(bench.outcomes().values()) == {"updated" if is_known else "created"}
    assert len(bench.journal()) == LEADS
    bench.assert_log_equals_journal()


def test_a_record_that_is_locked_while_the_org_turns_others_away_is_a_dead_letter_of_its_own(
    planned: WriteBench,
) -> None:
    planned.client = cast("SalesforceClient", HalfAway(planned.client))

    with pytest.raises(OrgAwayError):
        planned.write()

    assert planned.outcomes() == {"lead-00001": "dead_letter"}
    assert [row["error_code"] for row in planned.ask("SELECT error_code FROM dead_letter")] == ["UNABLE_TO_LOCK_ROW"]


class HalfAway:
    """An org that holds the first record of each call locked and is too busy for the rest."""

    def __init__(self, client: SalesforceClient) -> None:
        self._client = client

    def insert_records(self, object_name: str, records: Sequence[Mapping[str, object]]) -> list[RecordAnswer]:
        del object_name
        busy = RecordAnswer(
            kind=AnswerKind.NOT_DONE,
            remedy=Remedy.RETRY,
            error_code="SERVER_UNAVAILABLE",
            is_transient=True,
            is_org_wide=True,
        )
        locked = replace(busy, error_code="UNABLE_TO_LOCK_ROW", is_org_wide=False)
        return [locked if record["Dievio_Lead_ID__c"] == "lead-00001" else busy for record in records]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)
