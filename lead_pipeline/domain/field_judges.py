"""What the decisions about its fields mean for a lead: the judges that look at them in turn.

Each field is decided in `survivorship`; what is asked about a lead before anybody looks at its fields is `planning`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lead_pipeline.domain.decisions import ASKING_VERDICTS, WRITING_VERDICTS, Decision, FieldVerdict
from lead_pipeline.domain.mapping import OnInvalid, SourceOfTruth
from lead_pipeline.domain.matching import RuleName
from lead_pipeline.domain.plan_subjects import Fields, PlanReason, Subject, Verdict, review

NAME_SOURCES = frozenset({"first_name", "last_name", "full_name"})
UNCERTAIN_NAME_FLAG = "name_split_low_confidence"
MIXED_IDENTITY_FLAG = "identity_conflict"


def judge_fields(subject: Subject, fields: Fields) -> Verdict:
    """Return what the first judge says that has something to say."""
    return next(verdict for judge in _JUDGES if (verdict := judge(subject, fields)) is not None)


def _refuse_invalid(subject: Subject, fields: Fields) -> Verdict | None:
    """Let the strictest `on_invalid` among the refused values decide."""
    refused = [entry for entry in fields if entry.verdict is FieldVerdict.REFUSED_INVALID]
    demands = {row.to: row.on_invalid for row in subject.mapping.written_fields} if refused else {}
    for demand, decision, code in (
        (OnInvalid.REJECT, Decision.SKIP, PlanReason.REJECTED_VALUE),
        (OnInvalid.REVIEW, Decision.REVIEW, PlanReason.INVALID_VALUE),
    ):
        culprits = [entry for entry in refused if demands[entry.field] is demand]
        if culprits:
            reasons = "; ".join(entry.reason for entry in culprits)
            return Verdict(decision=decision, reason_code=code, reason=reasons, fields=fields)
    return None


def _require_fields(subject: Subject, fields: Fields) -> Verdict | None:
    present = {entry.field for entry in fields if entry.verdict in WRITING_VERDICTS}
    missing = [name for name in subject.place.required_fields if name not in present]
    if not missing:
        return None
    return review(PlanReason.MISSING_REQUIRED, f"a new record needs {', '.join(missing)}", fields=fields)


def _doubt_name(subject: Subject, fields: Fields) -> Verdict | None:
    if UNCERTAIN_NAME_FLAG not in subject.lead.flags or subject.is_affirmed(PlanReason.UNCERTAIN_NAME):
        return None
    names = {row.to for row in subject.mapping.written_fields if row.source in NAME_SOURCES}
    if not any(entry.field in names and entry.verdict in WRITING_VERDICTS for entry in fields):
        return None
    return review(PlanReason.UNCERTAIN_NAME, "given and family name had to be guessed from one text", fields=fields)


def _doubt_identity(subject: Subject, fields: Fields) -> Verdict | None:
    is_answered = subject.match.rule == RuleName.REMEMBERED_ANSWER or subject.is_affirmed(PlanReason.MIXED_IDENTITY)
    if MIXED_IDENTITY_FLAG not in subject.lead.flags or is_answered or not _find_changes(subject, fields):
        return None
    return review(
        PlanReason.MIXED_IDENTITY,
        "the lead carries the profile of one known person and the address of another",
        fields=fields,
    )


def _doubt_large_change(subject: Subject, fields: Fields) -> Verdict | None:
    """Ask instead of replacing many values of a record at once: a wrong match is likelier than so much news.

    Fields of the integration do not count, nor values that a person decided about. Whoever said that the lead is the
    person of this record is not asked again.
    """
    least = subject.mapping.ask_from_replaced_values
    is_answered = subject.match.rule == RuleName.REMEMBERED_ANSWER or subject.is_affirmed(PlanReason.LARGE_CHANGE)
    replaced = {entry.field for entry in fields if entry.verdict is FieldVerdict.UPDATED}
    if not least or len(replaced) < least or is_answered:
        return None
    ours = {row.to for row in subject.mapping.written_fields if row.owner is SourceOfTruth.INTEGRATION}
    counted = sorted(replaced - ours - subject.answers.keys())
    if len(counted) < least:
        return None
    what = f"{len(counted)} filled values of the record would be replaced at once: {', '.join(counted)}"
    return review(PlanReason.LARGE_CHANGE, what, fields=fields)


def _write_changes(subject: Subject, fields: Fields) -> Verdict | None:
    changed = _find_changes(subject, fields)
    if not changed:
        return None
    if subject.is_creation:
        return Verdict(
            decision=Decision.CREATE, reason_code=PlanReason.NEW_PERSON, reason=subject.match.reason, fields=fields
        )
    return Verdict(
        decision=Decision.UPDATE,
        reason_code=PlanReason.FIELDS_CHANGED,
        reason=f"fields that change: {', '.join(changed)}",
        fields=fields,
    )


def _skip(subject: Subject, fields: Fields) -> Verdict:
    asked = [entry.field for entry in fields if entry.verdict in ASKING_VERDICTS]
    if asked:
        code, reason = _name_question(fields), f"a person is asked which value is right: {', '.join(asked)}"
    else:
        code, reason = PlanReason.NO_CHANGE, "the record holds everything this lead may write"
    return Verdict(decision=Decision.SKIP, reason_code=code, reason=reason, fields=_drop_stamps(subject, fields))


def _name_question(fields: Fields) -> PlanReason:
    """Return the reason of the one question about a lead's values: a conflict with a person's value wins over a doubt.

    `insert_escalations`, which asks it, goes by the same rule: both kinds of fields stand in one question.
    """
    is_conflict = any(entry.verdict is FieldVerdict.ESCALATED for entry in fields)
    return PlanReason.FIELD_CONFLICT if is_conflict else PlanReason.LOW_CONFIDENCE


#: In order of rank; the last always answers.
_JUDGES: tuple[Callable[[Subject, Fields], Verdict | None], ...] = (
    _refuse_invalid,
    _require_fields,
    _doubt_name,
    _doubt_identity,
    _doubt_large_change,
    _write_changes,
    _skip,
)


def _find_changes(subject: Subject, fields: Fields) -> list[str]:
    """Return the fields that are a reason to write: all that change but the stamps."""
    stamps = subject.mapping.stamp_fields
    return [entry.field for entry in fields if entry.verdict in WRITING_VERDICTS and entry.field not in stamps]


def _drop_stamps(subject: Subject, fields: Fields) -> Fields:
    """Keep stamps as they are where nothing else changes: a date alone is no reason to touch a record."""
    stamps = subject.mapping.stamp_fields
    return tuple(
        replace(
            entry,
            after=entry.before,
            verdict=FieldVerdict.KEPT_BY_POLICY,
            reason="a stamp goes along with other changes only",
        )
        if entry.field in stamps and entry.verdict in WRITING_VERDICTS
        else entry
        for entry in fields
    )
