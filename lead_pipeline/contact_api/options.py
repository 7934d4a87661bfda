"""How to talk to the contact provider: what `config/contact_api.yaml` says, typed; address and key are settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from lead_pipeline.transport.json_calls import CallRules, call_rule_values
from lead_pipeline.transport.rate_limits import LimitHeaders

DOCUMENT = "contact_api"
MAX_ITEMS = 10  # people a call


#: It sends no Retry-After: the reset header says how long to wait.
LIMIT_HEADERS = LimitHeaders(
    retry_after=(), remaining=("x-minute-request-left",), reset=("x-minute-request-reset-seconds",)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactApiOptions(CallRules):
    """The path, and how calls are made."""

    match_path: str = "/v1/people/match"
    batch_size: int = MAX_ITEMS
    auth_header: str = "X-Contact-Key"
    auth_prefix: str = ""
    calls_per_second: float = 5.0
    limit_headers: LimitHeaders = LIMIT_HEADERS


def parse_contact_api_options(document: Mapping[str, object]) -> ContactApiOptions:
    """Build the options of a document that obeys `contact_api.schema.json`."""
    entry = cast("Mapping[str, Any]", document)
    return ContactApiOptions(match_path=entry["paths"]["match"], **call_rule_values(entry))
