"""Updates through Bulk jobs behind the guard in the org: what a rep types after our reading stands all the same."""

from dataclasses import replace

import pytest
from pydantic import SecretStr

from lead_pipeline.domain.org_package.build import build_org_package
from lead_pipeline.salesforce.connection import connect
from lead_pipeline.salesforce.credentials import SalesforceCredentials
from lead_pipeline.services.org_setup import SetupTarget, apply_org_package
from lead_pipeline.services.writing.limits import WriteLimits
from lead_pipeline_tests.reliability.evidence import find_breaches
from lead_pipeline_tests.reliability.kills import find_repeated_work, run_undisturbed
from lead_pipeline_tests.reliability.laboratory import Experiment, Laboratory, RepEdit
from lead_pipeline_tests.reliability.night import NightEnd, load_packaged_config
from lead_pipeline_tests.reliability.worlds import World, build_volume_world

JOB_ROUTE = "jobs/ingest"
NEW_LEADS = 10
#: Updates of sixty leads count as many, so that a job is made of them, and what it left undone is read by id.
FEW_ARE_MANY = WriteLimits(update_bulk_threshold=20, hand_over_bulk_threshold=1_000, query_page_records=20)
MOST_CALLS = 16  # of everything between the plan and the last answer, looks at the jobs included


def install_guard(experiment: Experiment) -> None:
    """Set the org up as an admin does by `lead-pipeline org apply`."""
    sandbox = experiment.laboratory.sandbox
    config = load_packaged_config()
    token = experiment.token("admin")
    admin = connect(SalesforceCredentials(instance_url=sandbox.salesforce_url, access_token=SecretStr(token)))
    apply_org_package(
        admin,
        build_org_package(config.mappings, queues=[config.routing.holding_queue]),
        SetupTarget(holding_queue=config.routing.holding_queue, user_name="integration@sandbox.example"),
        is_dry_run=False,
        may_be_production=False,
        wait=lambda _: None,
    )
    admin.close()
    experiment.clear_ledgers()


def place_edits(experiment: Experiment, known_ids: tuple[str, ...]) -> None:
    """Have the rep type while our job is uploaded and about to begin: nothing can come closer to a job."""
    edits = [RepEdit(record_id, "Phone", f"+44 20 7946 {number:04}") for number, record_id in enumerate(known_ids)]
    experiment.fault(
        *(
            {
                "kind": "edit",
                "id": edit.salesforce_id,
                "fields": {edit.field: edit.value},
                "route": JOB_ROUTE,
                "method": "PATCH",
                "times": 1,
            }
            for edit in edits
        )
    )
    experiment.edits.extend(edits)


def play(
    laboratory: Laboratory, world: World, *, edits: int, limits: WriteLimits, is_patient: bool = False
) -> tuple[NightEnd, dict[str, int]]:
    """Run one guarded night with so many edits in between; return how it ended and the calls it made."""
    with laboratory.experiment(world, limits=limits) as experiment:
        experiment.is_patient = is_patient
        install_guard(experiment)
        place_edits(experiment, world.known_ids[:edits])

        ended = run_undisturbed(experiment)

        calls = experiment.salesforce_calls()
        assert sum(rule["fired"] for rule in experiment.faults()) == edits
        experiment.end_faults()
        assert ended.is_complete, ended
        phones = {record["Id"]: record["Phone"] for record in experiment.records("Lead", "Id, Phone")}
        assert [edit for edit in experiment.edits if phones[edit.salesforce_id] != edit.value] == []
        assert find_breaches(experiment) == []
        assert find_repeated_work(experiment) == []
    return ended, calls


def test_edits_in_front_of_a_job_stand_and_every_lead_ends_as_updated(laboratory: Laboratory) -> None:
    world = build_volume_world(60 + NEW_LEADS, known_share=60 / (60 + NEW_LEADS))
    ended, calls = play(laboratory, world, edits=30, limits=FEW_ARE_MANY)
    assert ended.updated == 60
    assert not any(route.endswith("/composite") and count > 8 for route, count in calls.items()), calls
    assert any(JOB_ROUTE in route for route in calls)


def test_without_the_guard_every_update_stays_conditional(laboratory: Laboratory) -> None:
    world = build_volume_world(30, known_share=1.0)
    with laboratory.experiment(world, limits=replace(FEW_ARE_MANY, composite_records=25)) as experiment:
        ended = run_undisturbed(experiment)
        assert ended.updated == 30
        assert not any(JOB_ROUTE in route for route in experiment.salesforce_calls())


@pytest.mark.slow
def test_ten_thousand_leads_take_few_calls_and_a_thousand_edits_stand(laboratory: Laboratory) -> None:
    world = build_volume_world(10_000, known_share=1.0)
    ended, calls = play(laboratory, world, edits=1_000, limits=WriteLimits(), is_patient=True)
    assert ended.updated == 10_000
    assert ended.calls_by_stage["write"] <= MOST_CALLS, calls
