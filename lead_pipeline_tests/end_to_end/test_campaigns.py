"""A whole night with a Campaign: turned away at first, then planned, added, reported, and not added again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lead_pipeline_tests.end_to_end.nights import YESTERDAY
from lead_pipeline_tests.end_to_end.small_worlds import SmallWorld, open_small_world

TURNS_MEMBERS_AWAY = {
    "kind": "status",
    "status": 503,
    "route": "composite/sobjects",
    "method": "POST",
    "body_contains": "CampaignMember",
}


def members(world: SmallWorld) -> list[dict[str, Any]]:
    return [entry for entry in world.journal() if entry["object"] == "CampaignMember" and entry["op"] == "create"]


def night(world: SmallWorld) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(world.call("run", "--date", YESTERDAY, "--json").output)
    return report


@pytest.mark.slow
def test_the_new_leads_of_a_night_become_members_once(tmp_path: Path, database_dsn: str) -> None:
    with open_small_world(tmp_path, database_dsn, leads=40) as world:
        (campaign_id,) = world.org.load("Campaign", [{"Name": "Spring", "IsActive": True}])
        file = world.config_directory / "campaigns.yaml"
        file.write_text(f'version: 1\ncampaigns: {{other: {{campaign_id: "{campaign_id}"}}}}\n', "utf-8")

        world.order_fault("SALESFORCE_INSTANCE_URL", **TURNS_MEMBERS_AWAY)
        turned_away = world.call("run", "--date", YESTERDAY)
        world.end_faults("SALESFORCE_INSTANCE_URL")
        before = members(world)
        report = night(world)
        made = members(world)
        again = night(world)
        planned = json.loads(world.call("plan", "--date", YESTERDAY, "--json").output)

        assert (turned_away.exit_code, before) == (1, [])
        assert "hand-over of 2" in turned_away.errors
        assert "got no clear answer" in turned_away.errors
        line = {"campaign_id": campaign_id, "state": "added", "error_code": "", "leads": report["created"]}
        assert report["campaigns"] == again["campaigns"] == [line]
        assert len(made) == report["created"] > 0
        assert members(world) == made
        assert "campaign_members_to_add" not in planned["plan"]
