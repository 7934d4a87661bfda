"""Source and destination side by side, field by field: what Dievio said, what was planned, what the org holds now.

This is how people judge the first leads of an org. It holds counts, ids and field names, never a value. What a written
record must look like before leads are handed over is `post_sync`; which value wins is `survivorship`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations

from lead_pipeline.domain.decisions import ASKING_VERDICTS, WRITING_VERDICTS, FieldDecision, FieldVerdict
from lead_pipeline.domain.mapping import FieldMapping, MappingSet, SourceOfTruth
from lead_pipeline.domain.org_schema import FieldSchema, ObjectSchema
from lead_pipeline.domain.preflight import prepare_value
from lead_pipeline.domain.sampling import CoverageLine
from lead_pipeline.domain.value_equality import are_equal, is_blank

MOST_IDS = 20  # named per field; the counts say the rest
MOST_CONTESTED = 50  # fields that both sides changed, named one by one


_FieldKey = tuple[str, str]  # API name, canonical field


class Agreement(StrEnum):
    """How one field of one record compares."""

    EQUAL = "equal"  # the org holds what Dievio says
    KEPT_BY_REP = "kept_by_rep"  # a person's value stands there, as planned
    KEPT_BY_POLICY = "kept_by_policy"  # the field is not ours to change, as planned
    ASKED = "asked"  # the org's value stands and a person is asked, as planned
    REFUSED = "refused"  # Dievio's value is invalid or not sure enough; the org's value stands, as planned
    NO_VALUE = "no_value"  # Dievio says nothing, so nothing was changed
    CHANGED_SINCE = "changed_since"  # somebody else, or a later run, changed the record after this sync
    DIFFERS = "differs"  # the org holds something else, and nobody is known to have changed it


class Winner(StrEnum):
    """Whose value stands where both sides have one."""

    DIEVIO = "Dievio"
    REP = "the record"
    NOBODY_YET = "a person is asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedLead:
    """One lead with its record.

    Attributes:
        dievio_lead_id: Its id.
        object_name: Object of the record.
        salesforce_id: The record.
        source: Canonical field -> what Dievio said.
        decisions: What was planned, field by field.
        held: API name -> what the org holds by the newest reading; None when the record is gone.
        is_changed_since: Whether somebody else, or a later run of ours, changed the record after this sync.
        carriers: Live records of the object that carry this lead's id.
        written_before: API name -> what we had written there before this batch.
    """

    dievio_lead_id: str
    object_name: str
    salesforce_id: str
    source: Mapping[str, object]
    decisions: tuple[FieldDecision, ...]
    held: Mapping[str, object] | None
    is_changed_since: bool = False
    carriers: int = 1
    written_before: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldComparison:
    """How one field compares over all leads; `differing_ids` names some of the leads behind `differs`."""

    field: str
    source: str
    equal: int = 0
    kept_by_rep: int = 0
    kept_by_policy: int = 0
    asked: int = 0
    refused: int = 0
    no_value: int = 0
    changed_since: int = 0
    differs: int = 0
    differing_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContestedField:
    """A field for which both sides had a value of their own, who won and why.

    `is_edited_by_both` tells that both moved away from what we had written; otherwise we never wrote there before.
    """

    dievio_lead_id: str
    object_name: str
    salesforce_id: str
    field: str
    winner: str
    reason: str
    is_edited_by_both: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmappedLine:
    """A canonical field that Dievio fills and no field of the org receives."""

    source: str
    leads: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncComparison:
    """What the leads that were let through first look like on both sides; counts are leads unless a name says so.

    Attributes:
        chosen: Leads that were let through.
        ended: Outcome -> how many of them; `open` for those without one.
        compared: Those with a record.
        missing_ids: Leads whose record is gone.
        verified_ids: How many records carry the id of their lead, and nobody else does.
        unverified_ids: Leads whose record does not.
        fields: Field by field.
        contested: Fields for which both sides had a value, at most `MOST_CONTESTED`.
        contested_count: All of these.
        unmapped: What Dievio fills and the org does not receive.
        coverage: How well the leads show each part of the batch.
    """

    chosen: int
    ended: Mapping[str, int]
    compared: int
    missing_ids: tuple[str, ...]
    verified_ids: int
    unverified_ids: tuple[str, ...]
    fields: tuple[FieldComparison, ...]
    contested: tuple[ContestedField, ...]
    contested_count: int
    unmapped: tuple[UnmappedLine, ...]
    coverage: tuple[CoverageLine, ...] = ()

    @property
    def differing_fields(self) -> tuple[FieldComparison, ...]:
        """Fields whose value in the org nobody can explain."""
        return tuple(line for line in self.fields if line.differs)

    @property
    def is_sound(self) -> bool:
        """Whether every record is there, carries its id, and differs nowhere without a reason."""
        return not (self.missing_ids or self.unverified_ids or self.differing_fields)

    @property
    def headline(self) -> str:
        """What the comparison says, in one sentence."""
        if self.is_sound:
            return (
                f"{self.compared:,} records compared field by field: every id verified, no difference without a reason."
            )
        flaws = (
            (len(self.missing_ids), "records are gone"),
            (len(self.unverified_ids), "records do not carry the id of their lead alone"),
            (sum(line.differs for line in self.fields), "values differ without a reason"),
        )
        said = ", ".join(f"{count:,} {words}" for count, words in flaws if count)
        return f"{self.compared:,} records compared field by field: {said}."


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRules:
    """The mappings and the org's schemas by object name."""

    mappings: MappingSet
    schemas: Mapping[str, ObjectSchema]

    def rows(self, object_name: str) -> Mapping[str, FieldMapping]:
        """Return API name -> row of the mapping, for rows that write."""
        return {row.to: row for row in self.mappings.for_object(object_name).written_fields}

    def field_type(self, object_name: str, name: str) -> str:
        """Return Salesforce's word for the type of a field; text for one that has left the org."""
        schema = self.schemas[object_name].fields.get(name)
        return schema.type if schema is not None else "string"


