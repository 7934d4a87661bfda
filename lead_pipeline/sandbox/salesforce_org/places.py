"""State and country picklists: which names an org accepts once its admin has switched them on.

Belongs here: the lists, from ISO 3166. The switch: `Settings.place_picklists`.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import pycountry

from lead_pipeline.sandbox.salesforce_org.catalogue import SalesforceFault, fault
from lead_pipeline.sandbox.salesforce_org.schema import ObjectSchema

_WITH_STATES: Final = frozenset({"AU", "BR", "CA", "CN", "IE", "IN", "IT", "MX", "US"})
"""Countries that come with states in a new org; the others start without any."""
_OTHER_NAMES: Final = {
    "Russia": "RU",
    "South Korea": "KR",
    "Vietnam": "VN",
    "Turkey": "TR",
    "Taiwan": "TW",
    "Czech Republic": "CZ",
}
"""Names the platform uses where ISO has a longer or newer one."""


def place_faults(schema: ObjectSchema, row: Mapping[str, Any]) -> list[SalesforceFault]:
    """The refusals for unlisted states and countries of a record's addresses."""
    faults = []
    for prefix in ("", "Mailing", "Other", "Billing", "Shipping"):
        country = _field_value(schema, row, name=f"{prefix}Country")
        state = _field_value(schema, row, name=f"{prefix}State")
        if country and country.casefold() not in _countries():
            faults.append(_place_fault(schema, f"{prefix}Country", noun="country", plural="countries"))
        elif state and not _is_state(state, country):
            faults.append(_place_fault(schema, f"{prefix}State", noun="state", plural="states"))
    return faults


def _field_value(schema: ObjectSchema, row: Mapping[str, Any], *, name: str) -> str | None:
    return row.get(name) if name in schema.fields else None


def _place_fault(schema: ObjectSchema, name: str, *, noun: str, plural: str) -> SalesforceFault:
    label = schema.fields[name].label.removesuffix("/Province")
    return fault("FIELD_INTEGRITY_EXCEPTION.place", noun=noun, plural=plural, label=label, fields=[name])


def _is_state(state: str, country: str | None) -> bool:
    code = _countries().get((country or "").casefold())
    return code in _WITH_STATES and state.casefold() in _states(code or "")


@lru_cache(maxsize=1)
def _countries() -> dict[str, str]:
    names = {country.name.casefold(): country.alpha_2 for country in pycountry.countries}
    return names | {name.casefold(): code for name, code in _OTHER_NAMES.items()}


@lru_cache(maxsize=16)
def _states(code: str) -> frozenset[str]:
    return frozenset(item.name.casefold() for item in pycountry.subdivisions if item.country_code == code)
