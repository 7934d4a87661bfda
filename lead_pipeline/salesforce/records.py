"""Records as queries return them, made plain: no attributes, parent fields under dotted names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Record = dict[str, object]


@dataclass(frozen=True, slots=True)
class QueryPage:
    """One page of a query. `next_path` leads to the next one, None on the last."""

    records: list[Record]
    total_count: int  # rows of the whole answer, not of this page
    next_path: str | None


def flatten_record(record: Mapping[str, object]) -> Record:
    """Return a record without `attributes` and with `{"Account": {"Name": x}}` as `Account.Name`."""
    flat: Record = {}
    for name, value in record.items():
        if name == "attributes":
            continue
        if isinstance(value, dict) and "attributes" in value:
            flat.update({f"{name}.{inner}": field for inner, field in flatten_record(value).items()})
        else:
            flat[name] = value
    return flat


def read_page(body: Mapping[str, object], *, version_path: str) -> QueryPage:
    """Return the page a query answered.

    Raises:
        KeyError: It is no query answer.
        TypeError: As above.
        ValueError: Its next page is outside the API.
    """
    records, total = body["records"], body["totalSize"]
    if not isinstance(records, list) or not isinstance(total, int):
        raise TypeError("a query answers with a list of records")
    return QueryPage([flatten_record(record) for record in records], total, _next_path(body, version_path))


def _next_path(body: Mapping[str, object], version_path: str) -> str | None:
    url = body.get("nextRecordsUrl")
    if body.get("done") is not False or url is None:
        return None
    if not isinstance(url, str) or not url.startswith(f"{version_path}query") or ".." in url:
        raise ValueError("the next page is outside the API")
    return url.removeprefix(version_path)
