"""Every behaviour that Dievio does not document, as a switch: the default is the reading the product was built for.

Documented behaviour has no switch. Faults of single requests are rules of the fault book.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from lead_pipeline.sandbox.dievio_api.profiles import PROFILES


class InvalidSwitchError(ValueError):
    """A switch that does not exist, or a position that it does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """The positions of all switches.

    Attributes:
        search_profile: Row shape of a search.
        lookup_profile: Row shape of a profile lookup.
        large_page: `_per_page` above 100 is cut to 100, or refused.
        total_count: Every hit counts, or at most `max_results`.
        counting: Whether the first page says that counting goes on, with a total that is still too small.
        unknown_filter: A filter that is not documented is ignored, or refused.
        unknown_value: A value outside a documented list meets no row, or is refused.
        silent_rows: A row that says nothing about a filter passes it, or does not.
        error_body: {"success", "error", "message"}, or {"error": {"type", "message"}}, or plain text.
        rate_limit_every: Every so many calls one is answered 429; 0 never.
        rate_limit_retry_after_seconds: What `Retry-After` says then.
        credit_headers: Whether X-Credits-Used and X-Credits-Remaining are sent.
        repeated_rows: A row that was sold before is billed again, or free.
        order: The order of rows is stable, or shifts between pages by one row to and fro.
        short_page: After a page cut short by the balance, `next_page` names the next page, or the same.
    """

    search_profile: str = "article"
    lookup_profile: str = "lookup"
    large_page: str = "cut"
    total_count: str = "all"
    counting: str = "off"
    unknown_filter: str = "ignore"
    unknown_value: str = "no_match"
    silent_rows: str = "pass"
    error_body: str = "flat"
    rate_limit_every: int = 0
    rate_limit_retry_after_seconds: int = 1
    credit_headers: str = "off"
    repeated_rows: str = "billed"
    order: str = "stable"
    short_page: str = "next"

    def changed(self, document: object) -> Switches:
        """Return these switches with some of them in other positions.

        Raises:
            InvalidSwitchError: `document` names an unknown switch or position.
        """
        if not isinstance(document, Mapping):
            raise InvalidSwitchError("switches have to be a JSON object")
        for name, position in document.items():
            if name not in _NAMES:
                raise InvalidSwitchError(f"there is no switch {name}; there are {', '.join(_NAMES)}")
            if not _is_position(str(name), position):
                raise InvalidSwitchError(f"{name} has no such position; it has {_describe(str(name))}")
        return replace(self, **document)

    def to_json(self) -> dict[str, Any]:
        """Return all positions by name."""
        return asdict(self)


_NAMES = tuple(item.name for item in fields(Switches))
POSITIONS: Mapping[str, tuple[str, ...]] = {
    "search_profile": tuple(PROFILES),
    "lookup_profile": tuple(PROFILES),
    "large_page": ("cut", "refuse"),
    "total_count": ("all", "capped"),
    "counting": ("off", "on"),
    "unknown_filter": ("ignore", "refuse"),
    "unknown_value": ("no_match", "refuse"),
    "silent_rows": ("pass", "fail"),
    "error_body": ("flat", "nested", "text"),
    "credit_headers": ("off", "on"),
    "repeated_rows": ("billed", "free"),
    "order": ("stable", "shifting"),
    "short_page": ("next", "same"),
}


def _is_position(name: str, position: object) -> bool:
    if name in POSITIONS:
        return position in POSITIONS[name]
    return isinstance(position, int) and not isinstance(position, bool) and position >= 0


def _describe(name: str) -> str:
    return ", ".join(POSITIONS.get(name, ("a whole number from 0",)))
