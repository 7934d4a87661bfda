"""Asks Dievio what its documents leave open, for a handful of credits, and writes down what came without any value.

What a call may cost is set aside before it leaves: one that could pass the limit is not made. The rows are kept in
memory only; a report holds keys, kinds, numbers of rows and a few headers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import yaml

from lead_pipeline.dievio.options import AnswerKeys
from lead_pipeline.domain.extraction import SourceMapping, extract_fields
from lead_pipeline.domain.findings import Finding, Severity
from lead_pipeline.domain.provider_probe import draft_mapping, find_unknown_keys, find_winners, outline
from lead_pipeline.errors import RetryableError
from lead_pipeline.transport.json_answers import OK, PAYMENT_REQUIRED, REFUSED_CREDENTIALS, Answer

DEFAULT_CREDITS = 5  # what the questions cost when Dievio answers as documented
LARGE_PAGE = 500
USUAL_PAGE = 100  # rows of a page that the product asks for
INVENTED_PROFILE = "https://www.linkedin.com/in/nobody-has-this-name-000000000"
SUBJECT = "Dievio probe"
#: Headers that may be shown: of others nobody knows what they hold.
SHOWN_HEADERS = ("content-type", "retry-after")
SHOWN_PREFIXES = ("x-ratelimit", "x-rate-limit", "x-minute", "x-credits", "x-totallimit", "ratelimit")
BALANCE_HEADERS = ("x-credits-remaining", "x-totallimit-remaining")

_SMALLEST: Mapping[str, object] = {
    "email_status": "all",
    "include_emails": True,
    "include_phones": False,
    "_include_raw": True,
    "_page": 1,
    "_per_page": 1,
    "max_results": 1,
}


class ProbedDievio(Protocol):
    """The part of the Dievio client that a probe asks."""

    @property
    def answer_keys(self) -> AnswerKeys:
        """Where an answer holds what."""

    def try_search(self, body: Mapping[str, object]) -> Answer:
        """Return the answer to a search as it came."""

    def try_lookup(self, body: Mapping[str, object]) -> Answer:
        """Return the answer to a lookup as it came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeStep:
    """One question and its answer. `told` is what follows from it; `rows` stay in memory."""

    question: str
    status: int | None = None  # None: not asked, or no answer came
    told: str = ""
    rows: tuple[object, ...] = field(default=(), repr=False)
    envelope: Mapping[str, str] = field(default_factory=dict)  # keys of the answer beside its rows -> kind
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def credits(self) -> int:
        """What it cost: each row is billed."""
        return len(self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class DievioProbe:
    """Everything that was asked."""

    steps: tuple[ProbeStep, ...]
    findings: tuple[Finding, ...]
    report: str  # Markdown
    draft: str  # YAML; empty when no row came

    @property
    def credits(self) -> int:
        """Credits that were spent: each row that came is billed."""
        return sum(step.credits for step in self.steps)


def probe_dievio(
    dievio: ProbedDievio,
    mapping: SourceMapping,
    *,
    document: Mapping[str, Any],
    filters: Mapping[str, object],
    most_credits: int = DEFAULT_CREDITS,
) -> DievioProbe:
    """Ask what the documents leave open.

    Args:
        dievio: Dievio.
        mapping: How rows are read now.
        document: The same mapping as its document.
        filters: Of a search that finds somebody, in Dievio's names.
        most_credits: Credits that may be spent.
    """
    questions = _Questions(dievio, mapping, filters=filters, most_credits=most_credits)
    questions.ask_all()
    steps = tuple(questions.steps)
    rows = [row for step in steps for row in step.rows]
    draft = _write_draft(draft_mapping(document, mapping, rows), mapping, rows) if rows else ""
    return DievioProbe(
        steps=steps, findings=tuple(_find(steps, mapping, rows)), report=_write_report(steps, rows), draft=draft
    )


class _Questions:
    """The questions of one probe, within its limit."""

    def __init__(
        self, dievio: ProbedDievio, mapping: SourceMapping, *, filters: Mapping[str, object], most_credits: int
    ) -> None:
        self._dievio = dievio
        self._mapping = mapping
        self._search = {**filters, **_SMALLEST}
        self._credits_left = most_credits
        self.steps: list[ProbeStep] = []

    def ask_all(self) -> None:
        """Ask everything that the limit allows; a refused key ends it."""
        first = self._ask("one row of a search", self._search)
        if first.status in {*REFUSED_CREDENTIALS, PAYMENT_REQUIRED, None}:
            return
        again = self._ask("the same search again", self._search)
        self._tell(again, _compare(first, again))
        large = self._ask(f"pages of {LARGE_PAGE} rows", {**self._search, "_per_page": LARGE_PAGE})
        self._tell(large, f"the answer says per_page {_echo(large, self._dievio.answer_keys)}")
        self._ask_for_profiles(first)
        self._ask("a value outside a documented list", {**self._search, "email_status": "no_such_status"})
        self._ask("no filter at all", dict(_SMALLEST))

    def _ask_for_profiles(self, first: ProbeStep) -> None:
        rows = [row for row in first.rows if isinstance(row, Mapping)]
        known = next((extract_fields(row, self._mapping).values.get("linkedin_url") for row in rows), None)
        if known is None:
            self.steps.append(ProbeStep(question="a known and an invented profile", told="no profile was delivered"))
            return
        body = {
            "linkedinUrls": [str(known), INVENTED_PROFILE],
            "includeWorkEmails": True,
            "includePersonalEmails": False,
            "onlyWithEmails": False,
            "includePhones": False,
            "_page": 1,
            "_per_page": 2,
            "max_results": 2,
        }
        step = self._ask("a known and an invented profile", body, most_rows=2, send=self._dievio.try_lookup)
        self._tell(step, f"{step.credits} of 2 profiles came back")

    def _ask(
        self,
        question: str,
        body: Mapping[str, object],
        *,
        most_rows: int = 1,
        send: Callable[[Mapping[str, object]], Answer] | None = None,
    ) -> ProbeStep:
        if most_rows > self._credits_left:
            step = ProbeStep(question=question, told="not asked: it could have passed the limit of credits")
        else:
            step = self._send(question, body, send or self._dievio.try_search)
            # An answer that was lost may have been billed.
            self._credits_left -= step.credits if step.status is not None else most_rows
        self.steps.append(step)
        return step

    def _send(
        self, question: str, body: Mapping[str, object], send: Callable[[Mapping[str, object]], Answer]
    ) -> ProbeStep:
        try:
            answer = send(body)
        except RetryableError as error:
            return ProbeStep(question=question, told=f"no complete answer ({type(error).__name__}); may be billed")
        document = dict(_parse(answer))
        keys = self._dievio.answer_keys
        place = next((path for path in keys.rows if isinstance(document.get(path), list)), None)
        rows = document.pop(place) if place is not None and answer.status == OK else []
        return ProbeStep(
            question=question,
            status=answer.status,
            rows=tuple(rows),
            envelope={**outline(document), **_paging(document, keys)},
            headers={name: value for name, value in answer.headers.items() if _is_shown(name)},
            told="" if answer.status == OK else "refused",
        )

    def _tell(self, step: ProbeStep, told: str) -> None:
        if step.status == OK and self.steps[-1] is step:
            self.steps[-1] = ProbeStep(
                question=step.question,
                status=step.status,
                told=told,
                rows=step.rows,
                envelope=step.envelope,
                headers=step.headers,
            )


def _parse(answer: Answer) -> Mapping[str, Any]:
    try:
        document = json.loads(answer.text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _paging(document: Mapping[str, Any], keys: AnswerKeys) -> dict[str, str]:
    """Return the numbers that an answer tells about its pages: they are about nobody."""
    names = (*keys.has_more, *keys.next_page, *keys.total_count, *keys.counting, *keys.per_page)
    return {name: str(document[name]) for name in names if isinstance(document.get(name), int)}


def _is_shown(name: str) -> bool:
    return name in SHOWN_HEADERS or name.startswith(SHOWN_PREFIXES)


def _compare(first: ProbeStep, again: ProbeStep) -> str:
    order = "the same row came" if _digest(first) == _digest(again) else "another row came"
    balances = [_balance(first), _balance(again)]
    if not all(balance.isdigit() for balance in balances):
        return f"{order}; no header tells whether it was billed again: compare the balance in Dievio's dashboard"
    billed = "billed again" if int(balances[1]) < int(balances[0]) else "not billed again"
    return f"{order}; {billed}"


def _balance(step: ProbeStep) -> str:
    return next((step.headers[name] for name in BALANCE_HEADERS if name in step.headers), "")


def _digest(step: ProbeStep) -> str:
    return hashlib.sha256(json.dumps(step.rows, sort_keys=True, default=str).encode()).hexdigest()


def _echo(step: ProbeStep, keys: AnswerKeys) -> str:
    return next((step.envelope[path] for path in keys.per_page if path in step.envelope), "nowhere")


def _find(steps: tuple[ProbeStep, ...], mapping: SourceMapping, rows: list[object]) -> Iterator[Finding]:
    first = steps[0]
    if first.status in REFUSED_CREDENTIALS:
        yield _finding(
            "probe_key_refused", Severity.ERROR, f"the key was refused ({first.status})", "Check DIEVIO_API_KEY"
        )
    elif first.status == PAYMENT_REQUIRED:
        yield _finding("probe_no_credits", Severity.ERROR, "the workspace has no credits", "Buy credits in Dievio")
    elif not rows:
        what = (
            "no row came" if first.status == OK else f"the first search was not answered ({first.status or first.told})"
        )
        yield _finding(
            "probe_no_rows", Severity.WARNING, what, "Mend the first search of segments.yaml, then probe again"
        )
    else:
        missing = sorted(mapping.expected - find_winners(mapping, rows).keys())
        if missing:
            yield _finding(
                "probe_values_missing",
                Severity.WARNING,
                f"no row carried {', '.join(missing)} under a known name",
                "Find their keys in the report and add them to sources/dievio.yaml",
            )
        yield _finding(
            "probe_rows_read",
            Severity.NOTE,
            "the key works, and rows are read by the mapping",
            "Compare draft and mapping",
        )


def _finding(code: str, severity: Severity, what: str, repair: str) -> Finding:
    return Finding(
        code=code, severity=severity, subject=SUBJECT, what=what, why="leads come from Dievio alone", repair=repair
    )


def _write_report(steps: tuple[ProbeStep, ...], rows: list[object]) -> str:
    lines = [
        "# Probe of Dievio",
        "",
        f"{sum(step.credits for step in steps)} credits. Keys, kinds and numbers only: no value of a row stands here.",
        "",
        "| question | status | rows | told |",
        "|---|---|---|---|",
        *(
            f"| {step.question} | {step.status or '-'} | {step.credits} | {step.told or 'as documented'} |"
            for step in steps
        ),
        "",
        "## A row",
        "",
        *(f"- `{path}`: {kind}" for path, kind in outline(rows[0] if rows else {}).items()),
    ]
    for step in steps:
        if step.status is not None:
            lines += ["", f"## {step.question.capitalize()}", ""]
            lines += [f"- answer `{path}`: {kind}" for path, kind in step.envelope.items()]
            lines += [f"- header `{name}`: {value}" for name, value in step.headers.items()]
    return "\n".join(lines) + "\n"


def _write_draft(document: Mapping[str, Any], mapping: SourceMapping, rows: list[object]) -> str:
    silent = sorted(document["fields"].keys() - find_winners(mapping, rows).keys())
    unknown = find_unknown_keys(mapping, rows)
    head = [
        "# Drafted from the rows of a probe: the path that carried a value stands first. Compare it with",
        "# sources/dievio.yaml, give it a version, and put it there.",
        f"# Without a value in these rows: {', '.join(silent) or 'none'}",
        f"# Keys that no field uses: {', '.join(unknown) or 'none'}",
    ]
    return "\n".join(head) + "\n" + yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True)
