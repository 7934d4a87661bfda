"""Builds the emulated systems of one home directory and fills them on their first start.

What a scenario holds is told by `scenarios`; how the systems are served and found again, by `processes`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Container, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal, Self

from starlette.applications import Starlette

from lead_pipeline.sandbox import contact_api, dievio_api, lead_platform_api, salesforce_org
from lead_pipeline.sandbox.errors import SandboxError
from lead_pipeline.sandbox.scenarios.contact_people import build_contact_people
from lead_pipeline.sandbox.scenarios.demo import build_demo_scenario
from lead_pipeline.sandbox.scenarios.scenario import DemoScenario

Scenario = Literal["demo", "empty"]
Edition = Literal["demo", "stock"]

SETUP_FILE = "setup.json"


class SandboxSetupError(SandboxError):
    """The sandbox of this home exists already, with another setup than the one asked for."""

    def __init__(self, *, asked: Setup, found: Setup) -> None:
        super().__init__(
            f"this sandbox was set up with org {found.org} and scenario {found.scenario}, not org {asked.org} and "
            f"scenario {asked.scenario}: replace it by lead-pipeline sandbox reset --org {asked.org} --scenario "
            f"{asked.scenario}, or keep it and use another LEAD_PIPELINE_HOME"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a sandbox was filled with.

    Attributes:
        scenario: `demo` with records and rows, or `empty`.
        org: `demo` with our custom fields, or `stock` without.
        filled_on: UTC day on which it was filled; everything in the scenario lies before.
    """

    scenario: Scenario
    org: Edition
    filled_on: str

    @classmethod
    def of_today(cls, *, scenario: Scenario, org: Edition) -> Self:
        """Return a setup that is filled today."""
        return cls(scenario=scenario, org=org, filled_on=datetime.now(UTC).date().isoformat())

    @property
    def day(self) -> date:
        """The day on which it was filled."""
        return date.fromisoformat(self.filled_on)

    def is_like(self, other: Setup) -> bool:
        """Whether both hold the same, whenever they were filled."""
        return (self.scenario, self.org) == (other.scenario, other.org)


def read_setup(state: Path) -> Setup | None:
    """Return what the systems below `state` were filled with; `None` when they never were, or not to the end."""
    file = state / SETUP_FILE
    return Setup(**json.loads(file.read_text())) if file.exists() else None


def write_setup(state: Path, setup: Setup) -> None:
    """Note that the systems below `state` are filled."""
    part = state / f"{SETUP_FILE}.part"
    part.write_text(json.dumps(asdict(setup)))
    part.rename(state / SETUP_FILE)


def clear_state(state: Path) -> None:
    """Remove everything that the systems below `state` hold."""
    shutil.rmtree(state, ignore_errors=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The emulated systems."""

    salesforce: Starlette
    dievio: Starlette
    lead_platform: Starlette
    contact_api: Starlette


def open_world(state: Path, setup: Setup) -> World:
    """Build the systems from their state below `state`, filling them first when they are new.

    Raises:
        SandboxSetupError: They were set up otherwise.
    """
    found = read_setup(state)
    if found is None:
        clear_state(state)
        state.mkdir(parents=True)
    elif not found.is_like(setup):
        raise SandboxSetupError(asked=setup, found=found)
    world = _build(state, found or setup)
    if found is None:
        world.salesforce.state.plane.reset({})
        write_setup(state, setup)
    return world


def _build(state: Path, setup: Setup) -> World:
    scenario = _load_scenario(setup)
    salesforce = salesforce_org.create_app(state_path=state / "salesforce.sqlite", org=setup.org)

    def reset_org(_options: Mapping[str, object]) -> None:
        salesforce.state.org.reset()
        for object_name, records in scenario.org_records.items():
            known = salesforce.state.org.schema(object_name).fields
            fitting = records if setup.org == "demo" else [_only(known, record) for record in records]
            salesforce.state.org.load(object_name, fitting)

    salesforce.state.plane.reset = reset_org
    return World(
        salesforce=salesforce,
        dievio=dievio_api.create_app(state_path=state / "dievio.sqlite", seed_rows=scenario.dievio_rows),
        lead_platform=lead_platform_api.create_app(state_path=state / "lead_platform.sqlite"),
        contact_api=contact_api.create_app(
            state_path=state / "contact_api.sqlite", people=build_contact_people(scenario.dievio_rows)
        ),
    )


def _only(known: Container[str], record: Mapping[str, object]) -> dict[str, object]:
    """Return a record without the custom fields that a stock org does not have."""
    return {name: value for name, value in record.items() if name in known}


def _load_scenario(setup: Setup) -> DemoScenario:
    if setup.scenario == "empty":
        return DemoScenario(org_records={}, dievio_rows=[], segments=(), labels={})
    return build_demo_scenario(partition_on=setup.day)
