"""The guard inside the org: rules that make Salesforce itself refuse what the mapping forbids our user.

A rule runs in the transaction of the save, so it protects Bulk jobs too, which carry no condition of their own. Belongs
here: which rules a mapping needs, their formulas, and what a write sends along for them. The files that install them
are `org_package`; when a job is used instead of conditional updates is decided in `services/writing`.

Fields whose values may be replaced (`tracked`, `always`) compare with a shadow field: every update names there the
value it was planned with, a blank as well, and the rule refuses the update when the record holds anything else by now.
Even where the mapping lets us replace whatever stands there, the log and an undoing have to know what it was. A shadow
that kept the last value written would refuse the first update of all that was written before the guard was installed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from lead_pipeline.domain.mapping import (
    IDENTITY_SOURCE,
    NOTES_SOURCE,
    FieldMapping,
    ObjectMapping,
    OnConflict,
    WritePolicy,
)
from lead_pipeline.domain.org_schema import NULL_MARK

INTEGRATION_PERMISSION = "Dievio_Integration"  # custom permission that tells our user from everybody else
OWNER_RULE = "Dievio_Owner_Guard"
DECISION_FIELD = "Dievio_Decision__c"  # changes when a person decided; then the rules let the write pass
REFUSAL_MARK = "Dievio guard:"  # head of every message of these rules, so that a refusal can be told from others
SETTING_TYPE = "Dievio_Setting__mdt"
HOLDING_QUEUE_SETTING = f"$CustomMetadata.{SETTING_TYPE}.Default.Holding_Queue_Id__c"

_NULL_MARK = NULL_MARK.casefold()
_SEEN_PREFIX = "Dievio_Seen_"
_CUSTOM_SUFFIX = "__c"
_MAX_NAME_CHARACTERS = 40  # of a rule or field name, Salesforce limit
_PICKLISTS = frozenset({"Industry", "LeadSource", "Rating", "Salutation", "Status"})  # standard ones
_NUMBER_SOURCES = frozenset({"employee_count", "lead_confidence_percent"})
_MOMENT_SOURCES = frozenset({"last_enriched_at", "synced_at"})
_LISTED_SOURCES = frozenset({"seniority"})
_REFERENCE = "reference"
_PLAIN_TYPES = frozenset(  # hold neither placeholders nor what a job would read as "clear the field"
    {"boolean", "currency", "date", "datetime", "double", "int", "percent", _REFERENCE}
)
_LONG_TEXTS = frozenset({"Description"})  # standard ones


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardRule:
    """One validation rule: a save of our user is refused while `formula` is true."""

    name: str
    field: str
    formula: str
    message: str


def seen_field(api_name: str) -> str:
    """Return the shadow field that tells with which value an update was planned."""
    return _cut(f"{_SEEN_PREFIX}{api_name.removesuffix(_CUSTOM_SUFFIX)}") + _CUSTOM_SUFFIX


def is_guard_field(api_name: str) -> bool:
    """Tell whether a field serves the rules only; its values say nothing about the person."""
    return api_name == DECISION_FIELD or api_name.startswith(_SEEN_PREFIX)


def compared_rows(mapping: ObjectMapping) -> tuple[FieldMapping, ...]:
    """Return the rows whose rule compares with a shadow field: they may replace a value.

    Stamps are not among them: they date and explain our own write, and nobody else's value stands there.
    """
    return tuple(row for row in mapping.written_fields if _is_compared(row))


def guard_rules(mapping: ObjectMapping) -> tuple[GuardRule, ...]:
    """Return the rules that a mapping needs, one per guarded field, in the mapping's order."""
    rules = (_rule_of(row, mapping) for row in mapping.written_fields)
    return tuple(rule for rule in rules if rule is not None)


def is_guarded(mapping: ObjectMapping, active_rules: Collection[str]) -> bool:
    """Tell whether an org refuses every update that this mapping forbids or that was planned on another value.

    The names carry field and kind of rule: rules of another version do not count. Long texts that are written to
    existing records are beyond any rule, so their condition has to travel with each update.
    """
    if any(_is_long_text(row) and row.write is not WritePolicy.WRITE_ONCE for row in mapping.written_fields):
        return False
    return {rule.name for rule in guard_rules(mapping)} <= set(active_rules)


def guard_values(
    before: Mapping[str, object], *, org_fields: Collection[str], decision_id: str | None
) -> dict[str, object]:
    """Return what an update sends along for the rules; None clears a shadow field that an earlier update left filled.

    Args:
        before: Changed field -> the value it was planned with.
        org_fields: Fields of the object that our user may change; shadow fields an org lacks are left out.
        decision_id: Id of the write where it carries out a person's decision.
    """
    values: dict[str, object] = {
        seen_field(name): None if _is_blank_value(value) else value
        for name, value in before.items()
        if seen_field(name) in org_fields
    }
    if decision_id is not None and DECISION_FIELD in org_fields:
        values[DECISION_FIELD] = decision_id
    return values