def compare_sync(
    leads: Iterable[ComparedLead],
    rules: ComparisonRules,
    *,
    ended: Mapping[str, int],
    coverage: tuple[CoverageLine, ...] = (),
) -> SyncComparison:
    """Hold what Dievio said and what was planned against what the org holds.

    Args:
        leads: Leads with a record.
        rules: Mappings and schemas.
        ended: Outcome -> leads that were let through.
        coverage: How well they show the batch.
    """
    tally = _Tally(rules)
    for lead in leads:
        tally.add(lead)
    return SyncComparison(
        chosen=sum(ended.values()),
        ended=dict(ended),
        compared=tally.compared,
        missing_ids=tuple(tally.missing),
        verified_ids=tally.compared - len(tally.missing) - len(tally.unverified),
        unverified_ids=tuple(tally.unverified),
        fields=tally.field_lines(),
        contested=tuple(tally.contested[:MOST_CONTESTED]),
        contested_count=len(tally.contested),
        unmapped=tuple(
            UnmappedLine(source=source, leads=number, reason=reason)
            for (source, reason), number in sorted(tally.unmapped.items())
        ),
        coverage=coverage,
    )


class _Tally:
    """What was found so far, lead after lead."""

    def __init__(self, rules: ComparisonRules) -> None:
        self.compared = 0
        self.missing: list[str] = []
        self.unverified: list[str] = []
        self.contested: list[ContestedField] = []
        self.unmapped: Counter[tuple[str, str]] = Counter()
        self._rules = rules
        self._counts: dict[_FieldKey, Counter[Agreement]] = defaultdict(Counter)
        self._differing: dict[_FieldKey, list[str]] = defaultdict(list)

    def add(self, lead: ComparedLead) -> None:
        self.compared += 1
        self.unmapped.update(_find_unmapped(lead, self._rules))
        if lead.held is None:
            self.missing.append(lead.dievio_lead_id)
            return
        if not _is_verified(lead, self._rules):
            self.unverified.append(lead.dievio_lead_id)
        self.contested += _find_contested(lead, self._rules)
        for key, agreement in _judge_fields(lead, self._rules):
            self._counts[key][agreement] += 1
            if agreement is Agreement.DIFFERS:
                self._differing[key].append(lead.dievio_lead_id)

    def field_lines(self) -> tuple[FieldComparison, ...]:
        return tuple(
            FieldComparison(
                field=key[0],
                source=key[1],
                differing_ids=tuple(self._differing[key][:MOST_IDS]),
                **{agreement.value: number for agreement, number in self._counts[key].items()},
            )
            for key in sorted(self._counts)
        )


def _judge_fields(lead: ComparedLead, rules: ComparisonRules) -> Iterator[tuple[_FieldKey, Agreement]]:
    rows = rules.rows(lead.object_name)
    identity = rules.mappings.for_object(lead.object_name).identity_field
    for decision in lead.decisions:
        if decision.field == identity:
            continue  # verified by itself: it is written whatever the plan says
        row = rows.get(decision.field)
        source = (row.source if row is not None else None) or ""
        field_type = rules.field_type(lead.object_name, decision.field)
        yield (decision.field, source), _judge(lead, decision, field_type=field_type)


