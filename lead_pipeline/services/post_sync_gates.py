"""The nine gates behind the write, run over the records as they were read back.

What each demands is `domain/post_sync`; the registry that names and records them is `gates`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pandera.pandas as pa

from lead_pipeline.domain import post_sync
from lead_pipeline.domain.gate_settings import GateSettings
from lead_pipeline.domain.post_sync import Row, WrittenRecord
from lead_pipeline.domain.quality import GateFinding, inspect_frame, join_findings
from lead_pipeline.services.stage_gates import GateCheck, GateContext
from lead_pipeline.store import gates

ID_COLUMN = "dievio_lead_id"


def check_record_count(context: GateContext) -> GateFinding:
    """Every eligible lead has its outcome, and every written record exists."""
    columns = (ID_COLUMN, "is_settled", "is_present")
    frame = gates.read_frame(context.connection, "list_eligible", columns=columns, batch_id=context.batch_id)
    return inspect_frame(frame, post_sync.RecordCountModel, id_column=ID_COLUMN)


def check_duplicates(context: GateContext) -> GateFinding:
    """Nobody whom the batch wrote has a second live record."""
    columns = (ID_COLUMN, "other_records")
    frame = gates.read_frame(context.connection, "list_twins", columns=columns, batch_id=context.batch_id)
    return inspect_frame(frame, post_sync.DuplicatesModel, id_column=ID_COLUMN)


def check_spots(context: GateContext) -> GateFinding:
    """A sample over segments, kinds of write and edge cases holds what was written."""
    lines = gates.read_sample_lines(context.connection, context.batch_id)
    sample = post_sync.choose_sample(lines, context.settings.spot_check_records)
    pages = gates.read_written_pages(context.connection, context.batch_id, dievio_lead_ids=sample)
    return _inspect(pages, post_sync.check_written_values, post_sync.SpotCheckModel, context.settings)


def check_ownership(context: GateContext) -> GateFinding:
    """Created leads wait with the holding owner."""
    pages = gates.read_written_pages(context.connection, context.batch_id)
    return join_findings(
        inspect_frame(post_sync.ownership_frame(page), post_sync.OwnershipModel, id_column=ID_COLUMN) for page in pages
    )


def over_fields(
    check: Callable[[Iterable[WrittenRecord], GateSettings], Iterator[Row]], model: type[pa.DataFrameModel]
) -> GateCheck:
    """Return the gate that holds every written record against a rule about single fields."""

    def gate(context: GateContext) -> GateFinding:
        pages = gates.read_written_pages(context.connection, context.batch_id)
        return _inspect(pages, check, model, context.settings)

    return gate


def _inspect(
    pages: Iterable[list[WrittenRecord]],
    check: Callable[[Iterable[WrittenRecord], GateSettings], Iterator[Row]],
    model: type[pa.DataFrameModel],
    settings: GateSettings,
) -> GateFinding:
    return join_findings(
        inspect_frame(post_sync.field_frame(check(page, settings)), model, id_column=ID_COLUMN) for page in pages
    )
