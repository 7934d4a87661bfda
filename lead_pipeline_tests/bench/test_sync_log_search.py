"""The release-size proof that a full log answers within a second."""

from __future__ import annotations

import pytest

from lead_pipeline_tests.bench.sync_log_search import ENTRIES, main

MAX_SECONDS = 1.0


@pytest.mark.slow
def test_every_search_in_five_million_entries_takes_less_than_a_second() -> None:
    seconds = main(ENTRIES)

    assert {name: taken for name, taken in seconds.items() if taken > MAX_SECONDS} == {}
