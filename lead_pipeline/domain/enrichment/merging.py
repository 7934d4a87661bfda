"""What a lead takes over from the answers of providers: field by field, with the reason, within what it may be sure of.

Only missing and stale values are touched: what a fresh row says stands. The same answers merged into the same lead a
second time change nothing. Which value a record of the org takes over afterwards is `survivorship`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from lead_pipeline.domain.enrichment.mailboxes import object_to_replacement
from lead_pipeline.domain.enrichment.policy import RECORD, ConfidenceRules
from lead_pipeline.domain.enrichment.questions import CONTEXT_FIELDS, ENRICHABLE_FIELDS, Finding
from lead_pipeline.domain.leads import Confidence
from lead_pipeline.domain.normalize.emails import email_domain

#: Flag of a lead: the value of this field came from enrichment and is not sure enough to be written.
UNVERIFIED_FLAG = "unverified_"
#: Values that go along with another one and are never merged by themselves: country_name says what country says.
COMPANIONS: Mapping[str, tuple[str, ...]] = {
    "email": ("email_status",),
    "country": ("country_name",),
    "employee_count": ("employee_band",),
    "company_domain": ("website",),
}


class MergeVerdict(StrEnum):
    """What became of one finding."""

    FILLED = "filled"  # the lead had nothing
    REPLACED = "replaced"  # the lead's value was stale
    CONFIRMED = "confirmed"  # the lead held this value already
    UNVERIFIED = "unverified"  # kept, marked, reviewed, never written: not sure enough
    KEPT_FRESH = "kept_fresh"  # the lead's own value is not stale, or younger than the finding
    KEPT_MAILBOX = "kept_mailbox"  # an address that may not replace the lead's own
    OF_ANOTHER = "of_another"  # the address or profile of somebody else that we know
    CONTEXT = "context"  # for people only


#: What changed the lead so that it may be written.
CHANGING_VERDICTS = frozenset({MergeVerdict.FILLED, MergeVerdict.REPLACED})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderFindings:
    """What one provider knows about a person.

    Attributes:
        provider: Its name.
        label: For people.
        answered_at: When it answered, aware UTC.
        findings: Canonical field -> finding.
        observed_at: When it last looked itself; None where it does not say.
    """

    provider: str
    label: str
    answered_at: datetime
    findings: Mapping[str, Finding]
    observed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenFinding:
    """The finding that counts for one field, and who said it."""

    provider: ProviderFindings
    finding: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldResult:
    """What became of the finding of one field."""

    name: str  # canonical field
    verdict: MergeVerdict
    reason: str
    provider: str
    value: object = field(repr=False)
    confidence: Confidence
    answered_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadValues:
    """The lead before enrichment.

    Attributes:
        values: Canonical field -> value.
        confidences: Canonical field -> how sure its value is.
        observed_at: When its source last looked, aware UTC; None where nobody knows.
        stale: Fields whose value is older than it may be.
        taken: Canonical field -> values that are known to be somebody else's: addresses and profiles.
    """

    values: Mapping[str, object]
    confidences: Mapping[str, Confidence]
    observed_at: datetime | None
    stale: frozenset[str]
    taken: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The lead after enrichment: what is new in it, and what became of every finding."""

    values: Mapping[str, object]
    confidences: Mapping[str, Confidence]
    flags: tuple[str, ...]
    results: tuple[FieldResult, ...]

    @property
    def changed(self) -> tuple[str, ...]:
        """Fields that were filled or replaced, in order."""
        return tuple(result.name for result in self.results if result.verdict in CHANGING_VERDICTS)


def choose_findings(answers: Iterable[ProviderFindings], rules: ConfidenceRules) -> dict[str, ChosenFinding]:
    """Return for each field the finding of the first provider that is sure enough, else the surest one.

    Args:
        answers: In the order in which the providers are asked.
        rules: How sure is enough.
    """
    chosen: dict[str, ChosenFinding] = {}
    for answer in answers:
        for name, finding in cross_check(answer.findings, rules).items():
            rival = chosen.get(name)
            if rival is None or _beats(name, finding, rival.finding, rules=rules):
                chosen[name] = ChosenFinding(provider=answer, finding=finding)
    return chosen


