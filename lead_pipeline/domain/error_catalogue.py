"""Every code that a dead letter, a question or a quarantined row may carry, as one page: meaning, what to do, owner.

The page is drawn from the tables that the product itself decides by, so that it cannot tell anything else. What codes
of Salesforce lead to is `refusals`, why a person is asked `review_reasons`, why a row cannot go on `normalize/lead`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from lead_pipeline.domain.normalize.lead import QUARANTINE_REASONS
from lead_pipeline.domain.ownership import QUARANTINE_ROLE, ROLES
from lead_pipeline.domain.refusals import (
    REFUSALS,
    TRANSIENT_CAUSES,
    TRANSIENT_REFUSAL,
    UNCLASSIFIED_REFUSAL,
    Refusal,
    RefusalStep,
)
from lead_pipeline.domain.review_reasons import GUIDES, ReviewChoice

#: What the engine does after a refusal, in words.
STEP_TEXTS: Mapping[RefusalStep, str] = {
    RefusalStep.READ: "read the record; ask a person when that does not tell",
    RefusalStep.REPLAN: "read and plan anew; ask a person when it happens again",
    RefusalStep.REVIEW: "ask a person",
    RefusalStep.DEAD_LETTER: "dead letter",
    RefusalStep.STOP: "stop the run: every further write would fail the same way",
}
CHOICE_TEXTS: Mapping[ReviewChoice, str] = {
    ReviewChoice.SAME: "--same",
    ReviewChoice.NOT_SAME: "--not-same",
    ReviewChoice.CREATE: "--create",
    ReviewChoice.SKIP: "--skip",
    ReviewChoice.AGAIN: "--again",
    ReviewChoice.FIELDS: "--take / --keep",
}


_PAGE = """# Error catalogue

Every code that a dead letter, a review question or a quarantined row may carry. Nothing fails without one of them, and
nothing carries one without an owner. This page is drawn from the tables that the product decides by:
`lead-pipeline dlq codes --markdown > docs/errors.md`.

Who a role is says `owners.yaml`; a single code can be given to somebody else there.

{roles}

## Writes that Salesforce refused

`lead-pipeline dlq list` groups dead letters by these codes, `dlq retry --code CODE` tries a group again: each lead is
read, matched and planned anew, so that trying again is safe at any time.

"On every try" means that the write was waited for and sent again, three times, before it was given up.
What the org as a whole turns away is no letter: where the calls of a day are spent, or the org is busy, throttles
(429, with a code of Salesforce's own or without one) or is not reachable, the run ends, and the rest waits for the
next one. These codes stand here for rows of a Bulk job that came back with them on every try.

{refusals}

## Questions for people

`lead-pipeline review show ITEM` puts the lead beside its candidates, `review decide ITEM` takes one of the answers. An
answer holds until a record comes up that nobody had seen when it was given. Beside `--same RECORD`, `--take FIELD` lets
the lead's value replace what stands in a field, and `--keep FIELD` holds it off; else the mapping's policies decide.

{questions}

## Rows in quarantine

They break the contract before any write, and are kept with every reason at once.

{quarantine}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEntry:
    """One code."""

    code: str
    meaning: str
    consequence: str  # what the product does, or which answers settle it
    repair: str
    owner: str  # role


def list_refusals() -> tuple[CatalogueEntry, ...]:
    """Return what Salesforce's refusals mean, those for the time being last but one, any other code last."""
    named = [(entry.code, entry) for entry in REFUSALS.values()]
    named += [(code, _used_up(cause)) for code, cause in TRANSIENT_CAUSES.items()]
    return tuple(_refusal(code, entry) for code, entry in (*named, ("(any other code)", UNCLASSIFIED_REFUSAL)))


def list_questions() -> tuple[CatalogueEntry, ...]:
    """Return why people are asked."""
    return tuple(
        CatalogueEntry(
            code=guide.code,
            meaning=guide.meaning,
            consequence=", ".join(CHOICE_TEXTS[choice] for choice in guide.choices),
            repair=guide.advice,
            owner=guide.owner,
        )
        for guide in GUIDES.values()
    )


def list_quarantine() -> tuple[CatalogueEntry, ...]:
    """Return why delivered rows cannot go on."""
    return tuple(
        CatalogueEntry(
            code=code,
            meaning=message,
            consequence=f"quarantine{f', {field}' if field else ''}",
            repair="Correct the row at its source, or the source mapping if the value stands in another key",
            owner=QUARANTINE_ROLE,
        )
        for code, (field, message) in QUARANTINE_REASONS.items()
    )


def draw_catalogue() -> str:
    """Return the page as Markdown."""
    titles = ("code", "meaning", "what follows", "what to do", "owner")
    return _PAGE.format(
        roles="\n".join(f"- **{role}** {text}" for role, text in ROLES.items()),
        refusals=_table(titles, list_refusals()),
        questions=_table(("reason", "meaning", "answers", "how to find the answer", "owner"), list_questions()),
        quarantine=_table(titles, list_quarantine()),
    )


def _used_up(cause: str) -> Refusal:
    return replace(TRANSIENT_REFUSAL, cause=f"{cause}, on every try")


def _refusal(code: str, entry: Refusal) -> CatalogueEntry:
    return CatalogueEntry(
        code=code, meaning=entry.cause, consequence=STEP_TEXTS[entry.step], repair=entry.repair, owner=entry.owner
    )


def _table(titles: tuple[str, ...], entries: Iterable[CatalogueEntry]) -> str:
    lines = [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"]
    for entry in entries:
        code = f"`{entry.code}`" if not entry.code.startswith("(") else entry.code
        cells = (code, entry.meaning, entry.consequence, entry.repair, entry.owner)
        lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return "\n".join(lines)
