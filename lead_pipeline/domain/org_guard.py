"""The guard inside the org: rules that make Salesforce itself refuse what the mapping forbids our user.

A rule runs in the transaction of the save, so it protects Bulk jobs too, which carry no condition of their own. Belongs
here: which rules a mapping needs, their formulas, and what a write sends along for them. The files that install them
are `org_package`; when a job is used instead of conditional updates is decided in `services/writing`.

Fields that follow a source (`tracked`) compare with a shadow field: every update names there the value it was planned
with, and the rule refuses the update when the record holds another one by now. A shadow that kept the last value
written would refuse the first update of everything that was written before the guard was installed.
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
    """Return the rows whose rule compares with a shadow field: they may replace a value."""
    return tuple(row for row in mapping.written_fields if _is_compared(row))


def guard_rules(mapping: ObjectMapping) -> tuple[GuardRule, ...]:
    """Return the rules that a mapping needs, one per guarded field, in the mapping's order."""
    rules = (_rule_of(row, mapping) for row in mapping.written_fields)
    return tuple(rule for rule in rules if rule is not None)


def is_guarded(mapping: ObjectMapping, active_rules: Collection[str]) -> bool:
    """Tell whether an org refuses every update of a person's value that this mapping forbids.

    The names carry field and policy: rules of another version of the mapping do not count. Notes that are written to
    existing records are beyond any rule, so their condition has to travel with each update.
    """
    if any(row.source == NOTES_SOURCE and row.write is not WritePolicy.WRITE_ONCE for row in mapping.written_fields):
        return False
    return {rule.name for rule in guard_rules(mapping)} <= set(active_rules)


def guard_values(
    before: Mapping[str, object], *, org_fields: Collection[str], decision_id: str | None
) -> dict[str, object]:
    """Return what an update sends along for the rules.

    Args:
        before: Changed field -> the value it was planned with.
        org_fields: Fields of the object that our user may change; shadow fields an org lacks are left out.
        decision_id: Id of the write where it carries out a person's decision.
    """
    values: dict[str, object] = {
        seen_field(name): value
        for name, value in before.items()
        if seen_field(name) in org_fields and not _is_needless(value)
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
    if row.source == NOTES_SOURCE:
        return None  # formulas know no earlier value of a long text area
    if row.source == IDENTITY_SOURCE:
        return _rule(row, kind="Never_Moves", is_forbidden=f"NOT(ISBLANK(PRIORVALUE({row.to})))", may_decide=False)
    held = f"NOT({_is_blank(row, mapping)})"
    if _is_compared(row):
        differs = f"{_prior(row)} <> {seen_field(row.to)}"
        return _rule(row, kind="Tracked", is_forbidden=f"{held}, {differs}")
    if row.write is WritePolicy.FILL_BLANK:
        return _rule(row, kind="Fill_Blank", is_forbidden=held)
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
    is_newest = row.write is WritePolicy.FILL_BLANK and row.on_conflict is OnConflict.NEWEST
    return row.write is WritePolicy.TRACKED or is_newest


def _prior(row: FieldMapping) -> str:
    """The value that the record holds, as text where the field is a picklist."""
    is_listed = row.to in _PICKLISTS or (row.source in _LISTED_SOURCES and row.to.endswith(_CUSTOM_SUFFIX))
    return f"TEXT(PRIORVALUE({row.to}))" if is_listed else f"PRIORVALUE({row.to})"


def _is_blank(row: FieldMapping, mapping: ObjectMapping) -> str:
    prior = _prior(row)
    if not mapping.placeholders or row.source in _NUMBER_SOURCES | _MOMENT_SOURCES:
        return f"ISBLANK({prior})"
    listed = "|".join(sorted(mapping.placeholders)).replace("\\", "\\\\").replace('"', '\\"')
    return f'OR(ISBLANK({prior}), CONTAINS("|{listed}|", "|" & LOWER(TRIM({prior})) & "|"))'


def _is_needless(value: object) -> bool:
    """A blank is free to change, and so is this placeholder, which a job would read as "clear the field"."""
    return value is None or str(value).strip().casefold() in {"", _NULL_MARK}


def _cut(name: str) -> str:
    return name[:_MAX_NAME_CHARACTERS].rstrip("_")
