"""What must hold over several nights: nobody twice, nothing typed overwritten, nothing lost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lead_pipeline.sandbox.salesforce_org.lifecycle import Lifecycle
from lead_pipeline_tests.services.night_bench import NightBench, day, page_text, row
from lead_pipeline_tests.services.write_bench import WriteBench

PHONE = "+14155552671"
ONE_DAY = timedelta(days=1)


@pytest.fixture
def nights(bench: WriteBench) -> NightBench:
    """Nights on the servers of the write bench, before an org that is empty again."""
    bench.emulated.org.reset()
    return NightBench(database=bench.database, emulated=bench.emulated, client=bench.client)


def lifecycle(nights: NightBench) -> Lifecycle:
    admin = nights.emulated.org.find_user("admin")
    assert admin is not None
    return Lifecycle(nights.emulated.org, admin)


# --- nobody gets a second record ---

#: Two rows of one night that may be one person, and what the second one is asked about.
TWINS = {
    "profile here, address there": ({"email": None}, {"linkedin_url": None}, "link_conflict"),
    "only name and company in common": (
        {"email": None, "company_domain": None},
        {"linkedin_url": None, "company_domain": None, "email": "jane.doe@gmail.com"},
        "name_and_company_only",
    ),
    "a tag in the address": (
        {"linkedin_url": None},
        {"linkedin_url": None, "email": "jane.doe+crm@acme.com"},
        "work_email_differs",
    ),
    "same private phone at two companies": (
        {"phone": PHONE, "linkedin_url": None},
        {
            "phone": PHONE, "linkedin_url": None, "company_name": "Other Ltd", "company_domain": "other.com",
            "email": "jane@other.com",
        },
        "may_have_changed_job",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("first", "second", "question"), TWINS.values(), ids=TWINS)
def test_what_may_be_one_person_is_made_once_a_night(
    nights: NightBench, first: dict[str, object], second: dict[str, object], question: str
) -> None:
    outcomes = nights.night(day(1), row(**first), row(**second))

    assert outcomes == {"created": 1, "review": 1}
    assert sorted(nights.reasons_of(day(1))) == sorted(["new_person", question])
    assert len(nights.live_leads()) == 1


#: What changed about a known person by the second night -> how that night ends.
CHANGES = {
    "nothing": ({}, {"skipped": 1}),
    "address in capitals, no profile": ({"email": "JANE.DOE@ACME.COM", "linkedin_url": None}, {"skipped": 1}),
    "an invisible letter in the address": ({"email": "jane.doe@acme.com\u200b", "linkedin_url": None}, {"skipped": 1}),
    "new address and new profile": (
        {"email": "jdoe@acme.com", "linkedin_url": "https://www.linkedin.com/in/jane-doe-2"},
        {"review": 1},
    ),
    "new profile": ({"linkedin_url": "https://www.linkedin.com/in/jane-doe-2"}, {"review": 1}),
    "new company under the old profile": (
        {"company_name": "Acme Global", "company_domain": "acmeglobal.com", "email": "jane.doe@acmeglobal.com"},
        {"updated": 1},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "outcomes"), CHANGES.values(), ids=CHANGES)
def test_a_known_person_keeps_one_record_whatever_changes(
    nights: NightBench, changes: dict[str, object], outcomes: dict[str, int]
) -> None:
    nights.night(day(1), row())

    assert nights.night(day(2), row(**changes)) == outcomes
    assert len(nights.live_leads()) == 1


def test_two_searches_that_find_one_person_on_two_nights_make_one_record(nights: NightBench) -> None:
    nights.night(day(1), first=[row()])
    nights.night(day(2), second=[row()])

    assert nights.night(day(3), first=[row()], second=[row()]) == {"skipped": 2}
    assert len(nights.live_leads()) == 1


def test_a_record_that_a_rep_makes_during_the_night_is_found_in_time(nights: NightBench) -> None:
    nights.deliver(day(1), {"plain": page_text([row()])})
    nights.mirror()
    nights.normalize(day(1))
    nights.decide(day(1))
    nights.create(
        {"FirstName": "Jane", "LastName": "Doe", "Company": "Acme Inc.", "Email": "jane.doe@acme.com", "Title": "Typed"}
    )
    nights.wait(10)

    nights.write(batch_id=day(1))

    assert [record["Title"] for record in nights.live_leads()] == ["Typed"]


def test_a_chain_of_merges_leads_to_the_record_that_lives(nights: NightBench) -> None:
    nights.night(day(1), row())
    first = nights.live_leads()[0]["Id"]
    second, third = nights.load("Lead", *({"FirstName": "Jane", "LastName": "Doe", "Company": "Acme Inc."},) * 2)
    lifecycle(nights).merge(second, [first])
    nights.wait(3600)
    lifecycle(nights).merge(third, [second])
    nights.wait(3600)

    assert nights.night(day(2), row(job_title="CEO")) == {"updated": 1}
    assert [(record["Id"], record["Title"]) for record in nights.live_leads()] == [(third, "CEO")]


def test_a_deleted_person_is_a_question_until_the_record_is_back(nights: NightBench) -> None:
    nights.night(day(1), row())
    record_id = nights.live_leads()[0]["Id"]
    nights.delete(record_id)
    nights.wait(3600)
    assert nights.night(day(2), row(job_title="CEO")) == {"review": 1}
    lifecycle(nights).undelete(record_id)
    nights.wait(3600)

    assert nights.night(day(3), row(job_title="CFO")) == {"updated": 1}
    assert [record["Id"] for record in nights.live_leads()] == [record_id]


def test_a_converted_person_lives_on_as_a_contact_and_is_not_made_again_when_that_is_deleted(
    nights: NightBench,
) -> None:
    nights.night(day(1), row())
    converted = lifecycle(nights).convert(nights.live_leads()[0]["Id"], {})
    nights.wait(3600)
    assert nights.night(day(2), row(job_title="CEO")) == {"updated": 1}
    nights.delete(converted.contact_id)
    nights.wait(3600)

    assert nights.night(day(3), row(job_title="CFO")) == {"review": 1}
    assert nights.reasons_of(day(3)) == ["record_gone"]
    assert nights.live_leads() == []


def test_a_lead_and_a_contact_of_one_person_are_answered_by_the_contact(nights: NightBench) -> None:
    person = {"FirstName": "Jane", "LastName": "Doe", "Email": "jane.doe@acme.com"}
    nights.load("Contact", person)
    nights.load("Lead", {**person, "Company": "Acme Inc."})

    assert nights.night(day(1), row(phone=PHONE)) == {"updated": 1}
    assert [record["Phone"] for record in nights.live_leads()] == [None]
    assert [record["Phone"] for record in nights.records("Contact")] == [PHONE]


# --- nothing a rep typed is overwritten, and nothing fresh by something stale ---


def test_what_a_rep_corrected_or_removed_stays_so(nights: NightBench) -> None:
    nights.night(day(1), row(phone=PHONE))
    record_id = nights.live_leads()[0]["Id"]
    typed = {"Email": "j.doe@acme.com", "Title": None, "Phone": None, "LinkedIn_URL__c": None}
    nights.edit(record_id, typed)
    nights.wait(3600)

    nights.night(day(2), row(phone=PHONE))

    assert {name: nights.live_leads()[0][name] for name in typed} == typed


def test_a_new_value_fills_what_a_rep_emptied(nights: NightBench) -> None:
    nights.night(day(1), row(phone=PHONE))
    nights.edit(nights.live_leads()[0]["Id"], {"Phone": None})
    nights.wait(3600)

    nights.night(day(2), row(phone="+14155550142"))

    assert nights.live_leads()[0]["Phone"] == "+14155550142"


def test_an_old_day_finished_late_does_not_overwrite_a_later_one(nights: NightBench) -> None:
    nights.deliver(day(1), {"plain": page_text([row(job_title="Old")])})
    nights.wait(ONE_DAY.total_seconds())
    nights.night(day(2), row(job_title="New"))

    nights.finish(day(1))

    assert nights.live_leads()[0]["Title"] == "New"


def test_an_old_day_finished_late_does_not_overwrite_what_a_later_one_confirmed(nights: NightBench) -> None:
    nights.night(day(1), row(job_title="Right"))
    nights.deliver(day(2), {"plain": page_text([row(job_title="Passing")])})
    nights.wait(ONE_DAY.total_seconds())
    assert nights.night(day(3), row(job_title="Right")) == {"skipped": 1}

    nights.finish(day(2))

    assert nights.live_leads()[0]["Title"] == "Right"


# --- nothing is lost ---


def test_a_night_without_rows_before_an_org_without_records_is_complete(nights: NightBench) -> None:
    assert nights.night(day(1)) == {}


ABSURD = {
    "NUL": {"first_name": "Ja\x00ne"},
    "half a surrogate pair": {"first_name": "Ja\ud800ne"},
    "the first hours of the calendar": {"last_enriched_at": "0001-01-01T00:00:00+14:00"},
    "400 digits": {"employee_count": 10**400, "email_confidence": 10**400},
    "5,000 characters": dict.fromkeys(("job_title", "company_domain", "city", "id", "department"), "x1y2z" * 1_000),
    "numbers as text and text as numbers": {"employee_count": "1,200", "phone": 4155552671, "postal_code": 94105},
    "objects where values belong": {"email": {"address": "x"}, "phone": [["1"]], "job_title": {"a": [{"b": {}}]}},
}


@pytest.mark.parametrize("junk", ABSURD.values(), ids=ABSURD)
def test_an_absurd_row_holds_up_neither_itself_nor_its_neighbour(nights: NightBench, junk: dict[str, object]) -> None:
    neighbour = row(first_name="Bob", last_name="Ray", email="bob@x.com", linkedin_url=None)

    assert nights.night(day(1), row(**junk), neighbour) == {"created": 2}
    assert nights.night(day(2), row(**junk), neighbour) == {"skipped": 2}