def fresh_findings(answer: ProviderFindings, max_age: Mapping[str, timedelta], *, now: datetime) -> ProviderFindings:
    """Return an answer without the findings that have become stale themselves.

    Args:
        answer: What a provider said once.
        max_age: Canonical field, or RECORD for all others -> age from which on a value is stale.
        now: The present moment, aware UTC.
    """
    age = now - answer.answered_at
    kept = {name: one for name, one in answer.findings.items() if age < max_age.get(name, max_age[RECORD])}
    return replace(answer, findings=kept)


def still_wanted(wanted: Iterable[str], answers: Iterable[ProviderFindings], rules: ConfidenceRules) -> frozenset[str]:
    """Return the wanted fields that no answer holds with enough confidence: what the next provider is asked for."""
    found = choose_findings(answers, rules)
    sure = {name for name, choice in found.items() if rules.is_sure(name, choice.finding.confidence.share)}
    return frozenset(name for name in wanted if name in ENRICHABLE_FIELDS and name not in sure)


def cross_check(findings: Mapping[str, Finding], rules: ConfidenceRules) -> dict[str, Finding]:
    """Return the findings with e-mail and company domain held against each other.

    One domain removes a part of the doubt about both; two take a part of the confidence. It proves the employer, not
    the mailbox, so that a guessed address does not become a verified one by it.
    """
    checked = dict(findings)
    email, company = findings.get("email"), findings.get("company_domain")
    own = email_domain(str(email.value)) if email is not None else None
    if email is None or company is None or own is None:
        return checked
    agrees = own == company.value
    for name, finding in (("email", email), ("company_domain", company)):
        share = finding.confidence.share
        judged = share + (1 - share) * rules.agreement_gain if agrees else share * (1 - rules.contradiction_loss)
        checked[name] = Finding(
            value=finding.value, confidence=Confidence(share=round(judged, 4), origin=finding.confidence.origin)
        )
    return checked


def merge(lead: LeadValues, answers: Iterable[ProviderFindings], rules: ConfidenceRules) -> Merged:
    """Return the lead with what the answers add to it.

    Args:
        lead: The lead as it was delivered.
        answers: In the order in which the providers are asked.
        rules: How sure a value has to be.
    """
    chosen = choose_findings(answers, rules)
    companions = {name for principal, names in COMPANIONS.items() if principal in chosen for name in names}
    values, confidences, flags, results = dict(lead.values), dict(lead.confidences), [], []
    for name in sorted(set(chosen) - companions):
        choice = chosen[name]
        verdict, reason = _judge(name, choice, lead=lead, rules=rules)
        results.append(_result(name, choice, verdict, reason))
        if verdict in CHANGING_VERDICTS:
            _take(name, chosen, values=values, confidences=confidences)
        elif verdict is MergeVerdict.UNVERIFIED and name not in lead.values:
            values[name] = choice.finding.value
            confidences[name] = choice.finding.confidence
            flags.append(UNVERIFIED_FLAG + name)
        elif verdict is MergeVerdict.CONFIRMED:
            confidences[name] = max(
                (choice.finding.confidence, *filter(None, (lead.confidences.get(name),))), key=lambda sure: sure.share
            )
    return Merged(values=values, confidences=confidences, flags=tuple(flags), results=tuple(results))


def _beats(name: str, finding: Finding, rival: Finding, *, rules: ConfidenceRules) -> bool:
    if rules.is_sure(name, rival.confidence.share):
        return False
    return finding.confidence.share > rival.confidence.share


