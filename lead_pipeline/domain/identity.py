"""Who a row is about: our stable id, minted once, and the aliases by which it is found again.

An alias never moves to another id. Which copy of a person carries the batch's plan is decided here too; which record
of the org the person is belongs to `matching`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from lead_pipeline.domain.name_compatibility import NameComparison, compare_names

#: Room of `Dievio_Lead_ID__c` in the org; an id goes into addresses there, so nothing but these letters.
_PLAIN_ID = re.compile(r"[a-z0-9_-]{1,64}")  # no capitals: an org whose field ignores case must not merge two people
_HASH_LENGTH = 24  # hex digits: 96 bits


class AliasKind(StrEnum):
    """What a person may be known by, strongest first."""

    EXPLICIT = "explicit"
    LINKEDIN = "linkedin"
    EMAIL = "email"
    NAME_DOMAIN = "name_domain"


_ID_PREFIXES: Mapping[AliasKind, str] = {
    AliasKind.EXPLICIT: "ex-",
    AliasKind.LINKEDIN: "li-",
    AliasKind.EMAIL: "em-",
    AliasKind.NAME_DOMAIN: "nd-",
}

Alias = tuple[AliasKind, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityClaim:
    """What one row says about whose it is."""

    raw_lead_id: int
    aliases: tuple[Alias, ...]  # strongest first; without any the row cannot be told from others
    given_name: str | None
    family_name: str | None
    completeness: int  # number of values
    fresh_at: datetime

    def alias(self, kind: AliasKind) -> str | None:
        """Return the alias of one kind."""
        return next((alias for own, alias in self.aliases if own is kind), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPerson:
    """A person we have an id for: every explicit id and slug seen, and the name last seen."""

    dievio_lead_id: str
    explicit_ids: frozenset[str] = frozenset()
    slugs: frozenset[str] = frozenset()
    given_name: str | None = None
    family_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityAssignment:
    """The id of one row, and the row it is a copy of."""

    raw_lead_id: int
    dievio_lead_id: str
    is_weak: bool
    has_conflict: bool = False  # the row also carries an alias of somebody else
    duplicate_of_raw_lead_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAlias:
    """An alias to keep from now on."""

    kind: AliasKind
    alias: str
    dievio_lead_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityResolution:
    """The ids of all rows of a batch and the aliases learned."""

    assignments: tuple[IdentityAssignment, ...]
    new_aliases: tuple[NewAlias, ...]

    @property
    def duplicate_groups(self) -> Mapping[int, tuple[int, ...]]:
        """Return raw_lead_id of the copy that counts -> raw_lead_ids of the others."""
        groups: dict[int, list[int]] = {}
        for assignment in self.assignments:
            if assignment.duplicate_of_raw_lead_id is not None:
                groups.setdefault(assignment.duplicate_of_raw_lead_id, []).append(assignment.raw_lead_id)
        return {primary: tuple(copies) for primary, copies in groups.items()}


def resolve_identities(
    claims: Sequence[IdentityClaim],
    known: Mapping[Alias, KnownPerson],
    *,
    settled: Mapping[str, int] | None = None,
) -> IdentityResolution:
    """Return whose each row is.

    An explicit id decides; else the LinkedIn slug; else the e-mail, if the names may be one person's and no slug says
    otherwise. A row that is nobody's yet gets an id of its own. Rows with the most aliases are read first, so that a
    row that knows slug and e-mail joins those that know one of them, whatever their order in the batch.

    Args:
        claims: One per row of the batch that has no outcome yet.
        known: Alias -> person, of all aliases of these rows that were seen before.
        settled: Id -> raw_lead_id of persons of whom the batch already settled a copy; that row stays the one that
            counts.
    """
    book = _AliasBook(known)
    ordered = sorted(claims, key=lambda claim: (-len(claim.aliases), claim.raw_lead_id))
    assigned = [(claim, book.assign(claim)) for claim in ordered]
    primaries = _choose_primaries(assigned) | dict(settled or {})
    return IdentityResolution(
        assignments=tuple(_point_to(primaries, assignment) for _, assignment in assigned),
        new_aliases=tuple(book.new_aliases),
    )


def explicit_alias(record_id: str | None) -> Alias | None:
    """Return the alias of a source's own id."""
    return (AliasKind.EXPLICIT, record_id) if record_id else None


def name_domain_alias(given: str | None, family: str | None, place: str | None) -> Alias | None:
    """Return the weak alias of a person who has nothing but a name and a company.

    Args:
        given: Given name key.
        family: Family name key.
        place: Registrable domain of the company, else its name key.
    """
    return (AliasKind.NAME_DOMAIN, f"{given or ''}|{family}|{place}") if family and place else None


def mint_id(kind: AliasKind, alias: str) -> str:
    """Return the id that an alias gives a new person: the source's own where it is plain, else a hash.

    A plain one has no capitals. Ids stand in logs, gates and Dagster, where no person may be read: a profile's slug is
    mostly a name.
    """
    if kind is AliasKind.EXPLICIT and _PLAIN_ID.fullmatch(alias) and not alias.startswith(tuple(_ID_PREFIXES.values())):
        return alias
    return _ID_PREFIXES[kind] + hashlib.sha256(alias.encode()).hexdigest()[:_HASH_LENGTH]


