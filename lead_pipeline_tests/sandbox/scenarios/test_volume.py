from time import perf_counter

import phonenumbers

from lead_pipeline.sandbox.dievio_api.filters import passes, wanted_values
from lead_pipeline.sandbox.salesforce_org.ids import normalize_id
from lead_pipeline.sandbox.scenarios.scenario import CaseOutcome
from lead_pipeline.sandbox.scenarios.volume import build_volume_scenario


def test_new_leads_are_clean_and_all_different() -> None:
    scenario = build_volume_scenario(2_000)

    rows = [row for row in scenario.dievio_rows if isinstance(row, dict)]
    assert len(rows) == 2_000
    for key in ("email", "linkedin_url", "phone", "company_domain", "company_name"):
        assert len({row[key] for row in rows}) == 2_000
    assert all(phonenumbers.is_valid_number(phonenumbers.parse(row["phone"])) for row in rows)


def test_the_segment_finds_every_row() -> None:
    scenario = build_volume_scenario(300)
    (segment,) = scenario.segments

    wanted = wanted_values(segment.filters)
    assert all(passes(row, wanted, silent_rows_pass=False) for row in scenario.dievio_rows)
    assert segment.row_indexes == tuple(range(300))


def test_known_people_are_in_the_org_without_a_phone() -> None:
    scenario = build_volume_scenario(1_000, known_share=0.25, org_leads=500)

    leads = {lead["Id"]: lead for lead in scenario.org_records["Lead"]}
    known = [label for label in scenario.labels.values() if label.outcome is CaseOutcome.UPDATED]
    assert (len(leads), len(known)) == (750, 250)
    for label in known:
        row = scenario.dievio_rows[label.row_index]
        assert isinstance(row, dict)
        lead = leads[label.target_id]
        assert lead["Email"] == row["email"]
        assert "Phone" not in lead


def test_strangers_in_the_org_are_never_sold() -> None:
    scenario = build_volume_scenario(500, org_leads=500)

    sold = {row["email"] for row in scenario.dievio_rows if isinstance(row, dict)}
    assert sold.isdisjoint(lead["Email"] for lead in scenario.org_records["Lead"])
    assert all(normalize_id(lead["Id"]) == lead["Id"] for lead in scenario.org_records["Lead"])


def test_one_seed_gives_one_scenario() -> None:
    assert build_volume_scenario(200, seed=3) == build_volume_scenario(200, seed=3)
    assert build_volume_scenario(200, seed=3) != build_volume_scenario(200, seed=4)


def test_large_scenarios_are_made_in_seconds() -> None:
    started = perf_counter()
    build_volume_scenario(10_000)

    assert perf_counter() - started < 5.0  # seconds; about 0.4 on a free core, the rest is room for a busy machine
