"""How to talk to Dievio: what `config/dievio.yaml` says, typed. Address and key come from `settings`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from lead_pipeline.transport.rate_limits import LimitHeaders

DOCUMENT = "dievio"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerKeys:
    """Dotted paths into an answer; the first one present wins."""

    rows: tuple[str, ...] = ("preview_data", "data", "results")
    has_more: tuple[str, ...] = ("has_more",)
    next_page: tuple[str, ...] = ("next_page",)
    total_count: tuple[str, ...] = ("total_count",)
    counting: tuple[str, ...] = ("counting",)
    per_page: tuple[str, ...] = ("per_page",)


@dataclass(frozen=True, slots=True, kw_only=True)
class DievioOptions:
    """Paths, authentication header, answer keys, rate and patience."""

    search_path: str = "/api/public/search"
    lookup_path: str = "/api/linkedin/lookup"
    auth_header: str = "Authorization"
    auth_prefix: str = "Bearer "
    keys: AnswerKeys = field(default_factory=AnswerKeys)
    calls_per_second: float = 1.0
    burst_calls: int = 5
    limit_headers: LimitHeaders = field(default_factory=LimitHeaders)
    connect_seconds: float = 10.0
    read_seconds: float = 60.0  # between two bytes
    total_seconds: float = 180.0


def parse_dievio_options(document: Mapping[str, object]) -> DievioOptions:
    """Build the options of a document that obeys `dievio.schema.json`."""
    entry = cast("Mapping[str, Any]", document)
    rate, timeouts = entry["rate"], entry["timeouts"]
    return DievioOptions(
        search_path=entry["paths"]["search"],
        lookup_path=entry["paths"]["lookup"],
        auth_header=entry["auth"]["header"],
        auth_prefix=entry["auth"]["prefix"],
        keys=AnswerKeys(**_tuples(entry["keys"])),
        calls_per_second=rate["per_second"],
        burst_calls=rate["burst"],
        limit_headers=LimitHeaders(**_tuples(rate["headers"])),
        connect_seconds=timeouts["connect_seconds"],
        read_seconds=timeouts["read_seconds"],
        total_seconds=timeouts["total_seconds"],
    )


def _tuples(lists: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(values) for name, values in lists.items()}
