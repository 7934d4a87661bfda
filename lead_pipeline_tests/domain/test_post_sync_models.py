"""The pandera models behind the nine gates: a clean frame passes, one broken row is named with its words and its id."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa
import pytest

from lead_pipeline.config.loading import load_document
from lead_pipeline.domain import post_sync
from lead_pipeline.domain.gate_settings import parse_gate_settings
from lead_pipeline.domain.quality import inspect_frame
from lead_pipeline.domain.record_answers import AnswerKind, RecordAnswer, Remedy
from lead_pipeline.domain.searches import LookupRequest, SearchPage

SETTINGS = parse_gate_settings(load_document("gates"))
FIELD_MODELS = {
    post_sync.RequiredFieldsModel: "created records lack a required field",
    post_sync.SpotCheckModel: "fields hold another value than was written",
    post_sync.NoTruncationModel: "texts were cut without a declared trim",
    post_sync.FormatsModel: "phones are not E.164, or e-mails, countries or links have a wrong form",
    post_sync.SourceAttributionModel: "created records do not say where they come from",
    post_sync.FreshnessModel: "time stamps of the sync are missing or older than what was written",
}


@pytest.mark.parametrize(("model", "words"), FIELD_MODELS.items(), ids=[model.__name__ for model in FIELD_MODELS])
def test_a_field_gate_names_the_broken_lead_in_its_own_words(model: type[pa.DataFrameModel], words: str) -> None:
    clean = post_sync.field_frame([("lead-1", "Phone", True), ("lead-2", "Phone", True)])
    broken = post_sync.field_frame([("lead-1", "Phone", True), ("lead-2", "Phone", False)])

    assert inspect_frame(clean, model, id_column="dievio_lead_id").failed_count == 0
    finding = inspect_frame(broken, model, id_column="dievio_lead_id")
    assert (finding.failed_ids, finding.failed_count, finding.checked_count) == (("lead-2",), 1, 2)
    assert finding.faults == {words: 1}


@pytest.mark.parametrize(
    ("model", "row", "words"),
    [
        (post_sync.RecordCountModel, {"is_settled": False, "is_present": True}, "eligible leads have no outcome"),
        (
            post_sync.RecordCountModel,
            {"is_settled": True, "is_present": False},
            "written records are missing or deleted in Salesforce",
        ),
        (
            post_sync.OwnershipModel,
            {"is_expected_owner": False, "is_active_owner": True},
            "created records do not belong to the holding owner",
        ),
        (
            post_sync.OwnershipModel,
            {"is_expected_owner": True, "is_active_owner": False},
            "created records belong to nobody active",
        ),
        (post_sync.DuplicatesModel, {"other_records": 1}, "persons have a second live record in the org"),
    ],
)
def test_a_record_gate_names_the_broken_lead_in_its_own_words(
    model: type[pa.DataFrameModel], row: dict[str, object], words: str
) -> None:
    clean = {name: 0 if name == "other_records" else True for name in row}
    frame = pd.DataFrame([{"dievio_lead_id": "lead-1", **clean}, {"dievio_lead_id": "lead-2", **row}])

    finding = inspect_frame(frame, model, id_column="dievio_lead_id")

    assert (finding.failed_ids, finding.faults) == (("lead-2",), {words: 1})


def test_a_missing_record_and_a_field_we_only_stamp_are_not_compared() -> None:
    common = {
        "dievio_lead_id": "lead-1",
        "object_name": "Lead",
        "is_created": True,
        "trims": {},
        "expected_owner_id": None,
        "active_owner_ids": frozenset({"0051"}),
        "is_out_of_hands": False,
    }
    missing = post_sync.WrittenRecord(sent={"Title": "Head"}, held=None, **common)  # type: ignore[arg-type]
    stamped = post_sync.WrittenRecord(
        sent={"Dievio_Last_Op__c": "op", "OwnerId": "00G1", "Employee_Count__c": 12},
        held={"Dievio_Last_Op__c": "other", "OwnerId": "0051", "Employee_Count__c": 12.0},
        **common,  # type: ignore[arg-type]
    )

    assert list(post_sync.check_written_values([missing], SETTINGS)) == []
    assert list(post_sync.check_written_values([stamped], SETTINGS)) == [("lead-1", "Employee_Count__c", True)]
    assert list(post_sync.check_whole_texts([stamped], SETTINGS)) == []
    assert list(post_sync.check_freshness([stamped], SETTINGS)) == []


def test_a_contact_need_not_say_where_it_comes_from() -> None:
    contact = post_sync.WrittenRecord(
        dievio_lead_id="lead-1",
        object_name="Contact",
        is_created=True,
        sent={},
        held={"Id": "0031"},
        trims={},
        expected_owner_id=None,
        active_owner_ids=frozenset(),
        is_out_of_hands=False,
    )

    assert list(post_sync.check_source_attribution([contact], SETTINGS)) == []


def test_only_a_complete_success_counts_as_done() -> None:
    answers = {kind: RecordAnswer(kind=kind, remedy=Remedy.NONE).is_done for kind in AnswerKind}

    assert answers == {AnswerKind.DONE: True, AnswerKind.NOT_DONE: False, AnswerKind.UNKNOWN: False}


def test_a_lookup_asks_for_all_its_profiles_and_keeps_misses_visible() -> None:
    body = LookupRequest(linkedin_urls=("https://www.linkedin.com/in/a", "https://www.linkedin.com/in/b")).as_body()

    assert body["linkedinUrls"] == ["https://www.linkedin.com/in/a", "https://www.linkedin.com/in/b"]
    assert body["onlyWithEmails"] is False
    assert body["max_results"] == 100


def test_a_page_costs_its_rows_whatever_the_server_counts() -> None:
    page = SearchPage(body="{}", rows=({}, {}), has_more=False, next_page=None, total_count=500)

    assert page.credits == 2
