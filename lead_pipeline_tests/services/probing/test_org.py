"""A probe of an org: what it finds, that it leaves nothing behind, and that production is never written to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import pytest

from lead_pipeline.domain.findings import Finding, Severity
from lead_pipeline.domain.record_answers import AnswerKind, ConditionalUpdate, RecordAnswer, Remedy
from lead_pipeline.errors import ConfigurationError
from lead_pipeline.salesforce.records import Record
from lead_pipeline.services.probing.org import OrgProbe, probe_org, require_test_org
from lead_pipeline_tests.fakes_salesforce import FakeSalesforce
from lead_pipeline_tests.services.probing.conftest import TrialBench

TOKEN = "abc123"
REFUSED = RecordAnswer(kind=AnswerKind.NOT_DONE, remedy=Remedy.REVIEW, error_code="FIELD_CUSTOM_VALIDATION_EXCEPTION")


class ProbedFake(FakeSalesforce):
    """An org that can be told to behave otherwise, and to delete."""

    is_condition_ignored = False
    is_update_refused = False
    are_ids_held = False
    may_delete = True

    def query(self, soql: str) -> Iterator[Record]:
        yield from self.query_many([soql])[0]

    def update_conditionally(self, object_name: str, updates: Sequence[ConditionalUpdate]) -> list[RecordAnswer]:
        if self.is_update_refused:
            return [REFUSED] * len(updates)
        answers = super().update_conditionally(object_name, updates)
        done = RecordAnswer(kind=AnswerKind.DONE, remedy=Remedy.NONE)
        return [done] * len(updates) if self.is_condition_ignored else answers

    def find(self, external_ids: Collection[str]) -> tuple[str, ...]:
        return tuple(
            record_id
            for record_id, record in self.records.items()
            if record.get("Dievio_Lead_ID__c") in external_ids and not record["IsDeleted"]
        )

    def remove(self, external_ids: Collection[str]) -> int:
        if not self.may_delete:
            raise ConfigurationError("Salesforce", what="may not delete", repair="nothing")
        found = self.find(external_ids)
        for record_id in found:
            if self.are_ids_held:
                self.records[record_id]["IsDeleted"] = True
            else:
                del self.records[record_id]
        return len(found)


def probe(org: Any, cleaner: Any | None = None) -> OrgProbe:
    return probe_org(org, cleaner or org, token=TOKEN, wait=lambda _: None)


def codes(findings: Sequence[Finding]) -> list[str]:
    return [finding.code for finding in findings]


def test_a_good_org_passes_every_trial_and_is_left_as_it_was(trials: TrialBench) -> None:
    before = trials.living_leads()

    result = probe(trials.client("integration"), trials.client("admin").probe_records())

    assert codes(result.findings) == ["probe_insert", "probe_condition", "probe_bulk", "probe_id_free"]
    assert {finding.severity for finding in result.findings} == {Severity.NOTE}
    assert (result.made, result.removed) == (3, 3)
    assert trials.living_leads() == before
    written = {(entry["after"] or {}).get("Dievio_Lead_ID__c") for entry in trials.org.store.journal()}
    assert written - {None} == {f"probe-{TOKEN}-1", f"probe-{TOKEN}-2"}


def test_an_id_that_is_not_unique_is_found_by_a_bulk_row_that_should_have_been_refused(trials: TrialBench) -> None:
    trials.org.change_schema("Lead", {"fields": [{"name": "Dievio_Lead_ID__c", "unique": False}]})
    before = trials.living_leads()

    result = probe(trials.client("integration"), trials.client("admin").probe_records())

    assert codes(result.findings)[:3] == ["probe_insert", "probe_condition", "probe_bulk_differs"]
    assert trials.living_leads() == before


def test_an_org_that_refuses_the_first_lead_is_asked_nothing_more(trials: TrialBench) -> None:
    rule = {"name": "No", "formula": "TRUE", "message": "no leads today"}
    trials.org.change_schema("Lead", {"validation_rules": [rule]})

    result = probe(trials.client("integration"), trials.client("admin").probe_records())

    assert codes(result.findings) == ["probe_insert_refused"]
    assert "FIELD_CUSTOM_VALIDATION_EXCEPTION" in result.findings[0].what
    assert (result.made, result.removed) == (0, 0)


def test_a_condition_that_is_ignored_is_an_error() -> None:
    org = ProbedFake()
    org.is_condition_ignored = True
    assert codes(probe(org).findings)[1] == "probe_condition_ignored"


def test_a_refused_update_is_an_error() -> None:
    org = ProbedFake()
    org.is_update_refused = True
    assert codes(probe(org).findings)[1] == "probe_update_refused"


def test_an_id_that_stays_taken_after_a_deletion_is_a_warning() -> None:
    org = ProbedFake()
    org.are_ids_held = True
    found = probe(org).findings[-1]
    assert (found.code, found.severity) == ("probe_id_held", Severity.WARNING)


def test_what_cannot_be_taken_away_is_named() -> None:
    org = ProbedFake()
    org.may_delete = False
    result = probe(org)
    assert codes(result.findings)[-2:] == ["probe_broken", "probe_left_records"]
    assert f"probe-{TOKEN}-1, probe-{TOKEN}-2" in result.findings[-1].what


def test_records_of_others_are_never_deleted(trials: TrialBench) -> None:
    with pytest.raises(ValueError, match="not an id of a probe"):
        trials.client("admin").probe_records().remove(["li:somebody"])


def test_an_admin_of_another_org_is_refused() -> None:
    orgs = [lambda _, name=name: iter([{"Id": name, "IsSandbox": True}]) for name in ("one", "two")]
    with pytest.raises(ConfigurationError, match="belongs to another org"):
        require_test_org(*orgs)


def test_an_org_in_production_is_refused_before_anything_is_written_or_bought(trials: TrialBench) -> None:
    trials.org.store.run('UPDATE "Organization" SET IsSandbox = 0')

    result = trials.doctor()

    assert isinstance(result.exception, ConfigurationError)
    assert "does not lead to a sandbox org" in str(result.exception)
    assert trials.org.store.journal() == []
    assert trials.dievio.rows_charged == 0
    assert list(trials.directory.iterdir()) == []


def test_without_somebody_who_may_take_the_records_away_nothing_is_written(trials: TrialBench) -> None:
    result = trials.doctor(SALESFORCE_ADMIN_ACCESS_TOKEN="")

    assert isinstance(result.exception, ConfigurationError)
    assert trials.org.store.journal() == []