def _judge(lead: ComparedLead, decision: FieldDecision, *, field_type: str) -> Agreement:
    """Hold one field against its plan: what was not to be written has to stand as it was."""
    expected = decision.after if decision.verdict in WRITING_VERDICTS else decision.before
    if are_equal((lead.held or {}).get(decision.field), expected, field_type=field_type):
        return _AGREEMENTS[decision.verdict]
    return Agreement.CHANGED_SINCE if lead.is_changed_since else Agreement.DIFFERS


_AGREEMENTS: Mapping[FieldVerdict, Agreement] = {
    FieldVerdict.SET_AT_CREATION: Agreement.EQUAL,
    FieldVerdict.FILLED_BLANK: Agreement.EQUAL,
    FieldVerdict.UPDATED: Agreement.EQUAL,
    FieldVerdict.KEPT_EQUAL: Agreement.EQUAL,
    FieldVerdict.KEPT_REP_VALUE: Agreement.KEPT_BY_REP,
    FieldVerdict.KEPT_BY_POLICY: Agreement.KEPT_BY_POLICY,
    FieldVerdict.NO_SOURCE_VALUE: Agreement.NO_VALUE,
    FieldVerdict.REFUSED_CONFIDENCE: Agreement.REFUSED,
    FieldVerdict.REFUSED_INVALID: Agreement.REFUSED,
    FieldVerdict.ESCALATED: Agreement.ASKED,
    FieldVerdict.DOUBTED: Agreement.ASKED,
}


def _is_verified(lead: ComparedLead, rules: ComparisonRules) -> bool:
    name = rules.mappings.for_object(lead.object_name).identity_field
    return (lead.held or {}).get(name) == lead.dievio_lead_id and lead.carriers == 1


def _find_contested(lead: ComparedLead, rules: ComparisonRules) -> Iterator[ContestedField]:
    """Yield the fields for which record and source each had a value of their own."""
    rows = rules.rows(lead.object_name)
    for decision in lead.decisions:
        row, schema = rows.get(decision.field), rules.schemas[lead.object_name].fields.get(decision.field)
        if row is None or schema is None or row.owner is SourceOfTruth.INTEGRATION:
            continue
        sides = [decision.before, _brought_value(lead, decision, row=row, schema=schema)]
        if any(is_blank(side) for side in sides):
            continue
        is_known = decision.field in lead.written_before
        if _are_all_different([*sides, lead.written_before[decision.field]] if is_known else sides, schema):
            yield ContestedField(
                dievio_lead_id=lead.dievio_lead_id,
                object_name=lead.object_name,
                salesforce_id=lead.salesforce_id,
                field=decision.field,
                winner=_winner(decision),
                reason=decision.reason,
                is_edited_by_both=is_known,
            )


def _are_all_different(sides: Sequence[object], schema: FieldSchema) -> bool:
    """Tell whether no two values mean the same; with what we wrote last among them, both sides moved away from it."""
    return not any(are_equal(left, right, field_type=schema.type) for left, right in combinations(sides, 2))


def _brought_value(lead: ComparedLead, decision: FieldDecision, *, row: FieldMapping, schema: FieldSchema) -> object:
    """Return the lead's value in the form of the field; None where it has none that would fit."""
    if decision.verdict in WRITING_VERDICTS:
        return decision.after
    return prepare_value(row, lead.source.get(row.source or ""), schema=schema).value


def _winner(decision: FieldDecision) -> Winner:
    if decision.verdict in WRITING_VERDICTS:
        return Winner.DIEVIO
    return Winner.NOBODY_YET if decision.verdict in ASKING_VERDICTS else Winner.REP


def _find_unmapped(lead: ComparedLead, rules: ComparisonRules) -> Iterator[tuple[str, str]]:
    """Yield the canonical fields that the lead fills and its record does not receive, each with the reason."""
    fields_by_source = {row.source: name for name, row in rules.rows(lead.object_name).items()}
    received = {decision.field for decision in lead.decisions}
    for source, value in lead.source.items():
        name = fields_by_source.get(source)
        if is_blank(value) or name in received:
            continue
        if name is None:
            yield source, f"no row of the {lead.object_name} mapping takes it"
        else:
            yield source, f"{lead.object_name}.{name} is not there or not ours to write"
