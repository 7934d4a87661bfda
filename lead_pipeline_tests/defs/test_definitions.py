"""What Dagster loads: complete, described, gated, and loadable on a machine that has nothing yet."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

import lead_pipeline
from lead_pipeline.definitions import build_definitions
from lead_pipeline.defs.checks import ASSET_BY_STAGE
from lead_pipeline.defs.partitions import nightly_partitions
from lead_pipeline.services.gates import GATES, GateDefinition

PACKAGE = Path(lead_pipeline.__file__).parent
CHECKOUT = PACKAGE.parent

#: The way of a lead, which no value may shorten: raw -> stg -> matches -> plan -> writes -> read back -> hand over.
STAGES = (
    "raw_dievio__leads",
    "stg_dievio__leads",
    "core_leads__enrichments",
    "core_leads__matches",
    "core_leads__sync_plan",
    "sync_salesforce__writes",
    "sync_salesforce__readback",
    "sync_salesforce__handovers",
    "out_revops__run_report",
    "out_revops__enrichment_roi",
)

#: Loads the definitions while every way to the outside ends the process, and names the assets.
LOAD_WITHOUT_A_WORLD = """
import os, sys

def forbid(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo"}:
        os.write(2, f"{event} {arguments}".encode())
        os._exit(9)

sys.addaudithook(forbid)
from lead_pipeline.definitions import defs
print(len(list(defs.resolve_all_asset_specs())))
"""


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_definitions()


def test_loading_needs_no_network_no_secret_no_server_and_leaves_nothing_behind(tmp_path: Path) -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", LOAD_WITHOUT_A_WORLD],
        env={"HOME": str(tmp_path), "LEAD_PIPELINE_HOME": str(tmp_path / "home"), "PYTHONPATH": str(CHECKOUT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (loaded.returncode, loaded.stderr) == (0, "")
    assert int(loaded.stdout) == len(STAGES) + 2  # and the mirror of the org, and the look at it before
    assert list(tmp_path.iterdir()) == []


def test_dagster_validates_the_workspace_file(tmp_path: Path) -> None:
    validated = subprocess.run(
        [sys.executable, "-m", "dagster", "definitions", "validate", "-w", str(CHECKOUT / "workspace.yaml")],
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(CHECKOUT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert validated.returncode == 0, validated.stderr
    assert "All code locations passed validation" in validated.stderr + validated.stdout


def test_every_asset_is_a_daily_partition_and_says_what_it_is_and_whose(definitions: dg.Definitions) -> None:
    specs = {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}

    assert set(STAGES) < set(specs)
    for name, spec in specs.items():
        assert spec.partitions_def == nightly_partitions, name
        assert spec.description, name
        assert spec.description != "No description found", name
        assert spec.owners, name
        assert spec.kinds, name
        assert spec.group_name not in {None, "default"}, name
        assert spec.metadata["one row is"], name


def test_a_lead_passes_every_stage_and_none_is_skipped(definitions: dg.Definitions) -> None:
    parents = {
        spec.key.to_user_string(): [dep.asset_key.to_user_string() for dep in spec.deps]
        for spec in definitions.resolve_all_asset_specs()
    }

    def paths(asset: str) -> Iterator[list[str]]:
        """Every way from a source of the graph to an asset."""
        if not parents[asset]:
            yield [asset]
        for parent in parents[asset]:
            for path in paths(parent):
                yield [*path, asset]

    ways = list(paths(STAGES[-1]))
    of_a_lead = [way for way in ways if STAGES[0] in way]
    assert of_a_lead == [["org_preflight", *STAGES]]
    assert {way[0] for way in ways} == {"org_preflight"}
    assert parents["sync_salesforce__writes"] == ["core_leads__sync_plan"]


@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
def test_a_gate_is_a_check_on_its_asset_and_stops_the_run_if_it_blocks(
    definitions: dg.Definitions, gate: GateDefinition
) -> None:
    graph = definitions.resolve_asset_graph()
    key = dg.AssetCheckKey(dg.AssetKey(ASSET_BY_STAGE[gate.stage]), gate.name)

    check = graph.get(key)

    assert check.blocking is gate.is_blocking
    assert check.description == gate.title
    assert check.partitions_def == nightly_partitions


def test_the_nightly_job_holds_every_asset_and_every_check(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()

    layer = definitions.resolve_job_def("nightly_job").asset_layer

    assert set(layer.executable_asset_keys) == set(graph.materializable_asset_keys)
    assert set(layer.asset_graph.asset_check_keys) == set(graph.asset_check_keys)
    assert len(graph.asset_check_keys) == len(GATES) + 2  # and the two that look over all days


def test_a_run_of_the_night_ends_by_itself(definitions: dg.Definitions) -> None:
    job = definitions.resolve_job_def("nightly_job")

    assert 0 < int(job.tags["dagster/max_runtime"]) <= 2 * 60 * 60


def test_assets_that_talk_to_salesforce_wait_for_each_other(definitions: dg.Definitions) -> None:
    nodes: list[Any] = list(definitions.resolve_job_def("nightly_job").nodes_in_topological_order)
    pools = {node.name: node.definition.pool for node in nodes}

    talkers = {name for name, pool in pools.items() if pool == "salesforce_api"}

    assert talkers == {
        "org_preflight",
        "stg_salesforce__directory",
        "sync_salesforce__writes",
        "sync_salesforce__readback",
        "sync_salesforce__handovers",
    }


@pytest.fixture(scope="module")
def imported_packages() -> set[str]:
    """Every package that a module of the product outside the sandbox imports."""
    packages: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        if "sandbox" in path.relative_to(PACKAGE).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                packages |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                packages.add(node.module.partition(".")[0])
    return packages


@pytest.mark.parametrize("package", ["dagster", "dagster_postgres", "httpx", "simple_salesforce", "pandas", "pandera"])
def test_the_product_itself_stands_on_the_named_packages(imported_packages: set[str], package: str) -> None:
    assert package in imported_packages
