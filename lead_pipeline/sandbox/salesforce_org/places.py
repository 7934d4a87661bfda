"""State and country picklists: what an org accepts, and which code belongs to which name, once they are switched on.

Belongs here: the lists, from ISO 3166, the code fields, and the checks of one record. They are on where a schema has
the code fields: `Org.switch_place_picklists` adds and removes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import pycountry

from lead_pipeline.sandbox.salesforce_org.catalogue import SalesforceFault, fault
from lead_pipeline.sandbox.salesforce_org.schema import ObjectSchema

_CODE_LENGTH: Final = 10
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


@dataclass(frozen=True)
class _Place:
    """One pair of a name and a code field of an address."""

    prefix: str
    noun: str
    plural: str

    @property
    def name(self) -> str:
        return f"{self.prefix}{self.noun.capitalize()}"

    @property
    def code(self) -> str:
        return f"{self.name}Code"


@dataclass(frozen=True)
class _Listed:
    """The places of one list: names by code, and codes by name in lower case."""

    names: Mapping[str, str]
    codes: Mapping[str, str]


_PAIRS: Final = tuple(
    (_Place(prefix, "country", "countries"), _Place(prefix, "state", "states"))
    for prefix in ("", "Mailing", "Other", "Billing", "Shipping")
)


def code_fields(schema: ObjectSchema) -> list[dict[str, Any]]:
    """The code fields of an object's addresses, in the form of schema files."""
    return [
        {
            "name": place.code,
            "type": "picklist",
            "label": f"{place.prefix} {place.noun.capitalize()} Code".strip(),
            "length": _CODE_LENGTH,
            "values": sorted(_countries().names) if place.noun == "country" else [],
        }
        for pair in _PAIRS
        for place in pair
        if place.name in schema.fields
    ]


def complete_places(schema: ObjectSchema, row: dict[str, Any], *, changed: set[str]) -> list[SalesforceFault]:
    """Give each changed name its code and each changed code its name, and say which are not listed.

    A code wins over a name that is sent with it.
    """
    faults: list[SalesforceFault] = []
    for country, state in _PAIRS:
        if country.code in schema.fields and changed & {country.name, country.code, state.name, state.code}:
            if not _complete(country, row, changed=changed, listed=_countries()):
                faults.append(_place_fault(schema, country))
            elif not _complete(state, row, changed=changed, listed=_states(row.get(country.code))):
                faults.append(_place_fault(schema, state))
    return faults


def _complete(place: _Place, row: dict[str, Any], *, changed: set[str], listed: _Listed) -> bool:
    """Whether the place is listed, or empty; fills in its other half."""
    if place.code in changed:
        code = (row.get(place.code) or "").upper() or None
    else:
        code = listed.codes.get((row.get(place.name) or "").casefold())
        if row.get(place.name) and code is None:
            return False
    if code is not None and code not in listed.names:
        return False
    halves = {place.code: code, place.name: None if code is None else listed.names[code]}
    changed.update(name for name, value in halves.items() if row.get(name) != value)
    row.update(halves)
    return True


def _place_fault(schema: ObjectSchema, place: _Place) -> SalesforceFault:
    label = schema.fields[place.name].label.removesuffix("/Province")
    return fault(
        "FIELD_INTEGRITY_EXCEPTION.place", noun=place.noun, plural=place.plural, label=label, fields=[place.name]
    )


@lru_cache(maxsize=1)
def _countries() -> _Listed:
    names = {country.alpha_2: country.name for country in pycountry.countries}
    listed = names | {code: name for name, code in _OTHER_NAMES.items()}
    return _Listed(listed, {name.casefold(): code for spelt in (names, listed) for code, name in spelt.items()})


@lru_cache(maxsize=16)
def _states(country_code: str | None) -> _Listed:
    if country_code not in _WITH_STATES:
        return _Listed({}, {})
    states = [item for item in pycountry.subdivisions if item.country_code == country_code]
    codes = {item.name.casefold(): item.code.partition("-")[2] for item in states}
    return _Listed({item.code.partition("-")[2]: item.name for item in states}, codes)
