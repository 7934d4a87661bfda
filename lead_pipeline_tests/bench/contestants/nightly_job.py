"""The product: the nightly job as `lead-pipeline run` starts it, with one segment, that of the measurement."""

import importlib.resources
import os
from pathlib import Path
from typing import Any

import yaml

from lead_pipeline.apps.nightly import NightlyRun, open_instance, run_nightly
from lead_pipeline.connections import Connections
from lead_pipeline.defs.resources import SilentProgress
from lead_pipeline.domain.run_report import RunReport
from lead_pipeline.errors import UnknownBatchError
from lead_pipeline.services.report import build_report
from lead_pipeline.settings import load_settings
from lead_pipeline_tests.bench.contestants import ContestantTask, RowCounts

ACTOR = "bench"
UNLIMITED_PER_SECOND = 1_000  # the sandbox sets no rate; the polite default would only add waiting
ROWS_TO_SPARE = 100  # the night reads the search to its end, so that the next one starts over with the same rows
CREDITS_PER_LEAD = 2  # one is charged; the rest is room, so that the budget never decides


class NightlyJob:
    """The run of one night, with Dagster's instance open and all tables up to date."""

    def __init__(self, task: ContestantTask) -> None:
        # Dagster's storage finds its server by the environment, as for every command of the product.
        os.environ.update(_environment(task, write_configuration(task)))
        self._night_on = task.night_on
        self._settings = load_settings()
        self._instance = open_instance(self._settings)
        with Connections(self._settings) as connections:
            connections.database.close()
        self._ended: NightlyRun | None = None

    def run(self) -> None:
        """Materialize the night."""
        with self._instance:
            self._ended = run_nightly(
                self._settings, self._instance, batch_id=self._night_on, progress=SilentProgress(), actor=ACTOR
            )

    def count(self) -> RowCounts:
        """Read the run report; a run that a gate or an error stopped is a problem."""
        assert self._ended is not None
        report = self._make_report(self._ended)
        failed_gates = (
            [f"{gate.name}: {gate.description}" for gate in report.gates if not gate.passed] if report else []
        )
        return RowCounts(
            written=report.created + report.updated if report else 0,
            refused=report.dead_letter if report else 0,
            problem=None if self._ended.is_success else "; ".join((*self._ended.errors, *failed_gates)),
        )

    def _make_report(self, ended: NightlyRun) -> RunReport | None:
        with Connections(self._settings) as connections:
            try:
                return build_report(
                    connections.database,
                    batch_id=ended.batch_id,
                    run_id=ended.run_id,
                    started_at=ended.started_at,
                    now=connections.now,
                )
            except UnknownBatchError:
                return None


prepare = NightlyJob


def write_configuration(task: ContestantTask) -> Path:
    """Write the files that differ from the defaults and return their directory."""
    directory = Path(task.home) / "config"
    directory.mkdir(parents=True, exist_ok=True)
    dievio = _packaged("dievio")
    dievio["rate"] |= {"per_second": UNLIMITED_PER_SECOND, "burst": UNLIMITED_PER_SECOND}
    for name, document in (("segments", _segments(task)), ("dievio", dievio)):
        (directory / f"{name}.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    return directory


def _segments(task: ContestantTask) -> dict[str, Any]:
    return {
        "segments": {
            "bench": {
                "description": "The leads of the measurement",
                "owner": "bench",
                "filters": dict(task.filters),
                "email_status": "all",
                "rows_per_night": task.leads + ROWS_TO_SPARE,
                "credit_budget": CREDITS_PER_LEAD * task.leads,
                "include_phones": True,
            }
        }
    }


def _packaged(name: str) -> dict[str, Any]:
    file = importlib.resources.files("lead_pipeline.config") / f"{name}.yaml"
    document: dict[str, Any] = yaml.safe_load(file.read_text("utf-8"))
    return document


def _environment(task: ContestantTask, config_directory: Path) -> dict[str, str]:
    return {
        "SALESFORCE_INSTANCE_URL": task.salesforce_url,
        "SALESFORCE_CLIENT_ID": task.client_id,
        "SALESFORCE_CLIENT_SECRET": task.client_secret,
        "DIEVIO_BASE_URL": task.dievio_url,
        "DIEVIO_API_KEY": task.dievio_api_key,
        "LEAD_PIPELINE_DATABASE_URL": task.database_url,
        "LEAD_PIPELINE_HOME": task.home,
        "LEAD_PIPELINE_CONFIG_DIR": str(config_directory),
    }
