"""Every gate lets a good batch through, turns red on a planted fault, and then nothing goes to the owners."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from lead_pipeline.config.loading import load_document
from lead_pipeline.domain.extraction import parse_source_mapping
from lead_pipeline.errors import GateClosedError
from lead_pipeline.services.gates import GATES, STAGES, evaluate_gate, require_gates
from lead_pipeline.services.post_sync_gates import WrittenCheck, walk_written
from lead_pipeline.services.stage_gates import GateContext
from lead_pipeline_tests.services.write_bench import BATCH_ID, WriteBench, org_lead, person

READBACK = "sync_salesforce__readback__"


@pytest.fixture
def written(bench: WriteBench) -> WriteBench:
    """A batch with two created leads and an updated one; nothing is read back yet."""
    bench.load("Lead", org_lead(1))
    bench.add_leads(person(1), person(2), person(3))
    bench.prepare()
    bench.write()
    bench.wait(5)
    return bench


def created_id(bench: WriteBench) -> str:
    (row,) = bench.ask("SELECT salesforce_id FROM lead_outcome WHERE dievio_lead_id = 'lead-00002'")
    return str(row["salesforce_id"])


def edit_created(fields: dict[str, Any], *, user: str = "integration") -> Callable[[WriteBench], None]:
    return lambda bench: bench.edit(created_id(bench), fields, user=user)


def forget_outcome(bench: WriteBench) -> None:
    bench.ask("DELETE FROM lead_outcome WHERE dievio_lead_id = 'lead-00002' RETURNING 1")


def add_twin(bench: WriteBench) -> None:
    dates = ("CreatedDate", "LastModifiedDate", "SystemModstamp")
    bench.create({key: value for key, value in org_lead(2).items() if key not in dates})


def blank_required(bench: WriteBench) -> None:
    """Salesforce itself would refuse to blank a required field, so the fault sits in its store."""
    schema = bench.emulated.org.schema("Lead")
    assert schema is not None
    bench.emulated.org.store.update(schema, created_id(bench), changes={"Company": None})


READBACK_FAULTS: dict[str, Callable[[WriteBench], None]] = {
    "record_count": lambda bench: bench.delete(created_id(bench)),
    "required_fields": blank_required,
    "spot_check": edit_created({"Title": "Somebody else"}),
    "no_truncation": edit_created({"Title": "Head of Op"}),
    "duplicates": add_twin,
    "formats": edit_created({"Phone": "030 / 12 34 56"}),
    "ownership": edit_created({"OwnerId": "0055e0000000003"}),
    "source_attribution": edit_created({"Search_Segment__c": None}),
    "freshness": edit_created({"Dievio_Last_Synced_At__c": None}),
}


def test_a_good_batch_passes_every_gate_and_says_so(written: WriteBench) -> None:
    written.read_back()

    results = written.look()

    assert {name: result.description for name, result in results.items() if not result.passed} == {}
    assert results[READBACK + "record_count"].checked_count == 3
    assert results[READBACK + "spot_check"].checked_count > 20
    require_gates(written.database, batch_id=BATCH_ID, stage="handover")


@pytest.mark.parametrize("rule", READBACK_FAULTS)
def test_a_fault_planted_after_the_write_closes_its_gate_and_the_hand_over(written: WriteBench, rule: str) -> None:
    READBACK_FAULTS[rule](written)
    written.read_back()

    result = written.look()[READBACK + rule]

    assert not result.passed
    assert result.failed_ids == ("lead-00002",)
    assert result.next_step
    assert "lena" not in f"{result.description}{result.next_step}".lower()
    with pytest.raises(GateClosedError) as caught:
        require_gates(written.database, batch_id=BATCH_ID, stage="handover")
    assert READBACK + rule in caught.value.gates


def test_every_post_sync_gate_has_a_planted_fault() -> None:
    assert {READBACK + rule for rule in READBACK_FAULTS} == {n for n, gate in GATES.items() if gate.stage == "readback"}


def test_a_persons_edit_of_an_updated_record_is_no_fault(written: WriteBench) -> None:
    (row,) = written.ask("SELECT salesforce_id FROM lead_outcome WHERE outcome = 'updated'")
    written.edit(row["salesforce_id"], {"Title": "What the rep typed"})
    written.read_back()

    results = written.look()

    assert [name for name, result in results.items() if not result.passed] == []


def test_a_persons_edit_of_a_new_lead_does_not_hold_the_batch(written: WriteBench) -> None:
    written.edit(created_id(written), {"Title": "What the rep typed", "Phone": "030 / 12 34 56"})
    written.edit(created_id(written), {"OwnerId": "0055e0000000003"}, user="admin")
    written.read_back()

    written.look()

    require_gates(written.database, batch_id=BATCH_ID, stage="handover")


def test_a_later_batch_that_writes_a_lead_again_does_not_hold_the_first_one(written: WriteBench) -> None:
    later = "2026-05-05"
    written.edit(created_id(written), {"OwnerId": "0055e0000000003"}, user="admin")
    written.wait(5)
    written.add_leads(person(2, title="Chief of Something Else"), batch_id=later)
    written.prepare(later)
    assert written.write(batch_id=later).updated_by_run == 1
    written.wait(5)
    written.read_back()

    written.look()

    require_gates(written.database, batch_id=BATCH_ID, stage="handover")


def test_a_gate_that_looked_before_the_last_write_counts_as_closed(written: WriteBench) -> None:
    written.read_back()
    written.look()
    written.add_leads(person(4))
    written.prepare()
    written.write()

    with pytest.raises(GateClosedError):
        require_gates(written.database, batch_id=BATCH_ID, stage="handover")


def test_gates_of_a_batch_without_rows_pass_with_nothing_checked(bench: WriteBench) -> None:
    bench.add_leads()
    bench.prepare()
    bench.write()
    bench.read_back()

    results = bench.look()

    assert {results[name].checked_count for name in results if name.startswith(READBACK)} == {0}
    assert results[READBACK + "formats"].description == "There were no written values to check."
    assert all(results[name].passed for name in results if name.startswith(READBACK))


STAGE_FAULTS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "raw_dievio__leads__contract": ("UPDATE raw_lead SET payload = %s RETURNING 1", (Jsonb("no object"),)),
    "raw_dievio__leads__complete_pull": ("UPDATE segment_pull SET rows_received = 99 RETURNING 1", ()),
    "stg_dievio__leads__schema": (
        "INSERT INTO quarantine SELECT batch_id, raw_lead_id, segment, '[]', 'x', now() FROM lead LIMIT 1 RETURNING 1",
        (),
    ),
    "stg_dievio__leads__one_person_once": (
        "UPDATE lead SET em = 'same@firm.example', fn = 'a', ln = 'b' RETURNING 1",
        (),
    ),
    "stg_salesforce__directory__complete": (
        "UPDATE directory_count SET mirror_count = org_count + 500 RETURNING 1",
        (),
    ),
    "core_leads__matches__schema": ("UPDATE match_result SET rule = 'GUESS' RETURNING 1", ()),
    "core_leads__matches__no_ambiguous_link": (
        "UPDATE match_result SET candidate_count = 2 WHERE grade = 'certain' RETURNING 1",
        (),
    ),
    "core_leads__sync_plan__schema": (
        "UPDATE sync_decision SET base_last_modified_at = NULL WHERE decision = 'update' RETURNING 1",
        (),
    ),
    "core_leads__sync_plan__risk_box": (
        "UPDATE sync_decision SET fields = %s WHERE decision = 'update' RETURNING 1",
        (Jsonb([{"field": "Status", "before": "Open", "after": "Closed", "verdict": "updated", "policy": "tracked"}]),),
    ),
}


@pytest.mark.parametrize("gate", STAGE_FAULTS)
def test_a_fault_planted_before_the_write_closes_its_gate_and_the_write(bench: WriteBench, gate: str) -> None:
    bench.load("Lead", org_lead(1))
    bench.add_leads(person(1), person(2))
    bench.prepare()
    before = STAGES[: STAGES.index("writes")]
    assert bench.look(before)[gate].passed
    query, values = STAGE_FAULTS[gate]
    bench.ask(query, *values)

    result = bench.look(before)[gate]

    assert not result.passed
    assert result.next_step
    with pytest.raises(GateClosedError) as caught:
        require_gates(bench.database, batch_id=BATCH_ID, stage="writes")
    assert caught.value.gates == (gate,)


def test_the_plan_gate_closes_when_more_leads_are_created_than_allowed(bench: WriteBench) -> None:
    bench.add_leads(person(1), person(2))
    bench.prepare()
    bench.settings = replace(bench.settings, max_creates=1)

    result = bench.look(["plan"])["core_leads__sync_plan__risk_box"]

    assert not result.passed
    assert "2 leads, 1 are allowed" in result.description


def test_a_gate_that_never_ran_counts_as_closed(bench: WriteBench) -> None:
    with pytest.raises(GateClosedError) as caught:
        require_gates(bench.database, batch_id=BATCH_ID, stage="writes")

    assert "core_leads__sync_plan__risk_box" in caught.value.gates
    way_out = f"run the batch again, which buys and writes nothing twice: `lead-pipeline run --date {BATCH_ID}`"
    assert str(caught.value).endswith(way_out)


def test_conservation_closes_when_a_row_has_no_outcome(written: WriteBench) -> None:
    forget_outcome(written)

    result = written.look(["writes"])["sync_salesforce__writes__conservation"]

    assert not result.passed
    assert result.failed_ids == ("2",)


def test_drift_warns_and_closes_nothing(bench: WriteBench) -> None:
    bench.add_leads(person(1))
    bench.ask("UPDATE raw_lead SET payload = '{\"title\": 1}' RETURNING 1")
    bench.ask("INSERT INTO batch VALUES ('2026-05-03', 'search', now()) RETURNING 1")
    bench.ask(
        "INSERT INTO raw_lead (batch_id, segment, page_number, row_number, payload, fetched_at)"
        " VALUES ('2026-05-03', 'dach', 1, 0, '{\"job_title\": 1}', now()) RETURNING 1"
    )
    bench.prepare()

    results = bench.look(STAGES[: STAGES.index("writes")])

    assert results["raw_dievio__leads__drift"].failed_ids == ("job_title",)
    require_gates(bench.database, batch_id=BATCH_ID, stage="writes")


def test_drift_names_expected_values_that_no_row_carries(bench: WriteBench) -> None:
    bench.add_leads(person(1))
    source = parse_source_mapping(load_document("sources/dievio", schema="source_mapping"))
    bench.settings = replace(bench.settings, source=source)

    result = bench.look(["raw"])["raw_dievio__leads__drift"]

    assert not result.passed
    assert set(result.failed_ids) <= set(source.expected)


SEARCH = (
    "UPDATE segment_pull SET first_page = %s, max_results = %s, total_count = %s, reason = %s RETURNING 1",
    "UPDATE raw_page SET request = '{\"_per_page\": 2}' RETURNING 1",
)


@pytest.mark.parametrize(
    ("first_page", "rows_per_night", "total_count", "reason", "is_complete"),
    [
        (1, 50, 3, "", True),
        (1, 50, 4, "", False),
        (6, 50, 13, "", True),
        (6, 50, 14, "", False),
        (6, 3, 100, "rows_per_night", True),
        (1, 50, 100, "continued_later", True),
    ],
    ids=[
        "a whole search in one night",
        "a row is missing",
        "the rest of a search that another night began",
        "a row of the rest is missing",
        "as many as a night may bring, behind those of the night before",
        "a later batch bought the rest",
    ],
)
def test_a_pull_is_complete_when_its_own_night_brought_its_rows(
    bench: WriteBench, first_page: int, *, rows_per_night: int, total_count: int, reason: str, is_complete: bool
) -> None:
    bench.add_leads(person(1), person(2), person(3))
    rows_before = (first_page - 1) * 2
    bench.ask(SEARCH[0], first_page, rows_before + rows_per_night, total_count, reason)
    bench.ask(SEARCH[1])

    result = bench.look(["raw"])["raw_dievio__leads__complete_pull"]

    assert result.passed is is_complete, result.description


def test_the_mirror_of_an_org_without_a_record_is_complete(bench: WriteBench) -> None:
    bench.add_leads()
    bench.prepare()

    result = bench.look(["directory"])["stg_salesforce__directory__complete"]

    assert result.passed, result.description


class CountingConnection:
    """A connection that counts its statements."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.statements = 0

    def cursor(self, *args: Any, **kwargs: Any) -> Any:
        self.statements += 1
        return self._connection.cursor(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def count_statements(bench: WriteBench, checks: Mapping[str, WrittenCheck]) -> int:
    with bench.database.connect() as connection:
        counting: Any = CountingConnection(connection)
        walk_written(
            GateContext(connection=counting, batch_id=BATCH_ID, settings=bench.settings, at=bench.now()), checks
        )
        return int(counting.statements)


def test_many_gates_read_each_written_record_once(written: WriteBench) -> None:
    written.read_back()
    checks = {name: gate.check for name, gate in GATES.items() if isinstance(gate.check, WrittenCheck)}

    one, all_of_them = (count_statements(written, part) for part in ({"formats": checks[f"{READBACK}formats"]}, checks))

    assert len(checks) == 6
    assert all_of_them == one


def test_gates_answer_together_as_they_answer_alone(written: WriteBench) -> None:
    edit_created({"Phone": "030 12 34"})(written)
    written.read_back()

    together = written.look(["readback"])

    alone = [
        evaluate_gate(written.database, name, batch_id=BATCH_ID, run_id="run", now=written.now, config=written.settings)
        for name in together
    ]
    assert list(together.values()) == alone
    assert not together[f"{READBACK}formats"].passed
