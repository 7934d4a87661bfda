"""The story of a lead and of a field, told from a real night: found by id, record or address."""

from __future__ import annotations

import pytest

from lead_pipeline.domain.stories import FieldStory, Holder, Step
from lead_pipeline.errors import ConfigurationError, UnknownSubjectError
from lead_pipeline.services.explain import Story, explain_field, tell_stories
from lead_pipeline.services.refresh_directory import changed_since
from lead_pipeline_tests.services.write_bench import WriteBench, org_lead, person

LEAD_ID = "lead-00001"
ADDRESS = "Lena.Probe1@firm1.example"


@pytest.fixture
def record_id(bench: WriteBench) -> str:
    """The record of a known lead, a night later."""
    (known,) = bench.load("Lead", org_lead(1, Company="Somebody's Own Words"))
    bench.add_leads({**person(1), "flags": ["company_suffix_removed"]}, person(2))
    bench.prepare()
    bench.write()
    bench.read_back()
    return known


def mirror(bench: WriteBench) -> None:
    changed_since(bench.database, bench.client, fields_by_object=bench.rules.fields_by_object, now=bench.now)


def story_of(bench: WriteBench, word: str) -> Story:
    (story,) = tell_stories(bench.database, word)
    return story


def field_of(bench: WriteBench, field: str, word: str = LEAD_ID) -> FieldStory:
    (told,) = explain_field(bench.database, bench.rules.mappings, word, field=field)
    return told


def test_the_story_tells_every_step_in_order(bench: WriteBench, record_id: str) -> None:
    story = story_of(bench, LEAD_ID)

    steps = [line.step for line in story.lines]
    assert steps == [
        Step.RECEIVED, Step.NORMALIZED, Step.MATCHED, Step.PLANNED, Step.LOGGED, Step.ENDED, Step.READ_BACK,
    ]  # fmt: skip
    texts = {line.step: line.text for line in story.lines}
    assert "company_suffix_removed" in texts[Step.NORMALIZED]
    assert record_id in texts[Step.MATCHED]
    assert "planned to update" in texts[Step.PLANNED]
    assert texts[Step.LOGGED] == f"update Lead {record_id} applied by test"
    (written,) = [line for line in story.lines if line.step is Step.LOGGED]
    assert {change.field: (change.before, change.after) for change in written.changes}["Title"] == (
        None,
        "Head of Operations",
    )


@pytest.mark.parametrize("form", ["lead", "record", "short record", "address"])
def test_a_lead_is_found_by_whatever_people_have_at_hand(bench: WriteBench, record_id: str, form: str) -> None:
    words = {"lead": LEAD_ID, "record": record_id, "short record": record_id[:15], "address": ADDRESS}
    mirror(bench)

    subject = story_of(bench, words[form]).subject

    assert (subject.dievio_lead_id, subject.salesforce_id) == (LEAD_ID, record_id)


def test_a_reps_later_edit_belongs_to_the_story(bench: WriteBench, record_id: str) -> None:
    bench.wait(60)
    bench.edit(record_id, {"Title": "What the rep typed"})
    mirror(bench)

    last = story_of(bench, LEAD_ID).lines[-1]

    assert last.step is Step.EDITED
    assert [(change.field, change.after) for change in last.changes] == [("Title", "What the rep typed")]


def test_nobody_is_nobody_and_the_address_stays_out_of_the_message(bench: WriteBench) -> None:
    for word in ("somebody@nowhere.example", "lead-99999", "00Q000000000000AAA"):
        with pytest.raises(UnknownSubjectError) as caught:
            tell_stories(bench.database, word)
        assert word not in str(caught.value)


def test_our_own_value_is_told_with_run_policy_and_reason(bench: WriteBench, record_id: str) -> None:
    mirror(bench)

    told = field_of(bench, "title")

    assert (told.holder, told.value, told.by) == (Holder.US, "Head of Operations", "run run-1")
    assert (told.salesforce_id, told.rule.verdict) == (record_id, "filled_blank")
    assert told.since is not None
    assert [change.after for line in told.changes for change in line.changes] == ["Head of Operations"]


@pytest.mark.parametrize(
    ("field", "edit", "holder"),
    [
        ("Title", "What the rep typed", Holder.SOMEBODY_ELSE),
        ("Title", None, Holder.NOBODY),
        ("Company", None, Holder.SOMEBODY_ELSE),
    ],
)
def test_a_persons_value_is_told_as_theirs(
    bench: WriteBench, record_id: str, field: str, edit: str | None, holder: Holder
) -> None:
    if field == "Title":
        bench.wait(60)
        bench.edit(record_id, {field: edit})
    mirror(bench)

    assert field_of(bench, field).holder is holder


def test_a_field_is_found_by_its_label_and_an_unknown_one_is_refused(bench: WriteBench, record_id: str) -> None:
    mirror(bench)

    assert field_of(bench, "Dievio Confidence", record_id).field == "Dievio_Confidence__c"
    with pytest.raises(ConfigurationError, match="no such field"):
        field_of(bench, "Shoe size")
