"""What a gate finds in a frame, and how it says so."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

from lead_pipeline.domain.quality import (
    MAX_FAILED_IDS,
    GateFinding,
    fail_rows,
    inspect_frame,
    join_findings,
    say_result,
)


class SampleModel(pa.DataFrameModel):
    lead_id: Series[str] = pa.Field()
    size: Series[int] = pa.Field(ge=1)
    owner: Series[str] = pa.Field(nullable=False)

    @pa.check("size", name="sizes are odd")
    def _even(cls, value: Series[int]) -> Series[bool]:  # noqa: N805  # pandera binds the class
        return value % 2 == 0  # type: ignore[return-value]  # pandas-stubs names its own series


def frame(*rows: tuple[str, int, str | None]) -> pd.DataFrame:
    return pd.DataFrame.from_records(rows, columns=["lead_id", "size", "owner"], index=range(10, 10 + len(rows)))


def test_a_clean_frame_reports_what_was_checked() -> None:
    finding = inspect_frame(frame(("a", 2, "x"), ("b", 4, "y")), SampleModel, id_column="lead_id")

    assert (finding.checked_count, finding.failed_count) == (2, 0)
    assert say_result(finding, subject="leads") == "All 2 leads passed."


def test_an_empty_frame_passes_and_says_so() -> None:
    finding = inspect_frame(frame(), SampleModel, id_column="lead_id")

    assert say_result(finding, subject="leads") == "There were no leads to check."


def test_every_breach_is_named_once_with_its_rows() -> None:
    finding = inspect_frame(frame(("a", 3, None), ("b", 4, "y"), ("c", 5, "z")), SampleModel, id_column="lead_id")

    assert finding.failed_ids == ("a", "c")
    assert finding.failed_count == 2
    assert finding.faults == {"owner is missing": 1, "sizes are odd": 2}


def test_a_rule_without_words_of_its_own_is_named_by_its_column() -> None:
    finding = inspect_frame(frame(("a", 0, "x")), SampleModel, id_column="lead_id")

    assert list(finding.faults or {}) == ["size breaks greater_than_or_equal_to(1)"]


def test_a_missing_column_fails_every_row() -> None:
    finding = inspect_frame(frame(("a", 2, "x"), ("b", 2, "y")).drop(columns="owner"), SampleModel, id_column="lead_id")

    assert finding.failed_count == 2


def test_findings_of_pages_add_up_and_keep_twenty_ids() -> None:
    pages = [fail_rows("broken", [f"{page}-{n}" for n in range(15)], checked_count=20) for page in range(3)]

    joined = join_findings([*pages, GateFinding(remarks=("one is paused",))])

    assert (joined.checked_count, joined.failed_count, len(joined.failed_ids)) == (60, 45, MAX_FAILED_IDS)
    assert say_result(joined, subject="rows") == "45 of 60 rows failed: broken (45). one is paused."
