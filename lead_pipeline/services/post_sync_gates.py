"""The nine gates behind the write, run over the records as they were read back.

What each demands is `domain/post_sync`; the registry that names and records them is `gates`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandera.pandas as pa

from lead_pipeline.domain import post_sync
from lead_pipeline.domain.gate_settings import GateSettings
from lead_pipeline.domain.planning import SYSTEM_NAME
from lead_pipeline.domain.post_sync import Row, WrittenRecord
from lead_pipeline.domain.quality import GateFinding, inspect_frame
from lead_pipeline.services.stage_gates import GateContext
from lead_pipeline.store import gates
from lead_pipeline.store.reviews import ask_about_twins
from lead_pipeline.store.scopes import find_scope

ID_COLUMN = "dievio_lead_id"

FieldCheck = Callable[[Iterable[WrittenRecord], GateSettings], Iterator[Row]]


@dataclass(frozen=True, slots=True)
class WrittenCheck:
    """A gate over every written record. It judges page by page, so that one walk serves all gates of this kind."""

    judge: Callable[[Sequence[WrittenRecord], GateSettings], GateFinding]


def check_record_count(context: GateContext) -> GateFinding:
    """Every eligible lead has its outcome, and every written record exists."""
    columns = (ID_COLUMN, "is_settled", "is_present")
    frame = gates.read_frame(context.connection, "list_eligible", columns=columns, batch_id=context.batch_id)
    return inspect_frame(frame, post_sync.RecordCountModel, id_column=ID_COLUMN)


def check_duplicates(context: GateContext) -> GateFinding:
    """Nobody whom the batch wrote has a second live record; whoever has one is put before a person, once."""
    rows = gates.read_rows(context.connection, "list_twins", batch_id=context.batch_id)
    twins = [row for row in rows if row["other_records"]]
    ask_about_twins(context.connection, context.batch_id, twins, closed_by=SYSTEM_NAME, at=context.at)
    frame = gates.build_frame(rows, columns=(ID_COLUMN, "other_records"))
    return inspect_frame(frame, post_sync.DuplicatesModel, id_column=ID_COLUMN)


def check_spots(context: GateContext) -> GateFinding:
    """A sample over segments, kinds of write and edge cases holds what was written."""
    lines = gates.read_sample_lines(context.connection, context.batch_id)
    # The first leads of an org are looked at one by one before anybody meets them.
    is_first_sync = find_scope(context.connection, context.batch_id) is not None
    size = len(lines) if is_first_sync else context.settings.spot_check_records
    sample = post_sync.choose_sample(lines, size)
    spots = over_fields(post_sync.check_written_values, post_sync.SpotCheckModel)
    return _walk(context, {"spots": spots}, dievio_lead_ids=sample)["spots"]


def over_owners() -> WrittenCheck:
    """Return the gate that created leads wait with the holding owner."""

    def judge(page: Sequence[WrittenRecord], _settings: GateSettings) -> GateFinding:
        return inspect_frame(post_sync.ownership_frame(page), post_sync.OwnershipModel, id_column=ID_COLUMN)

    return WrittenCheck(judge)


def over_fields(check: FieldCheck, model: type[pa.DataFrameModel]) -> WrittenCheck:
    """Return the gate that holds every written record against a rule about single fields."""

    def judge(page: Sequence[WrittenRecord], settings: GateSettings) -> GateFinding:
        return inspect_frame(post_sync.field_frame(check(page, settings)), model, id_column=ID_COLUMN)

    return WrittenCheck(judge)


def walk_written(context: GateContext, checks: Mapping[str, WrittenCheck]) -> dict[str, GateFinding]:
    """Let several gates look at every written record and return each one's finding, by name.

    Reading and decoding a record costs more than any gate's look at it, so all of them look at each page in turn.
    """
    return _walk(context, checks, dievio_lead_ids=None)


def _walk(
    context: GateContext, checks: Mapping[str, WrittenCheck], *, dievio_lead_ids: Sequence[str] | None
) -> dict[str, GateFinding]:
    findings = dict.fromkeys(checks, GateFinding())
    pages = gates.read_written_pages(context.connection, context.batch_id, dievio_lead_ids=dievio_lead_ids)
    for page in pages if checks else ():
        findings = {name: findings[name].join(check.judge(page, context.settings)) for name, check in checks.items()}
    return findings