def _take(
    name: str,
    chosen: Mapping[str, ChosenFinding],
    *,
    values: dict[str, object],
    confidences: dict[str, Confidence],
) -> None:
    """Take a value over, and with it what its provider says in other words; what no longer belongs to it goes."""
    choice = chosen[name]
    values[name], confidences[name] = choice.finding.value, choice.finding.confidence
    for companion in COMPANIONS.get(name, ()):
        finding = choice.provider.findings.get(companion)
        values.pop(companion, None)
        confidences.pop(companion, None)
        if finding is not None:
            values[companion], confidences[companion] = finding.value, finding.confidence


_Judgement = tuple[MergeVerdict, str]


def _judge(
    name: str,
    choice: ChosenFinding,
    *,
    lead: LeadValues,
    rules: ConfidenceRules,
) -> _Judgement:
    if name in CONTEXT_FIELDS:
        return MergeVerdict.CONTEXT, "shown as context, never written as a fact"
    case = _Case(name=name, choice=choice, lead=lead, rules=rules, status=_status_of(choice))
    return next(found for step in _STEPS if (found := step(case)) is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    name: str
    choice: ChosenFinding
    lead: LeadValues
    rules: ConfidenceRules
    status: str | None

    @property
    def before(self) -> object:
        return self.lead.values.get(self.name)

    @property
    def finding(self) -> Finding:
        return self.choice.finding


def _confirm_equal(case: _Case) -> _Judgement | None:
    if case.before is None or _folded(case.before) != _folded(case.finding.value):
        return None
    return MergeVerdict.CONFIRMED, "the provider says the same"


def _keep_fresh(case: _Case) -> _Judgement | None:
    if case.before is None:
        return None
    if case.name not in case.lead.stale:
        return MergeVerdict.KEPT_FRESH, "the delivered value is not stale"
    looked_at = case.choice.provider.observed_at or case.choice.provider.answered_at
    if case.lead.observed_at is not None and looked_at <= case.lead.observed_at:
        return MergeVerdict.KEPT_FRESH, "the provider looked no later than the source of the delivered value"
    return None


def _refuse_taken(case: _Case) -> _Judgement | None:
    if str(case.finding.value) not in case.lead.taken.get(case.name, frozenset()):
        return None
    return MergeVerdict.OF_ANOTHER, "another person is known by this value"


def _doubt(case: _Case) -> _Judgement | None:
    share, required = case.finding.confidence.share, case.rules.required(case.name)
    if share >= required:
        return None
    return MergeVerdict.UNVERIFIED, f"confidence {share:.0%} is below the required {required:.0%}"


def _guard_mailbox(case: _Case) -> _Judgement | None:
    if case.name != "email" or case.before is None:
        return None
    objection = object_to_replacement(
        str(case.before),
        str(case.finding.value),
        share=case.finding.confidence.share,
        status=case.status,
        verified_share=case.rules.verified_share,
    )
    return None if objection is None else (MergeVerdict.KEPT_MAILBOX, objection)


def _accept(case: _Case) -> _Judgement:
    if case.before is None:
        return MergeVerdict.FILLED, "the lead had no value"
    return MergeVerdict.REPLACED, "the lead's value was stale"


#: In order of rank; the last always answers.
_STEPS: tuple[Callable[[_Case], _Judgement | None], ...] = (
    _confirm_equal,
    _keep_fresh,
    _refuse_taken,
    _doubt,
    _guard_mailbox,
    _accept,
)


def _status_of(choice: ChosenFinding) -> str | None:
    status = choice.provider.findings.get("email_status")
    return None if status is None else str(status.value)


def _folded(value: object) -> object:
    return value.strip().casefold() if isinstance(value, str) else value


def _result(name: str, choice: ChosenFinding, verdict: MergeVerdict, reason: str) -> FieldResult:
    return FieldResult(
        name=name,
        verdict=verdict,
        reason=reason,
        provider=choice.provider.provider,
        value=choice.finding.value,
        confidence=choice.finding.confidence,
        answered_at=choice.provider.answered_at,
    )
