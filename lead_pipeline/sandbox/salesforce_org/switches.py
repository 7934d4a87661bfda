"""The choices this org makes where Salesforce's behaviour is undocumented or known from third parties only.

Belongs here: the one table of them, each with its alternative and the mark of its source (T third-party text, K general
knowledge, R recorded, but not everywhere alike), and what they do to refusals. Settings that an admin has: org.py.
Turn one with `PUT /_sandbox/switches`; the first position is the default.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from lead_pipeline.sandbox.salesforce_org.catalogue import SalesforceFault


class InvalidSwitchError(ValueError):
    """A switch that does not exist, or a position that it does not have."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One undocumented behaviour: its positions, the default first, and where they come from."""

    name: str
    positions: tuple[str, ...]
    mark: str
    about: str


CHOICES: Final = (
    Choice("access_status", ("400", "403"), "T", "HTTP status of INSUFFICIENT_ACCESS_OR_READONLY on a single record"),
    Choice("storage_status", ("403", "400"), "K", "HTTP status of STORAGE_LIMIT_EXCEEDED"),
    Choice("duplicate_value_fields", ("named", "empty"), "T", "whether DUPLICATE_VALUE names the unique field"),
    Choice("row_duplicates", ("bare", "with_result"), "R", "whether a collection row carries the duplicateResult"),
    Choice("failed_upsert_rows", ("without_created", "created_true"), "T", "whether failed upsert rows say created"),
    Choice("update_only_missing", ("404", "400"), "K", "HTTP status of updateOnly=true that meets no record"),
    Choice("usage_header", ("exact", "lagging", "per_app"), "R", "Sforce-Limit-Info: exact, tens only, with app usage"),
    Choice("result_charset", ("named", "absent"), "R", "whether Bulk results name their charset in Content-Type"),
    Choice("page_rows", ("2000", "1000", "250"), "K", "largest query page, as wide records make it smaller"),
)
_BY_NAME: Final = {choice.name: choice for choice in CHOICES}


class Switches:
    """The positions of all switches of one org."""

    def __init__(self) -> None:
        self._positions = {choice.name: choice.positions[0] for choice in CHOICES}

    def __getitem__(self, name: str) -> str:
        """The position of a switch."""
        return self._positions[name]

    def turn(self, changes: Mapping[str, object]) -> None:
        """Turn some switches, all or none.

        Raises:
            InvalidSwitchError: an unknown switch or position.
        """
        for name, position in changes.items():
            if name not in _BY_NAME:
                raise InvalidSwitchError(f"there is no switch {name}; there are {', '.join(_BY_NAME)}")
            if str(position) not in _BY_NAME[name].positions:
                raise InvalidSwitchError(f"{name} has the positions {', '.join(_BY_NAME[name].positions)}")
        self._positions |= {name: str(position) for name, position in changes.items()}

    def to_json(self) -> dict[str, str]:
        """All positions by name."""
        return dict(self._positions)

    def settle(self, refusal: SalesforceFault) -> SalesforceFault:
        """A refusal as the present positions word it."""
        if refusal.code == "INSUFFICIENT_ACCESS_OR_READONLY":
            return replace(refusal, status=int(self["access_status"]))
        if refusal.code == "STORAGE_LIMIT_EXCEEDED":
            return replace(refusal, status=int(self["storage_status"]))
        if refusal.code == "DUPLICATE_VALUE" and self["duplicate_value_fields"] == "empty":
            return replace(refusal, fields=())
        return refusal

    @property
    def csv_type(self) -> str:
        """The Content-Type of Bulk results."""
        return "text/csv; charset=UTF-8" if self["result_charset"] == "named" else "text/csv"

    def usage(self, used: int, daily: int) -> str:
        """The value of Sforce-Limit-Info."""
        if self["usage_header"] == "lagging":
            return f"api-usage={used // 10 * 10}/{daily}"
        app = f"; per-app-api-usage={used}/{daily}(appName=sandbox)" if self["usage_header"] == "per_app" else ""
        return f"api-usage={used}/{daily}{app}"
