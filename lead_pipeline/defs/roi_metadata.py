"""The measures of enrichment in Dagster's terms: numbers that plot over time, and tables of names and counts."""

from collections.abc import Iterable, Mapping, Sequence

import dagster as dg

from lead_pipeline.domain.enrichment.roi import CORRELATION_NOTE, EnrichmentRoi

Row = Mapping[str, str | int | float]


def roi_metadata(roi: EnrichmentRoi) -> dict[str, dg.MetadataValue | int | float | str]:
    """Return what the asset page of the measures shows."""
    return {
        **roi.as_metadata(),
        "since": roi.since,
        "until": roi.until,
        "minutes_saved_per_value (assumed)": roi.minutes_saved_per_value,
        "funnel_note": CORRELATION_NOTE,
        **_quality_tables(roi),
        **_use_tables(roi),
    }


def _quality_tables(roi: EnrichmentRoi) -> dict[str, dg.MetadataValue]:
    return {
        "completeness": _table(
            {"field": line.field, "leads": line.leads, "before": line.before, "after": line.after}
            for line in roi.completeness
        ),
        "accuracy": _table(
            {
                "field": line.field,
                "priority": line.band.priority,
                "expected from": line.band.low,
                "expected to": line.band.high,
                "written": line.written,
                "still standing": line.standing,
                "answer": line.drift.value,
            }
            for line in roi.accuracy
        ),
    }


def _use_tables(roi: EnrichmentRoi) -> dict[str, dg.MetadataValue]:
    return {
        "funnel": _table(
            {
                "group": line.label,
                "leads": line.leads,
                "touched": line.touched,
                "with activity": line.with_activity,
                "responded": line.responded,
                "converted": line.converted,
            }
            for line in roi.funnel
        ),
        "credits_by_segment": _table(
            {
                "segment": line.segment,
                "provider": line.provider,
                "reason": line.reason,
                "calls": line.calls,
                "credits": line.credits,
                "for what we knew": line.known_credits,
                "uncertain": line.uncertain_credits,
            }
            for line in roi.spend
        ),
        "ages": _table(
            {"from days": "never" if bucket.from_days is None else str(bucket.from_days), "records": bucket.records}
            for bucket in roi.ages
        ),
    }


def _table(rows: Iterable[Row]) -> dg.MetadataValue:
    """Return rows as a table; the first tells the columns."""
    found: Sequence[Row] = list(rows)
    columns = [
        dg.TableColumn(name, _KINDS[type(value)]) for name, value in (found[0] if found else {"nothing": ""}).items()
    ]
    return dg.MetadataValue.table([dg.TableRecord(dict(row)) for row in found], schema=dg.TableSchema(columns=columns))


_KINDS: Mapping[type, str] = {str: "string", int: "int", float: "float"}
