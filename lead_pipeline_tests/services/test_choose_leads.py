"""A first sync step by step: who is not let through waits, nothing is lost, and every step can be repeated."""

from __future__ import annotations

from dataclasses import replace

from lead_pipeline.domain.sampling import ScopeKind
from lead_pipeline.services.choose_leads import EVERYTHING, ScopeStep, ScopeSummary, choose_leads
from lead_pipeline.services.write import WriteSummary
from lead_pipeline.store.audits import read_books
from lead_pipeline_tests.services.write_bench import BATCH_ID, WriteBench, org_lead, person

LEADS = 8
SAMPLE = ScopeStep(kind=ScopeKind.SAMPLE, size=3)
TWO_MORE = ScopeStep(kind=ScopeKind.LIMIT, size=2)


def step(bench: WriteBench, wanted: ScopeStep) -> tuple[ScopeSummary, WriteSummary]:
    """Plan, let leads through, write and read back, as one run does."""
    bench.read_and_plan()
    chosen = choose_leads(bench.database, wanted, batch_id=BATCH_ID, run_id="run", now=bench.now)
    bench.wait(5)
    written = bench.write()
    bench.read_back()
    return chosen, written


def prepare(bench: WriteBench) -> None:
    """Eight leads, one of them known to the org and one of them right there already."""
    bench.load("Lead", org_lead(7), org_lead(8))
    bench.add_leads(*(person(number) for number in range(1, LEADS + 1)))


def assert_gates_pass(bench: WriteBench) -> None:
    assert [result.gate for result in bench.look(("plan", "writes", "readback")).values() if not result.passed] == []


def test_a_sample_is_written_and_the_rest_waits_untouched(bench: WriteBench) -> None:
    prepare(bench)

    chosen, written = step(bench, SAMPLE)

    assert (chosen.chosen, chosen.waiting) == (3, 5)
    assert (written.settled, written.unsettled, written.waiting) == (3, 0, 5)
    assert written.is_complete
    assert len(bench.journal()) == 3
    assert_gates_pass(bench)
    with bench.database.transaction() as connection:
        books = read_books(connection, BATCH_ID)
    assert len(books.waiting) == 5
    assert not books.is_complete


def test_step_after_step_brings_every_lead_to_its_end_once(bench: WriteBench) -> None:
    prepare(bench)
    step(bench, SAMPLE)

    repeated, _ = step(bench, SAMPLE)
    assert (repeated.chosen, repeated.waiting) == (0, 5)
    more, written = step(bench, TWO_MORE)
    assert (more.chosen, more.waiting, written.settled) == (2, 3, 5)
    _, rest = step(bench, EVERYTHING)

    assert (rest.settled, rest.unsettled, rest.waiting) == (LEADS, 0, 0)
    assert len(bench.journal()) == LEADS
    assert set(bench.outcomes()) == {f"lead-{number:05d}" for number in range(1, LEADS + 1)}
    assert_gates_pass(bench)
    bench.assert_log_equals_journal()


def test_questions_of_leads_that_wait_are_not_asked_yet(bench: WriteBench) -> None:
    bench.add_leads(person(1), person(2, company_name=None))
    bench.read_and_plan()
    assert bench.ask("SELECT count(*) AS n FROM sync_decision WHERE decision = 'review'") == [{"n": 1}]

    step(bench, ScopeStep(kind=ScopeKind.LIMIT, size=1))
    assert bench.outcomes() == {"lead-00001": "created"}
    assert bench.ask("SELECT count(*) AS n FROM review_item") == [{"n": 0}]

    step(bench, EVERYTHING)
    assert bench.outcomes()["lead-00002"] == "review"


def test_a_row_that_is_reopened_in_a_narrowed_batch_is_brought_to_its_end(bench: WriteBench) -> None:
    bench.load("Lead", org_lead(1))
    bench.add_leads(person(1))
    step(bench, EVERYTHING)
    choose_leads(bench.database, SAMPLE, batch_id=BATCH_ID, run_id="run", now=bench.now)
    with bench.database.transaction() as connection:
        connection.execute("UPDATE lead_outcome SET reopened_at = %s", [bench.now()])
    bench.edit(bench.records()[0]["Id"], {"Phone": None})
    bench.read_and_plan()
    bench.wait(5)

    bench.write()

    assert bench.ask("SELECT count(*) AS n FROM lead_outcome WHERE reopened_at IS NULL") == [{"n": 1}]


def test_a_step_that_dies_goes_on_with_those_it_chose(bench: WriteBench) -> None:
    prepare(bench)
    bench.read_and_plan()
    choose_leads(bench.database, TWO_MORE, batch_id=BATCH_ID, run_id="dies", now=bench.now)

    again, written = step(bench, TWO_MORE)

    assert (again.chosen, written.settled) == (0, 2)
    assert sorted(bench.outcomes()) == ["lead-00001", "lead-00002"]


def test_the_risk_box_looks_at_what_is_let_through(bench: WriteBench) -> None:
    prepare(bench)
    bench.read_and_plan()
    choose_leads(bench.database, TWO_MORE, batch_id=BATCH_ID, run_id="run", now=bench.now)

    box = bench.look(("plan",))["core_leads__sync_plan__risk_box"]

    assert box.checked_count == 2


def test_every_record_of_a_sample_is_checked_before_anybody_meets_it(bench: WriteBench) -> None:
    prepare(bench)
    bench.settings = replace(bench.settings, spot_check_records=1)
    bench.read_and_plan()
    choose_leads(bench.database, SAMPLE, batch_id=BATCH_ID, run_id="run", now=bench.now)
    bench.wait(5)
    bench.write()
    for entry in bench.journal():
        bench.edit(entry["id"], {"Title": "Somebody else"}, user="integration")
    bench.read_back()

    gate = bench.look(("readback",))["sync_salesforce__readback__spot_check"]

    assert gate.failed_count == SAMPLE.size
