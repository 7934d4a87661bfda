"""What undoing a run puts back, over tables and over random histories of one record."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import pytest

from lead_pipeline.domain.reverting import (
    TAG_FIELD,
    CurrentRecord,
    Org,
    RevertVerdict,
    RunWrite,
    build_revert_intent,
    count_verdicts,
    plan_revert,
)
from lead_pipeline.domain.write_protocol import EXTERNAL_ID_FIELD, RECEIPT_FIELD, WriteKind, WritePurpose

HISTORIES = 1_000
FIELDS = ("Title", "Company", "City", "Department")
ORG = Org(field_types={"Lead": dict.fromkeys((*FIELDS, TAG_FIELD), "string")})
AT = datetime(2026, 5, 4, tzinfo=UTC)
RECORD_ID = "00Q5e0000000001AAA"


def write(
    number: int = 1, *, before: Mapping[str, object], kind: WriteKind = WriteKind.UPDATE, after: Mapping[str, object]
) -> RunWrite:
    return RunWrite(
        op_id=UUID(int=number),
        batch_id="2026-05-04",
        dievio_lead_id="lead-1",
        raw_lead_id=1,
        person_key="id:lead-1",
        kind=kind,
        object_name="Lead",
        salesforce_id=RECORD_ID,
        payload={**after, RECEIPT_FIELD: str(UUID(int=number)), EXTERNAL_ID_FIELD: "lead-1"},
        before=before,
        mapping_version="1",
    )


def record(**fields: object) -> dict[str, CurrentRecord]:
    return {RECORD_ID: CurrentRecord(fields=fields, last_modified_at=AT)}


@pytest.mark.parametrize(
    ("before", "after", "now", "verdict"),
    [
        ("Old", "New", "New", RevertVerdict.PUT_BACK),
        (None, "New", "New", RevertVerdict.PUT_BACK),
        ("Old", "New", " New ", RevertVerdict.PUT_BACK),  # the org trims what it stores
        ("Old", "New", "Rep's", RevertVerdict.CHANGED_SINCE),
        ("Old", "New", None, RevertVerdict.CHANGED_SINCE),
        ("Old", "New", "Old", RevertVerdict.ALREADY_BACK),
        (None, "New", "", RevertVerdict.ALREADY_BACK),
    ],
)
def test_a_field_goes_back_only_where_our_value_stands(
    before: object, after: object, now: object, verdict: RevertVerdict
) -> None:
    (revert,) = plan_revert(
        [write(before={"Title": before}, after={"Title": after})], record(Title=now), ORG, run_id="r"
    )

    (entry,) = revert.fields
    assert entry.verdict is verdict
    assert revert.changes() == ({"Title": before} if verdict is RevertVerdict.PUT_BACK else {})


def test_two_writes_of_the_run_go_back_to_what_stood_before_both() -> None:
    writes = [
        write(1, before={"Title": "Old"}, after={"Title": "First"}),
        write(2, before={"Title": "First"}, after={"Title": "Second"}),
    ]

    (revert,) = plan_revert(writes, record(Title="Second"), ORG, run_id="r")

    assert revert.changes() == {"Title": "Old"}


def test_what_somebody_typed_between_two_writes_of_the_run_comes_back() -> None:
    writes = [
        write(1, before={"Title": "Old"}, after={"Title": "First"}),
        write(2, before={"Title": "Rep's"}, after={"Title": "Second"}),
    ]

    (revert,) = plan_revert(writes, record(Title="Second"), ORG, run_id="r")

    assert revert.changes() == {"Title": "Rep's"}


@pytest.mark.parametrize(
    ("records", "org", "before", "verdict"),
    [
        ({}, ORG, {"Title": "Old"}, RevertVerdict.GONE),
        (record(Title="New"), Org(), {"Title": "Old"}, RevertVerdict.NOT_WRITABLE),
        (record(Title="New"), ORG, {}, RevertVerdict.NO_IMAGE),
    ],
)
def test_a_field_that_cannot_go_back_says_why(
    records: dict[str, CurrentRecord], org: Org, before: Mapping[str, object], verdict: RevertVerdict
) -> None:
    (revert,) = plan_revert([write(before=before, after={"Title": "New"})], records, org, run_id="r")

    assert count_verdicts([revert]) == {verdict: 1}
    assert revert.changes() == {}


def test_a_created_record_keeps_its_values_and_gets_a_note_once() -> None:
    created = write(before={}, kind=WriteKind.INSERT, after={"Title": "New"})
    (first,) = plan_revert([created], record(Title="New"), ORG, run_id="r7")
    (again,) = plan_revert([created], record(Title="New", **first.changes()), ORG, run_id="r7")

    assert first.changes() == {TAG_FIELD: "Reverted: created by run r7"}
    assert again.changes() == {}


@pytest.mark.parametrize(
    ("records", "org", "verdict"),
    [({}, ORG, RevertVerdict.GONE), (record(Title="New"), Org(), RevertVerdict.NOT_WRITABLE)],
)
def test_a_created_record_that_cannot_be_noted_on_says_why(
    records: dict[str, CurrentRecord], org: Org, verdict: RevertVerdict
) -> None:
    created = write(before={}, kind=WriteKind.INSERT, after={"Title": "New"})

    (revert,) = plan_revert([created], records, org, run_id="r7")

    assert count_verdicts([revert]) == {verdict: 1}


def test_the_write_carries_its_receipt_its_condition_and_what_it_replaces() -> None:
    (revert,) = plan_revert(
        [write(before={"Title": None}, after={"Title": "New"})], record(Title="New"), ORG, run_id="r"
    )

    intent = build_revert_intent(revert, op_id=UUID(int=9), run_id="undo", attempt=1, org_fields={"Dievio_Decision__c"})

    assert intent.payload == {"Title": None, RECEIPT_FIELD: str(UUID(int=9))}
    assert (intent.before, intent.base_last_modified_at) == ({"Title": "New"}, AT)
    assert intent.purpose is WritePurpose.REVERT
    assert intent.guard_values == {"Dievio_Decision__c": str(UUID(int=9))}


@dataclass
class History:
    """A random life of one record, told twice: as the run's writes, and as who put each value there."""

    rng: random.Random
    fields: dict[str, object] = field(init=False)
    original: dict[str, object] = field(init=False)
    author: dict[str, str] = field(init=False)
    writes: list[RunWrite] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.fields = {name: self.rng.choice([None, f"old {name}"]) for name in FIELDS}
        self.original = dict(self.fields)
        self.author = dict.fromkeys(FIELDS, "nobody")

    def live(self) -> None:
        for step in range(self.rng.randint(1, 8)):
            act = self.rng.choice([self._run, self._rep, self._other_run])
            act(step)

    def _run(self, step: int) -> None:
        names = self.rng.sample(FIELDS, self.rng.randint(1, len(FIELDS)))
        before = {name: self.fields[name] for name in names}
        for name in names:
            if self.author[name] != "run":
                self.original[name] = self.fields[name]
        after = {name: f"run {step} {name}" for name in names}
        self.writes.append(write(step + 1, before=before, after=after))
        self._put(after, by="run")

    def _rep(self, step: int) -> None:
        name = self.rng.choice(FIELDS)
        self._put({name: self.rng.choice([None, f"rep {step}"])}, by="rep")

    def _other_run(self, step: int) -> None:
        self._put({self.rng.choice(FIELDS): f"other {step}"}, by="other run")

    def _put(self, values: Mapping[str, object], *, by: str) -> None:
        self.fields |= values
        self.author |= dict.fromkeys(values, by)


def test_over_random_histories_exactly_the_untouched_fields_go_back() -> None:
    put_back = touched = 0
    for seed in range(HISTORIES):
        history = History(random.Random(seed))  # noqa: S311  # a story, not a secret
        history.live()
        before_undoing = dict(history.fields)
        changes: dict[str, object] = {}
        for revert in plan_revert(history.writes, record(**history.fields), ORG, run_id="r"):
            changes |= revert.changes()

        for name in FIELDS:
            value = changes.get(name, before_undoing[name])
            if history.author[name] == "run":
                assert value == history.original[name], f"seed {seed}: {name} did not go back"
                put_back += 1
            else:
                assert value == before_undoing[name], f"seed {seed}: {name} of {history.author[name]} was changed"
                touched += 1
    assert min(put_back, touched) > HISTORIES // 2  # both cases were met often enough to count
