"""What a rep types between our read and our write is never lost, at whatever point of a night it is typed."""

import pytest

from lead_pipeline_tests.reliability.evidence import count_outcomes, find_breaches
from lead_pipeline_tests.reliability.kills import find_repeated_work, run_undisturbed
from lead_pipeline_tests.reliability.laboratory import Experiment, Laboratory, RepEdit
from lead_pipeline_tests.reliability.worlds import build_volume_world

UPDATES_ROUTE = "composite"
EVERY_POINTS = 24  # requests of a night up to its last update call


def place_edits(experiment: Experiment, known_ids: tuple[str, ...]) -> None:
    """Have the rep type into every known record: half of them while our own update is on its way, half anywhere.

    The sandbox makes the edit when a request has arrived and before it is handled: nothing can come closer to a write.
    """
    edits = [RepEdit(record_id, "Phone", f"+44 20 7946 {number:04}") for number, record_id in enumerate(known_ids)]
    moments = [
        {"route": UPDATES_ROUTE, "body_contains": f"sobjects/Lead/{edit.salesforce_id}", "times": 1}
        if number % 2
        else {"nth": 1 + number // 2 % EVERY_POINTS}
        for number, edit in enumerate(edits)
    ]
    experiment.fault(
        *(
            {"kind": "edit", "id": edit.salesforce_id, "fields": {edit.field: edit.value}, **moment}
            for edit, moment in zip(edits, moments, strict=True)
        )
    )
    experiment.edits.extend(edits)


def count_made_edits(experiment: Experiment) -> int:
    """Return how many of the edits the org has seen."""
    return sum(rule["fired"] for rule in experiment.faults())


def assert_nothing_is_lost(laboratory: Laboratory, placements: int) -> None:
    world = build_volume_world(placements + 10, known_share=placements / (placements + 10))
    with laboratory.experiment(world) as experiment:
        place_edits(experiment, world.known_ids)

        ended = run_undisturbed(experiment)

        assert count_made_edits(experiment) >= 0.95 * placements
        experiment.end_faults()
        assert ended.is_complete, ended
        typed = {(edit.salesforce_id, edit.value) for edit in experiment.edits}
        replaced = [
            entry["id"]
            for entry in experiment.our_commits()
            if (entry["id"], (entry["before"] or {}).get("Phone")) in typed
        ]
        assert replaced == []
        assert [breach for breach in find_breaches(experiment) if "is lost" not in breach] == []
        assert find_repeated_work(experiment) == []
        assert count_outcomes(experiment)["created"] == 10


def test_a_hundred_edits_all_over_a_night_stand(laboratory: Laboratory) -> None:
    assert_nothing_is_lost(laboratory, 100)


@pytest.mark.slow
def test_a_thousand_edits_all_over_a_night_stand(laboratory: Laboratory) -> None:
    assert_nothing_is_lost(laboratory, 1_000)
