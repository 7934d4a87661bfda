"""What pytest has to know before it runs any test: the options of the contract tests, and which files take longest.

Fixtures belong to lead_pipeline_tests/conftest.py.
"""

from collections.abc import Sequence

import pytest

#: Parts of paths, the longest files first: whatever is left for the end should be short, or workers wait for one file.
LONGEST_FIRST = (
    "/reliability/test_kills",
    "/simulation/test_sim",
    "/end_to_end/",
    "/reliability/",
    "/apps/",
    "/services/",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the contract tests run against any Salesforce org instead of the sandbox's."""
    group = parser.getgroup("contract")
    group.addoption("--base-url", help="instance URL of the org to hold the contract against")
    group.addoption("--token", help="access token for that org")
    group.addoption("--allow-writes", action="store_true", help="run the part that creates and deletes leads there")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files; within a file the order stays."""
    items.sort(key=lambda item: _place(item.nodeid.partition("::")[0], LONGEST_FIRST))


def _place(path: str, parts: Sequence[str]) -> int:
    return next((place for place, part in enumerate(parts) if part in path), len(parts))
