"""When the queries take two rows for what may be one person, on rows in memory."""

from __future__ import annotations

from collections.abc import Callable

from lead_pipeline_tests.simulation.memory_tables import Row


def shares_key(lead: Row, record: Row) -> bool:
    """Tell whether a rule could bring a lead together with a record of the mirror."""
    if record["dievio_lead_id"] == lead["dievio_lead_id"]:
        return True
    if record["is_deleted"] or record["is_converted"]:
        return False
    return is_alike(lead, record)


def is_alike(one: Row, other: Row) -> bool:
    """Tell whether two rows share one of the keys by which they may be one person."""
    return any(test(one, other) for test in _KEY_TESTS)


def _equal(*names: str) -> Callable[[Row, Row], bool]:
    return lambda lead, record: all(lead[name] is not None and lead[name] == record[name] for name in names)


_KEY_TESTS = (
    _equal("em"),
    _equal("li"),
    _equal("ln", "dm", "fn"),
    _equal("ln", "co", "fn"),
    _equal("fn", "ln", "ph"),
    _equal("fn", "ln", "pe"),
    _equal("fn", "ln", "st"),
)
