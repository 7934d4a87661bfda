"""The run report in Dagster's terms: numbers that plot over time and tables. Never markdown made of payload text."""

from collections.abc import Iterable

import dagster as dg

from lead_pipeline.domain.run_report import FieldLine, GateLine, ReasonCount, RunReport


def report_metadata(report: RunReport) -> dict[str, dg.MetadataValue | int | float | str]:
    """Return what the asset page of the report shows."""
    return {
        **report.as_metadata(),
        "gates": _gates(report.gates),
        "review_reasons": _reasons(report.review_reasons),
        "quarantine_reasons": _reasons(report.quarantine_reasons),
        "skip_reasons": _reasons(report.skip_reasons),
        "field_changes": _field_changes(report.field_lines),
    }


def _gates(gates: Iterable[GateLine]) -> dg.MetadataValue:
    records = [
        dg.TableRecord(
            {
                "gate": gate.name,
                "answer": "passed" if gate.passed else "failed",
                "checked": gate.checked,
                "failed": gate.count,
                "in words": gate.description,
            }
        )
        for gate in gates
    ]
    columns = _schema(gate="string", answer="string", checked="int", failed="int", **{"in words": "string"})
    return dg.MetadataValue.table(records, schema=columns)


def _field_changes(lines: Iterable[FieldLine]) -> dg.MetadataValue:
    records = [
        dg.TableRecord(
            {
                "field": line.field,
                "policy": line.policy,
                "at creation": line.set_at_creation,
                "filled blank": line.filled_blank,
                "updated": line.updated,
                "kept rep value": line.kept_rep_value,
            }
        )
        for line in lines
    ]
    counts = dict.fromkeys(("at creation", "filled blank", "updated", "kept rep value"), "int")
    return dg.MetadataValue.table(records, schema=_schema(field="string", policy="string", **counts))


def _reasons(reasons: Iterable[ReasonCount]) -> dg.MetadataValue:
    records = [dg.TableRecord({"reason": reason.code, "rows": reason.count}) for reason in reasons]
    return dg.MetadataValue.table(records, schema=_schema(reason="string", rows="int"))


def _schema(**columns: str) -> dg.TableSchema:
    return dg.TableSchema(columns=[dg.TableColumn(name, kind) for name, kind in columns.items()])
