"""Normalizing a batch in the database: conservation, ids that stay, and re-runs that change nothing settled."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

import pytest
from psycopg.types.json import Jsonb

from lead_pipeline.domain.drift import find_drift
from lead_pipeline.domain.leads import NormalizedLead
from lead_pipeline.domain.ownership import OwnerRules
from lead_pipeline.services.normalize import NormalizeSummary, normalize_batch
from lead_pipeline.store import leads as lead_store
from lead_pipeline.store.database import Database
from lead_pipeline.store.migrations import apply_migrations
from lead_pipeline_tests.lead_builders import BATCH_ID, FETCHED_AT, NOW, article_row, load_mapping

OWNERS = OwnerRules(default="revops", roles={}, cases={"missing_company": "berta"})


def clock() -> datetime:
    return NOW


@pytest.fixture
def database(database_dsn: str) -> Iterator[Database]:
    database = Database(database_dsn)
    apply_migrations(database)
    yield database
    database.close()


def deliver(database: Database, payloads: Iterable[object], *, batch_id: str = BATCH_ID, page: int = 1) -> None:
    """Put rows into the database as the pull leaves them."""
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO batch (batch_id, source, created_at) VALUES (%s, 'search', %s) ON CONFLICT DO NOTHING",
            (batch_id, FETCHED_AT),
        )
        connection.cursor().executemany(
            "INSERT INTO raw_lead (batch_id, segment, page_number, row_number, payload, request_email_status,"
            " fetched_at)"
            " VALUES (%s, 'saas_us', %s, %s, %s, 'verified', %s)",
            [(batch_id, page, number, Jsonb(payload), FETCHED_AT) for number, payload in enumerate(payloads)],
        )


def run(database: Database, *, batch_id: str = BATCH_ID) -> NormalizeSummary:
    return normalize_batch(database, load_mapping(), owners=OWNERS, batch_id=batch_id, now=clock)


def leads_of(database: Database, batch_id: str = BATCH_ID) -> list[NormalizedLead]:
    with database.connect() as connection:
        return list(lead_store.read_leads(connection, batch_id))


def outcomes(database: Database) -> list[tuple[str, str]]:
    with database.connect() as connection:
        rows = connection.execute("SELECT outcome, reason_code FROM lead_outcome ORDER BY raw_lead_id").fetchall()
    return [(row["outcome"], row["reason_code"]) for row in rows]


ROWS = (
    article_row(),
    article_row(email="j.doe@acme.com", phone=None, job_title=None),  # the same profile, less complete
    article_row(company_name=None),
    "upstream timeout",
    article_row(first_name="Ann", full_name="Ann Doe", email="ann@acme.com", linkedin_url=None),
)


def test_every_row_becomes_a_lead_a_copy_or_a_quarantined_row(database: Database) -> None:
    deliver(database, ROWS)

    summary = run(database)

    assert (summary.rows, summary.leads, summary.duplicates, summary.quarantined) == (5, 2, 1, 2)
    assert summary.quarantine_reasons == {"missing_company": 1, "row_not_an_object": 1}
    assert outcomes(database) == [
        ("skipped", "duplicate_in_batch"), ("quarantine", "missing_company"), ("quarantine", "row_not_an_object"),
    ]  # fmt: skip
    assert summary.as_metadata()["reason_missing_company"] == 1


def test_a_row_in_quarantine_has_the_owner_that_the_configuration_names(database: Database) -> None:
    deliver(database, ROWS)
    run(database)

    with database.connect() as connection:
        rows = connection.execute("SELECT reasons -> 0 ->> 'code' AS code, owner FROM quarantine").fetchall()

    assert {row["code"]: row["owner"] for row in rows} == {"missing_company": "berta", "row_not_an_object": "revops"}


def test_a_lead_comes_back_from_the_database_as_it_was_normalized(database: Database) -> None:
    deliver(database, ROWS[:1])

    run(database)

    (lead,) = leads_of(database)
    assert lead.dievio_lead_id == "li-2751e2c022b8c61ce7b3780c" == lead.values["dievio_lead_id"]
    assert lead.values["phone"] == "+14155552671"
    assert lead.keys.em == "jane.doe@acme.com"
    assert lead.confidences["email"].share == 0.98
    assert lead.source_paths["title"] == "job_title"
    assert lead.fetched_at == FETCHED_AT


def test_a_second_run_settles_nothing_anew_and_leaves_the_same_leads(database: Database) -> None:
    deliver(database, ROWS)
    run(database)
    before, settled = leads_of(database), outcomes(database)

    summary = run(database)

    assert (summary.rows, summary.leads, summary.duplicates, summary.quarantined) == (2, 2, 0, 0)
    assert leads_of(database) == before
    assert outcomes(database) == settled


def test_a_row_that_arrives_later_is_a_copy_of_the_settled_one(database: Database) -> None:
    deliver(database, ROWS[:1])
    run(database)
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO lead_outcome (batch_id, raw_lead_id, outcome, reason_code, settled_at)"
            " SELECT batch_id, raw_lead_id, 'created', 'no_candidate', now() FROM lead"
        )
    deliver(database, [article_row(street="1 Main St", zip="78701")], page=2)

    run(database)

    first, second = leads_of(database)
    assert first.duplicate_of_raw_lead_id is None
    assert second.duplicate_of_raw_lead_id == first.raw_lead_id


def test_a_person_keeps_the_id_when_the_address_changes(database: Database) -> None:
    deliver(database, [article_row(linkedin_url=None)])
    run(database)
    deliver(database, [article_row()], batch_id="2026-05-05")
    run(database, batch_id="2026-05-05")
    deliver(database, [article_row(email="jane@other.com")], batch_id="2026-05-06")

    run(database, batch_id="2026-05-06")

    ids = {
        lead.dievio_lead_id for day in ("2026-05-04", "2026-05-05", "2026-05-06") for lead in leads_of(database, day)
    }
    assert len(ids) == 1
    assert ids.pop().startswith("em-")


def test_another_person_on_a_known_address_gets_an_id_of_their_own(database: Database) -> None:
    deliver(database, [article_row(linkedin_url=None)])
    run(database)
    other = article_row(first_name="Peter", full_name="Peter Doe", linkedin_url=None)
    deliver(database, [other], batch_id="2026-05-05")

    summary = run(database, batch_id="2026-05-05")

    assert summary.identity_conflicts == 1
    (jane,), (peter,) = leads_of(database), leads_of(database, "2026-05-05")
    assert jane.dievio_lead_id != peter.dievio_lead_id
    assert "identity_conflict" in peter.flags


def test_open_leads_are_one_per_person_and_can_be_narrowed(database: Database) -> None:
    deliver(database, ROWS)
    run(database)

    with database.connect() as connection:
        every = list(lead_store.read_open_leads(connection, BATCH_ID))
        one = list(lead_store.read_open_leads(connection, BATCH_ID, dievio_lead_ids=["li-2751e2c022b8c61ce7b3780c"]))

    assert [lead.values["first_name"] for lead in every] == ["Jane", "Ann"]
    assert [replace(lead, flags=()) for lead in one] == [replace(every[0], flags=())]


def test_progress_is_told_and_keys_are_counted(database: Database) -> None:
    deliver(database, [*ROWS, article_row(shoe_size=42, raw={"job_title": "x"})])
    told: list[tuple[str, int, int]] = []

    normalize_batch(
        database,
        load_mapping(),
        owners=OWNERS,
        batch_id=BATCH_ID,
        now=clock,
        on_progress=lambda *step: told.append(step),
    )

    assert told == [("normalize", 6, 6)]
    with database.connect() as connection:
        keys = lead_store.count_payload_keys(connection, BATCH_ID, raw_objects=load_mapping().raw_objects)
        assert sum(len(rows) for rows in lead_store.read_rows(connection, BATCH_ID)) == 6
    assert keys.row_count == 5
    assert keys.key_counts["raw.job_title"] == 1
    assert find_drift(keys.key_counts, row_count=keys.row_count, mapping=load_mapping()).new_keys == {"shoe_size": 1}
