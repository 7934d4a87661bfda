"""How to talk to Dievio: what `config/dievio.yaml` says, typed. Address and key come from `settings`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from lead_pipeline.transport.json_calls import CallRules, call_rule_values

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
class DievioOptions(CallRules):
    """Paths and answer keys, and how calls are made."""

    search_path: str = "/api/public/search"
    lookup_path: str = "/api/linkedin/lookup"
    keys: AnswerKeys = field(default_factory=AnswerKeys)


def parse_dievio_options(document: Mapping[str, object]) -> DievioOptions:
    """Build the options of a document that obeys `dievio.schema.json`."""
    entry = cast("Mapping[str, Any]", document)
    keys = {name: tuple(paths) for name, paths in entry["keys"].items()}
    return DievioOptions(
        search_path=entry["paths"]["search"],
        lookup_path=entry["paths"]["lookup"],
        keys=AnswerKeys(**keys),
        **call_rule_values(entry),
    )
