"""Options of the tests that pytest has to know before it has found any: those of the contract tests.

Fixtures belong to lead_pipeline_tests/conftest.py.
"""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the contract tests run against any Salesforce org instead of the sandbox's."""
    group = parser.getgroup("contract")
    group.addoption("--base-url", help="instance URL of the org to hold the contract against")
    group.addoption("--token", help="access token for that org")
    group.addoption("--allow-writes", action="store_true", help="run the part that creates and deletes leads there")
