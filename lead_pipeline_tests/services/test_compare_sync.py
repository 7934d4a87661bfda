"""The first leads of an org on both sides, read from what a night leaves behind."""

from __future__ import annotations

from lead_pipeline.domain.sampling import ScopeKind
from lead_pipeline.domain.sync_comparison import FieldComparison, SyncComparison, Winner
from lead_pipeline.services.choose_leads import ScopeStep, choose_leads
from lead_pipeline.services.compare_sync import compare_first_sync
from lead_pipeline.services.report import build_report
from lead_pipeline.services.report_page import draw_report_page
from lead_pipeline_tests.services.night_bench import NightBench, day, page_text, row
from lead_pipeline_tests.services.write_bench import BATCH_ID, WriteBench, org_lead, person

ALL = ScopeStep(kind=ScopeKind.SAMPLE, size=200)


def compare(bench: WriteBench, batch_id: str = BATCH_ID) -> SyncComparison:
    with bench.database.transaction() as connection:
        comparison = compare_first_sync(connection, batch_id, read_mappings=lambda: bench.rules.mappings)
    assert comparison is not None
    return comparison


def line_of(comparison: SyncComparison, name: str) -> FieldComparison:
    (line,) = [line for line in comparison.fields if line.field == name]
    return line


def sync(bench: WriteBench, batch_id: str = BATCH_ID) -> None:
    choose_leads(bench.database, ALL, batch_id=batch_id, run_id="run", now=bench.now)
    bench.wait(5)
    bench.write(batch_id=batch_id)


def test_a_sample_is_compared_field_by_field_and_a_later_edit_is_told_apart(bench: WriteBench) -> None:
    bench.load("Lead", org_lead(3, Title="Boss"))
    bench.add_leads(person(1), person(2), person(3))
    bench.read_and_plan()
    sync(bench)
    edited = next(entry["id"] for entry in bench.journal() if entry["op"] == "create")
    bench.wait(60)
    bench.edit(edited, {"Title": "Typed by a rep"})
    bench.read_back()

    comparison = compare(bench)

    assert (comparison.chosen, comparison.compared, comparison.verified_ids) == (3, 3, 3)
    title = line_of(comparison, "Title")
    assert (title.equal, title.kept_by_rep, title.changed_since, title.differs) == (1, 1, 1, 0)
    assert line_of(comparison, "Email").equal == 3
    (contested,) = comparison.contested
    assert (contested.field, contested.winner, contested.is_edited_by_both) == ("Title", Winner.REP, False)
    assert comparison.is_sound


def test_what_changed_without_anybody_to_name_stops_the_report(bench: WriteBench) -> None:
    bench.add_leads(person(1))
    bench.read_and_plan()
    sync(bench)
    (commit,) = bench.journal()
    bench.edit(commit["id"], {"Title": "A flow that runs as our user"}, user="integration")
    bench.read_back()

    report = build_report(
        bench.database,
        batch_id=BATCH_ID,
        run_id="run-1",
        started_at=bench.now(),
        now=bench.now,
        read_mappings=lambda: bench.rules.mappings,
    )

    assert report.first_sync is not None
    assert line_of(report.first_sync, "Title").differing_ids == ("lead-00001",)
    assert report.verdict == "stopped"
    assert "1 values differ without a reason" in report.headline
    assert type(report).from_summary(report.to_summary()) == report
    page = draw_report_page(report)
    assert "First sync: source and destination" in page
    assert "A flow that runs" not in page


def test_a_field_that_both_sides_changed_since_the_last_sync_says_who_won(bench: WriteBench) -> None:
    bench.emulated.org.reset()
    nights = NightBench(database=bench.database, emulated=bench.emulated, client=bench.client)
    nights.night(day(1), row())
    (record,) = nights.live_leads()
    nights.edit(record["Id"], {"Title": "Typed by a rep"})
    nights.wait(3600)
    nights.deliver(day(2), {"plain": page_text([row(job_title="Chief Sales Officer", seniority="cxo")])})
    nights.mirror()
    nights.normalize(day(2))
    nights.decide(day(2))
    sync(nights, day(2))

    contested = {entry.field: entry for entry in compare(nights, day(2)).contested}

    assert contested["Title"].winner == Winner.REP
    assert contested["Title"].is_edited_by_both
    assert contested["Title"].reason == "a person's value stands there"


def test_a_batch_that_goes_through_whole_is_not_compared(bench: WriteBench) -> None:
    bench.add_leads(person(1))
    bench.read_and_plan()

    with bench.database.transaction() as connection:
        assert compare_first_sync(connection, BATCH_ID, read_mappings=lambda: bench.rules.mappings) is None
