"""Every gate as an asset check, made by one factory from the registry of gates.

A gate's rule, words and threshold belong to `services/gates` and `domain`; here is only how Dagster runs and shows one.
The answer is also kept in the product's own table, because a failed Dagster check stops only its own run.
"""

import warnings
from collections.abc import Iterator, Sequence
from datetime import timedelta

import dagster as dg

from lead_pipeline.connections import Connections
from lead_pipeline.defs.partitions import nightly_partitions
from lead_pipeline.domain.quality import GateResult
from lead_pipeline.services.gates import GATES, GateDefinition, evaluate_gates
from lead_pipeline.store.gates import list_open_failures
from lead_pipeline.store.reports import read_newest_batch_id

#: Which asset a stage's gates stand behind.
ASSET_BY_STAGE = {
    "raw": "raw_dievio__leads",
    "stg": "stg_dievio__leads",
    "directory": "stg_salesforce__directory",
    "enrichments": "core_leads__enrichments",
    "matches": "core_leads__matches",
    "plan": "core_leads__sync_plan",
    "writes": "sync_salesforce__writes",
    "readback": "sync_salesforce__readback",
    "handover": "sync_salesforce__handovers",
}

#: Partition-aware checks are marked preview in Dagster 1.13; this one switch goes back to unpartitioned ones.
CHECKS_ARE_PARTITIONED = True


def build_gate_checks() -> list[dg.AssetChecksDefinition]:
    """Return one multi-check per asset, holding all gates of its stage."""
    by_stage: dict[str, list[GateDefinition]] = {}
    for gate in GATES.values():
        by_stage.setdefault(gate.stage, []).append(gate)
    return [_checks_of(ASSET_BY_STAGE[stage], gates) for stage, gates in by_stage.items()]


def _checks_of(asset: str, gates: Sequence[GateDefinition]) -> dg.AssetChecksDefinition:
    """One op per asset: the gates of a stage share their start-up cost, and each keeps its own line in the UI."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)  # known, and one switch away
        specs = [
            dg.AssetCheckSpec(
                name=gate.name,
                asset=asset,
                description=gate.title,
                blocking=gate.is_blocking,
                partitions_def=nightly_partitions if CHECKS_ARE_PARTITIONED else None,
            )
            for gate in gates
        ]

    @dg.multi_asset_check(name=f"{asset}__gates", specs=specs, can_subset=True)
    def gates_of_asset(
        context: dg.AssetCheckExecutionContext,
        connections: dg.ResourceParam[Connections],
    ) -> Iterator[dg.AssetCheckResult]:
        selected = {key.name for key in context.selected_asset_check_keys}
        results = evaluate_gates(
            connections.database,
            [gate.name for gate in gates if gate.name in selected],
            batch_id=context.partition_key,
            run_id=context.run.run_id,
            now=connections.now,
            config=connections.config.gates,
        )
        yield from (check_result(result, asset=asset) for result in results)

    return gates_of_asset


def check_result(result: GateResult, *, asset: str) -> dg.AssetCheckResult:
    """Return a gate's answer in Dagster's terms: ids and counts only."""
    return dg.AssetCheckResult(
        asset_key=dg.AssetKey(asset),
        check_name=result.gate,
        passed=result.passed,
        severity=dg.AssetCheckSeverity.ERROR if result.is_blocking else dg.AssetCheckSeverity.WARN,
        description=result.description,
        metadata={
            "checked": result.checked_count,
            "failed": result.failed_count,
            "next_step": result.next_step or "nothing to do",
            "failed_ids": dg.MetadataValue.table(
                [dg.TableRecord({"id": failed_id}) for failed_id in result.failed_ids],
                schema=dg.TableSchema(columns=[dg.TableColumn("id", "string")]),
            ),
        },
    )


@dg.asset_check(asset="out_revops__run_report", description="No day has a failed blocking gate that nobody mended.")
def out_revops__run_report__no_open_failed_partition(
    connections: dg.ResourceParam[Connections],
) -> dg.AssetCheckResult:
    """Partitioned checks show only their newest day; a red day behind a green one shows here."""
    with connections.database.transaction() as connection:
        failures = list_open_failures(connection)
    days = sorted({failure.batch_id for failure in failures})
    return dg.AssetCheckResult(
        passed=not days,
        severity=dg.AssetCheckSeverity.WARN,
        description="every day's gates have passed" if not days else f"failed gates on {', '.join(days[-10:])}",
        metadata={"failed_days": len(days), "failed_gates": len(failures)},
    )


@dg.asset_check(asset="out_revops__run_report", description="The batch of yesterday (UTC) exists.")
def out_revops__run_report__yesterday_is_complete(
    connections: dg.ResourceParam[Connections],
) -> dg.AssetCheckResult:
    """Notices a night that did not run at all, which no partitioned check can see."""
    yesterday = (connections.now() - timedelta(days=1)).strftime("%Y-%m-%d")
    with connections.database.transaction() as connection:
        newest = read_newest_batch_id(connection)
    is_complete = newest is not None and newest >= yesterday
    return dg.AssetCheckResult(
        passed=is_complete,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"newest batch is {newest or 'none'}, yesterday was {yesterday}",
    )
