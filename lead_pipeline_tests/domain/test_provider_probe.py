"""What a first row tells: paths and kinds without a value, and a mapping that begins with what was seen."""

from __future__ import annotations

import yaml

from lead_pipeline.domain.extraction import parse_source_mapping
from lead_pipeline.domain.provider_probe import draft_mapping, find_unknown_keys, find_winners, outline
from lead_pipeline_tests.lead_builders import SOURCES, load_mapping

DOCUMENT = yaml.safe_load((SOURCES / "dievio.yaml").read_text("utf-8"))


def test_an_outline_names_paths_and_kinds_and_no_value() -> None:
    row = {
        "email": "jane.doe@acme.com",
        "url": "https://acme.com/x",
        "domain": "acme.com",
        "seen": "2026-05-01T00:00:00Z",
        "phone": "+1 415 555-2671",
        "name": "Jane Doe",
        "blank": " ",
        "nothing": None,
        "flag": True,
        "size": 51,
        "emails": [{"address": "jane@acme.com"}, {"address": "other"}],
        "none": [],
        "jane.doe@acme.com": "x",
    }
    assert outline(row) == {
        "email": "e-mail",
        "url": "link",
        "domain": "link",
        "seen": "time",
        "phone": "number as text",
        "name": "text",
        "blank": "blank text",
        "nothing": "null",
        "flag": "true or false",
        "size": "number",
        "emails": "list of 2",
        "emails[0].address": "e-mail",
        "none": "list of 0",
        "(a key of another form)": "text",
    }


def test_an_outline_ends_at_a_depth_that_people_read() -> None:
    value: object = "x"
    for _ in range(9):
        value = {"a": value}
    assert outline(value) == {"a.a.a.a.a.a": "deeper than is shown"}


def test_a_draft_begins_with_the_path_that_carried_a_value_be_it_within_the_providers_object() -> None:
    rows = ["no object", {"raw": {"job_title_role": "sales"}, "linkedin_username": "jane"}, {"title": "VP"}]
    draft = draft_mapping(DOCUMENT, load_mapping(), rows)

    assert draft["fields"]["title"] == ["title", "job_title", "jobTitle"]
    assert draft["fields"]["department"][0] == "job_title_role"
    assert draft["fields"]["linkedin_url"][0] == {"path": "linkedin_username", "convert": "linkedin_username"}
    assert draft["fields"]["email"] == DOCUMENT["fields"]["email"]
    assert draft["expected"] == ["title", "linkedin_url"]
    assert parse_source_mapping(draft).version == "draft"


def test_the_first_row_that_carries_a_value_decides() -> None:
    rows = [{"job_title": "VP"}, {"title": "CEO", "location": {"country": "US"}}]
    winners = find_winners(load_mapping(), rows)
    assert (winners["title"], winners["country"]) == ("job_title", "location.country")


def test_new_keys_are_named_once_and_only_in_the_form_of_a_key() -> None:
    rows = [3, {"sector": 1}, {"sector": 2, "jane@acme.com": 1, "email": "x@y.z"}]
    assert find_unknown_keys(load_mapping(), rows) == ("sector",)
