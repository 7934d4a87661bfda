"""Who looks after a dead letter, a question or a row in quarantine: roles by code, people from the configuration.

Which role a code has is told by `refusals` and `review_reasons`; rows in quarantine have one in common. The rules are
kept in the database, where the statement that opens a case names its owner; nothing is ever without one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lead_pipeline.domain.normalize.lead import QUARANTINE_REASONS
from lead_pipeline.domain.refusals import ADMIN, DATA_ENGINEER, DIEVIO, REFUSALS, SALES_OPS
from lead_pipeline.domain.review_reasons import GUIDES
from lead_pipeline.errors import InvalidDocumentError
from lead_pipeline.problems import ConfigurationProblem

QUARANTINE_ROLE = "revops"

#: Role -> what it does about a case.
ROLES: Mapping[str, str] = {
    SALES_OPS: "mends data and mapping, answers questions about leads",
    ADMIN: "mends the org: fields, permissions, rules, storage",
    DATA_ENGINEER: "mends this product and its surroundings",
    DIEVIO: "asks Dievio to correct its data",
    QUARANTINE_ROLE: "looks after rows that break the contract",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerRules:
    """Who looks after what.

    Attributes:
        default: Whoever has a role that nobody was named for.
        roles: Role -> name of a person, team or mailbox.
        cases: Error code, review reason or quarantine reason -> name, where it is not that of the role.
    """

    default: str
    roles: Mapping[str, str]
    cases: Mapping[str, str]

    def owner_of(self, subject: str, *, role: str) -> str:
        """Return who looks after a code or reason of a role."""
        return self.cases.get(subject) or self.roles.get(role) or self.default

    def owner_of_row(self, reasons: Iterable[str]) -> str:
        """Return who looks after a row in quarantine: whoever the first of its reasons with a line of its own names."""
        named = (self.cases[reason] for reason in reasons if reason in self.cases)
        return next(named, self.owner_of("", role=QUARANTINE_ROLE))

    def as_subjects(self) -> dict[str, str]:
        """Return every role, code and reason that has a line of its own -> owner."""
        return {role: self.owner_of(role, role=role) for role in ROLES} | dict(self.cases)


def parse_owner_rules(document: Mapping[str, Any]) -> OwnerRules:
    """Read the owners of a document that obeys `owners.schema.json`.

    Raises:
        InvalidDocumentError: A line names a role or review reason that does not exist.
    """
    problems = list(_find_problems(document))
    if problems:
        raise InvalidDocumentError(problems)
    return OwnerRules(default=document["default"], roles=document["roles"], cases=document["cases"])


def _find_problems(document: Mapping[str, Any]) -> Iterator[ConfigurationProblem]:
    known = {"roles": set(ROLES), "cases": {*REFUSALS, *GUIDES, *QUARANTINE_REASONS}}
    for part, names in known.items():
        for name in document[part]:
            # Salesforce has more error codes than anybody has met; ours and the roles are all known.
            if name not in names and not (part == "cases" and name.isupper()):
                yield ConfigurationProblem(
                    f"owners: {part}.{name}",
                    what="there is no such name",
                    repair=f"Use one of {', '.join(sorted(names))}",
                    code="unknown_name",
                    path=(part, name),
                )
