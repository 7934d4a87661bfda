"""The comparison of a first sync in a terminal: ids, counts and field names, never a value."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from lead_pipeline.domain.sync_comparison import SyncComparison

SHOWN_CONTESTED = 10  # the rest is in the page and the JSON


def print_first_sync(console: Console, comparison: SyncComparison) -> None:
    """Print how source and destination compare, who won where both had a value, and what the leads stand for."""
    style = "green" if comparison.is_sound else "red"
    console.print(f"\n[bold {style}]First sync[/] {comparison.headline}")
    ended = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(comparison.ended.items()))
    console.print(f"{comparison.chosen:,} leads let through: {ended} · {comparison.verified_ids:,} ids verified")
    for words, ids in (("records gone", comparison.missing_ids), ("ids not verified", comparison.unverified_ids)):
        if ids:
            console.print(f"[red]{words}[/] {', '.join(ids)}")
    console.print(_field_table(comparison))
    for line in comparison.differing_fields:
        console.print(f"[red]{line.field} differs[/] {', '.join(line.differing_ids)}")
    if comparison.contested:
        console.print(_contested_table(comparison))
    if comparison.unmapped:
        console.print(_unmapped_table(comparison))
    console.print(_coverage_table(comparison))


def _field_table(comparison: SyncComparison) -> Table:
    numbers = ("equal", "kept, rep's", "kept, policy", "asked", "refused", "no value", "changed since", "differs")
    table = _table("Source and destination", ("field", "source"), numbers)
    for line in comparison.fields:
        counts = (line.equal, line.kept_by_rep, line.kept_by_policy, line.asked, line.refused, line.no_value)
        table.add_row(line.field, line.source, *(f"{count:,}" for count in (*counts, line.changed_since, line.differs)))
    return table


def _contested_table(comparison: SyncComparison) -> Table:
    title = f"Both sides had a value ({comparison.contested_count:,} fields)"
    table = _table(title, ("lead", "record", "field", "stands", "why", "changed by both"), ())
    for entry in comparison.contested[:SHOWN_CONTESTED]:
        both = "yes" if entry.is_edited_by_both else "not ours before"
        table.add_row(entry.dievio_lead_id, entry.salesforce_id, entry.field, entry.winner, entry.reason, both)
    return table


def _unmapped_table(comparison: SyncComparison) -> Table:
    table = _table("Not mapped", ("source", "reason"), ("leads",))
    for line in comparison.unmapped:
        table.add_row(line.source, line.reason, f"{line.leads:,}")
    return table


def _coverage_table(comparison: SyncComparison) -> Table:
    table = _table("What the leads stand for", ("part of the batch",), ("planned", "let through"))
    for line in comparison.coverage:
        table.add_row(line.stratum, f"{line.planned:,}", f"{line.chosen:,}")
    return table


def _table(title: str, names: tuple[str, ...], numbers: tuple[str, ...]) -> Table:
    table = Table(title=f"\n{title}", title_justify="left", box=None, padding=(0, 1, 0, 0))
    for name in names:
        table.add_column(name, no_wrap=name != "why")
    for name in numbers:
        table.add_column(name, justify="right")
    return table
