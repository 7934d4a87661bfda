"""What a gate found and how it says so: the words, counts and ids behind every check of the product.

Frames are inspected here against their pandera models. The models of the post-sync gates are `post_sync`, those of
the stages before `schemas` and `plan_schemas`; which gate looks at what, and when, is `services/gates`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

MAX_FAILED_IDS = 20  # enough to look at; a longer list says nothing more and fills every surface that shows it


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFinding:
    """What one look at rows found. Ids are those of leads, segments or fields, never values."""

    checked_count: int = 0
    failed_ids: tuple[str, ...] = ()  # every failing row once, at most MAX_FAILED_IDS kept when findings are joined
    failed_count: int = 0
    faults: Mapping[str, int] | None = None  # words of a broken rule -> failing rows
    remarks: tuple[str, ...] = ()  # worth knowing, not failing

    def join(self, other: GateFinding) -> GateFinding:
        """Return both findings as one, for rows that are looked at page by page."""
        faults = dict(self.faults or {})
        for words, count in (other.faults or {}).items():
            faults[words] = faults.get(words, 0) + count
        return GateFinding(
            checked_count=self.checked_count + other.checked_count,
            failed_ids=tuple(dict.fromkeys((*self.failed_ids, *other.failed_ids)))[:MAX_FAILED_IDS],
            failed_count=self.failed_count + other.failed_count,
            faults=faults,
            remarks=tuple(dict.fromkeys((*self.remarks, *other.remarks))),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """The answer of a gate for a batch, as every surface shows it."""

    gate: str
    stage: str
    passed: bool
    is_blocking: bool
    checked_count: int
    failed_count: int
    failed_ids: tuple[str, ...]
    description: str
    next_step: str


def join_findings(findings: Iterable[GateFinding]) -> GateFinding:
    """Return many findings as one."""
    joined = GateFinding()
    for finding in findings:
        joined = joined.join(finding)
    return joined


def fail_rows(words: str, ids: Iterable[str], *, checked_count: int) -> GateFinding:
    """Return the finding of a rule that was checked elsewhere, e.g. by the database; no ids means that it holds."""
    failed = tuple(dict.fromkeys(ids))
    return GateFinding(
        checked_count=checked_count,
        failed_ids=failed[:MAX_FAILED_IDS],
        failed_count=len(failed),
        faults={words: len(failed)} if failed else {},
    )


def inspect_frame(frame: pd.DataFrame, model: type[pa.DataFrameModel], *, id_column: str) -> GateFinding:
    """Hold a frame against its model and return every breach at once.

    Args:
        frame: The rows; its index is made anew.
        model: What each column has to be. The names of its checks are the words people read.
        id_column: Which column names a row to people.
    """
    if frame.empty:
        return GateFinding()
    rows = frame.reset_index(drop=True)
    try:
        model.validate(rows, lazy=True)
    except SchemaErrors as error:
        return _finding(rows, error.failure_cases, id_column)
    return GateFinding(checked_count=len(rows))


def say_result(finding: GateFinding, *, subject: str) -> str:
    """Return a gate's finding in words.

    Args:
        finding: What was found.
        subject: What was looked at, in the plural: `created leads`.
    """
    remarks = "".join(f" {remark}." for remark in finding.remarks)
    if not finding.checked_count and not finding.failed_count:
        return f"There were no {subject} to check.{remarks}"
    if not finding.failed_count:
        return f"All {finding.checked_count:,} {subject} passed.{remarks}"
    faults = "; ".join(f"{words} ({count:,})" for words, count in (finding.faults or {}).items())
    return f"{finding.failed_count:,} of {finding.checked_count:,} {subject} failed: {faults}.{remarks}"


def _finding(rows: pd.DataFrame, cases: pd.DataFrame, id_column: str) -> GateFinding:
    words = cases.apply(_words, axis="columns")
    has_row = cases["index"].notna()
    positions = cases.loc[has_row, "index"].astype(int)
    ids = rows[id_column].astype(str).reindex(positions.unique())
    faults = {
        str(text): int(group["index"].nunique()) if group["index"].notna().any() else len(rows)
        for text, group in cases.groupby(words, sort=False)
    }
    is_whole_frame = bool((~has_row).any())  # a missing column or wrong type concerns every row
    return GateFinding(
        checked_count=len(rows),
        failed_ids=tuple(dict.fromkeys(ids))[:MAX_FAILED_IDS],
        failed_count=len(rows) if is_whole_frame else len(positions.unique()),
        faults=faults,
    )


def _words(case: Any) -> str:  # noqa: ANN401  # a row of pandera's table
    check, column = str(case["check"]), case["column"]
    if check == "not_nullable":
        return f"{column} is missing"
    if check.isidentifier() or "(" in check:  # pandera's own checks carry no sentence
        return f"{column} breaks {check}"
    return check