@dataclass
class _AliasBook:
    """Aliases and persons while a batch is resolved; grows with every row."""

    known: Mapping[Alias, KnownPerson]
    new_aliases: list[NewAlias] = field(default_factory=list)
    _owners: dict[Alias, str] = field(init=False)
    _persons: dict[str, KnownPerson] = field(init=False)

    def __post_init__(self) -> None:
        self._owners = {alias: person.dievio_lead_id for alias, person in self.known.items()}
        self._persons = {person.dievio_lead_id: person for person in self.known.values()}

    def assign(self, claim: IdentityClaim) -> IdentityAssignment:
        owner = next((id_ for id_ in self._owners_of(claim) if id_ is not None), None)
        dievio_lead_id = owner or self._mint(claim)
        has_conflict = any(self._owners.get(alias, dievio_lead_id) != dievio_lead_id for alias in claim.aliases)
        self._learn(claim, dievio_lead_id)
        return IdentityAssignment(
            raw_lead_id=claim.raw_lead_id,
            dievio_lead_id=dievio_lead_id,
            is_weak=dievio_lead_id.startswith(_ID_PREFIXES[AliasKind.NAME_DOMAIN]),
            has_conflict=has_conflict,
        )

    def _owners_of(self, claim: IdentityClaim) -> Iterator[str | None]:
        """Yield the persons that the row's aliases name, strongest alias first, contradicted ones left out."""
        for alias in claim.aliases:
            owner = self._owners.get(alias)
            if owner is not None and not _contradicts(alias[0], claim, self._persons[owner]):
                yield owner

    def _mint(self, claim: IdentityClaim) -> str:
        candidates = [mint_id(kind, alias) for kind, alias in claim.aliases]
        free = next((id_ for id_ in candidates if id_ not in self._persons), None)
        # Every alias is somebody else's: the name beside the alias tells the two apart.
        kind, alias = claim.aliases[0]
        return free or mint_id(AliasKind.NAME_DOMAIN, f"{kind}|{alias}|{claim.given_name}|{claim.family_name}")

    def _learn(self, claim: IdentityClaim, dievio_lead_id: str) -> None:
        person = self._persons.get(dievio_lead_id) or KnownPerson(dievio_lead_id=dievio_lead_id)
        own = [alias for alias in claim.aliases if self._owners.get(alias, dievio_lead_id) == dievio_lead_id]
        for alias in own:
            if alias not in self._owners:
                self._owners[alias] = dievio_lead_id
                self.new_aliases.append(NewAlias(kind=alias[0], alias=alias[1], dievio_lead_id=dievio_lead_id))
        self._persons[dievio_lead_id] = replace(
            person,
            explicit_ids=person.explicit_ids | {alias for kind, alias in own if kind is AliasKind.EXPLICIT},
            slugs=person.slugs | {alias for kind, alias in own if kind is AliasKind.LINKEDIN},
            given_name=claim.given_name or person.given_name,
            family_name=claim.family_name or person.family_name,
        )


def _contradicts(kind: AliasKind, claim: IdentityClaim, person: KnownPerson) -> bool:
    """Tell whether a stronger fact says that an alias of the row leads to somebody else."""
    if kind is AliasKind.EXPLICIT:
        return False
    explicit = claim.alias(AliasKind.EXPLICIT)
    if explicit is not None and person.explicit_ids and explicit not in person.explicit_ids:
        return True
    if kind is AliasKind.LINKEDIN:
        return False
    slug = claim.alias(AliasKind.LINKEDIN)
    if slug is not None and person.slugs and slug not in person.slugs:
        return True
    names = compare_names((claim.given_name, claim.family_name), (person.given_name, person.family_name))
    return names is NameComparison.CONFLICTING


def _choose_primaries(assigned: Iterable[tuple[IdentityClaim, IdentityAssignment]]) -> dict[str, int]:
    """Return per person the row that counts: the most complete, then the freshest, then the first."""
    best: dict[str, IdentityClaim] = {}
    for claim, assignment in assigned:
        rival = best.get(assignment.dievio_lead_id)
        if rival is None or _rank(claim) > _rank(rival):
            best[assignment.dievio_lead_id] = claim
    return {dievio_lead_id: claim.raw_lead_id for dievio_lead_id, claim in best.items()}


def _rank(claim: IdentityClaim) -> tuple[int, datetime, int]:
    return claim.completeness, claim.fresh_at, -claim.raw_lead_id


def _point_to(primaries: Mapping[str, int], assignment: IdentityAssignment) -> IdentityAssignment:
    primary = primaries[assignment.dievio_lead_id]
    return assignment if primary == assignment.raw_lead_id else replace(assignment, duplicate_of_raw_lead_id=primary)
