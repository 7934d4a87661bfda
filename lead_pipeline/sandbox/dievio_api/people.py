"""A person as the emulated Dievio knows one, before any row shape. Shapes are in `profiles`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

PERSON_MARK = "_person"  # {"_person": {...}} in the pool is a person to be rendered; any other entry is served verbatim


class InvalidPersonError(ValueError):
    """A person record that cannot be rendered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Everything that some row profile or some filter needs; `None` where Dievio does not know."""

    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    email_status: str | None = None
    personal_emails: tuple[str, ...] = ()
    phone: str | None = None
    job_title: str | None = None
    seniority: str | None = None
    department: str | None = None
    inferred_salary: str | None = None
    linkedin_slug: str | None = None
    locality: str | None = None
    region: str | None = None
    country: str | None = None
    company_name: str | None = None
    company_domain: str | None = None
    company_locality: str | None = None
    company_region: str | None = None
    company_country: str | None = None
    company_revenue: str | None = None
    business_model: str | None = None
    industry: str | None = None
    employee_count: int | None = None
    funding_year: int | None = None
    last_enriched_at: str | None = None  # ISO 8601, UTC

    @property
    def full_name(self) -> str | None:
        """Given and family name in one."""
        return " ".join(part for part in (self.first_name, self.last_name) if part) or None

    @classmethod
    def from_json(cls, document: object) -> Person:
        """Build a person from a JSON object with these field names.

        Raises:
            InvalidPersonError: It is no object, or has keys that are none of the fields.
        """
        if not isinstance(document, Mapping):
            raise InvalidPersonError(f'"{PERSON_MARK}" has to be a JSON object')
        unknown = set(document) - {item.name for item in fields(cls)}
        if unknown:
            raise InvalidPersonError(f"a person has no {', '.join(sorted(map(str, unknown)))}")
        values: dict[str, Any] = dict(document)
        return cls(**{**values, "personal_emails": tuple(values.get("personal_emails") or ())})
