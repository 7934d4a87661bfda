"""One laboratory for all experiments of a test process."""

from collections.abc import Iterator

import pytest

from lead_pipeline_tests.reliability.laboratory import Laboratory, temporary_laboratory


@pytest.fixture(scope="session")
def laboratory() -> Iterator[Laboratory]:
    """Postgres, sandbox and the process that nights are forked from."""
    with temporary_laboratory() as opened:
        yield opened