def owner_rule() -> GuardRule:
    """Return the rule for owners: our user moves a lead only out of the holding queue."""
    formula = (
        f"AND($Permission.{INTEGRATION_PERMISSION}, NOT(ISNEW()), ISCHANGED(OwnerId), "
        f"PRIORVALUE(OwnerId) <> {HOLDING_QUEUE_SETTING})"
    )
    return GuardRule(
        name=OWNER_RULE,
        field="OwnerId",
        formula=formula,
        message="The integration may change the owner only while the lead is held in the holding queue.",
    )


def _rule_of(row: FieldMapping, mapping: ObjectMapping) -> GuardRule | None:
    if _is_long_text(row):
        return None  # formulas do not see long text areas
    if row.source == IDENTITY_SOURCE:
        return _rule(row, kind="Never_Moves", is_forbidden=f"NOT(ISBLANK(PRIORVALUE({row.to})))", may_decide=False)
    if _is_compared(row):
        return _rule(row, kind="As_Seen", is_forbidden=_differs(row))
    if row.write is WritePolicy.FILL_BLANK:
        return _rule(row, kind="Fill_Blank", is_forbidden=f"NOT({_is_blank(row, mapping)})")
    if row.write is WritePolicy.WRITE_ONCE:
        return _rule(row, kind="Write_Once", is_forbidden="TRUE")
    return None


def _rule(row: FieldMapping, *, kind: str, is_forbidden: str, may_decide: bool = True) -> GuardRule:
    conditions = [
        f"$Permission.{INTEGRATION_PERMISSION}",
        "NOT(ISNEW())",
        *([f"NOT(ISCHANGED({DECISION_FIELD}))"] if may_decide else []),
        f"ISCHANGED({row.to})",
        is_forbidden,
    ]
    return GuardRule(
        name=_cut(f"Dievio_{kind}_{row.to.replace(_CUSTOM_SUFFIX, '_c')}"),
        field=row.to,
        formula=f"AND({', '.join(conditions)})",
        message=f"{REFUSAL_MARK} the integration may not replace the value of {row.label}.",
    )


def _is_compared(row: FieldMapping) -> bool:
    if row.source == IDENTITY_SOURCE or _is_long_text(row):
        return False
    is_newest = row.write is WritePolicy.FILL_BLANK and row.on_conflict is OnConflict.NEWEST
    is_latest = row.write is WritePolicy.ALWAYS and not row.is_stamp
    return row.write is WritePolicy.TRACKED or is_newest or is_latest


def _differs(row: FieldMapping) -> str:
    """Whether the record holds something else than the update was planned with; a blank differs from every value."""
    prior, shadow = _prior(row), seen_field(row.to)
    blank = f"ISBLANK({prior})"
    if _is_text(row):
        blank = f'OR({blank}, LOWER(TRIM({prior})) = "{_NULL_MARK}")'
    return f"IF({blank}, NOT(ISBLANK({shadow})), OR(ISBLANK({shadow}), {prior} <> {shadow}))"


def _prior(row: FieldMapping) -> str:
    """The value that the record holds: as text where the field is a picklist, as the API tells it where it is an id."""
    prior = f"PRIORVALUE({row.to})"
    if _is_listed(row):
        return f"TEXT({prior})"
    return f"CASESAFEID({prior})" if row.type is not None and row.type.name == _REFERENCE else prior


def _is_listed(row: FieldMapping) -> bool:
    if row.type is not None:
        return row.type.name == "picklist"
    return row.to in _PICKLISTS or (row.source in _LISTED_SOURCES and row.is_custom)


def _is_text(row: FieldMapping) -> bool:
    if row.type is not None:
        return row.type.name not in _PLAIN_TYPES
    return row.source not in _NUMBER_SOURCES | _MOMENT_SOURCES


def _is_long_text(row: FieldMapping) -> bool:
    is_declared = row.is_custom and row.type is not None and row.type.name == "textarea"
    return row.source == NOTES_SOURCE or row.to in _LONG_TEXTS or is_declared


def _is_blank(row: FieldMapping, mapping: ObjectMapping) -> str:
    prior = _prior(row)
    if not mapping.placeholders or not _is_text(row):
        return f"ISBLANK({prior})"
    listed = "|".join(sorted(mapping.placeholders)).replace("\\", "\\\\").replace('"', '\\"')
    return f'OR(ISBLANK({prior}), CONTAINS("|{listed}|", "|" & LOWER(TRIM({prior})) & "|"))'


def _is_blank_value(value: object) -> bool:
    """A job would read this placeholder as "clear the field", so that rule and update both take it for a blank."""
    return value is None or str(value).strip().casefold() in {"", _NULL_MARK}


def _cut(name: str) -> str:
    return name[:_MAX_NAME_CHARACTERS].rstrip("_")
