"""The fake of the enrichment port; it passes the same contract tests as the real providers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lead_pipeline.domain.enrichment.questions import (
    ENRICHABLE_FIELDS,
    AnswerState,
    CallTerms,
    ProviderAnswer,
    ProviderCapabilities,
    Question,
    QuestionAnswer,
    QuestionKey,
    pair_answers,
)
from lead_pipeline.domain.enrichment.reading import RowReading, read_row
from lead_pipeline.domain.extraction import SourceMapping
from lead_pipeline.errors import LeadPipelineError, OutOfCreditsError
from lead_pipeline_tests.lead_builders import FETCHED_AT, load_mapping

Interruption = Callable[[Sequence[Question]], LeadPipelineError | None]


class FakeEnrichmentProvider:
    """Knows the people of a list, by slug or by name and domain; a credit for each one returned.

    Args:
        rows: The people, as rows of Dievio.
        name: What configuration and ledger call it.
        balance: Credits left.
        batch_size: Profiles a call.
        mapping: How its rows are read.
        interrupt: Asked before each call; a fault is raised instead of an answer.
    """

    def __init__(
        self,
        rows: Sequence[Mapping[str, Any]] = (),
        *,
        name: str = "fake",
        balance: int = 100_000,
        batch_size: int = 20,
        mapping: SourceMapping | None = None,
        interrupt: Interruption | None = None,
    ) -> None:
        self.rows = list(rows)
        self.balance = balance
        self.charged = 0
        self.interrupt = interrupt
        self.address = f"fake://{name}"
        self.asked: list[tuple[Question, ...]] = []
        self._mapping = mapping or load_mapping()
        self.capabilities = ProviderCapabilities(
            name=name,
            label=name.title(),
            fields=ENRICHABLE_FIELDS,
            terms={
                QuestionKey.LINKEDIN_URL: CallTerms(batch_size=batch_size),
                QuestionKey.NAME_AND_DOMAIN: CallTerms(batch_size=1, credits_at_most=2),
            },
        )

    @property
    def calls(self) -> int:
        return len(self.asked)

    def ask(self, questions: Sequence[Question], *, key: QuestionKey) -> ProviderAnswer:
        self.asked.append(tuple(questions))
        if self.interrupt is not None and (fault := self.interrupt(questions)) is not None:
            raise fault
        hits = [(question, reading) for question in questions for reading in self._hits(question, key)]
        if hits and self.balance <= 0:
            raise OutOfCreditsError("fake")
        sold = hits[: self.balance]
        self.balance -= len(sold)
        self.charged += len(sold)
        is_ambiguous = key is QuestionKey.NAME_AND_DOMAIN and len(hits) > 1
        found = {
            question.dievio_lead_id: QuestionAnswer(
                dievio_lead_id=question.dievio_lead_id,
                state=AnswerState.FOUND,
                findings={name: item for name, item in reading.findings.items() if name in ENRICHABLE_FIELDS},
                observed_at=reading.observed_at,
            )
            for question, reading in sold
            if not is_ambiguous
        }
        absent = AnswerState.UNANSWERED if len(sold) < len(hits) and not is_ambiguous else AnswerState.MISS
        body = json.dumps({"sold": len(sold)})
        return ProviderAnswer(answers=pair_answers(questions, found, absent=absent), credits=len(sold), body=body)

    def _hits(self, question: Question, key: QuestionKey) -> list[RowReading]:
        readings = [read_row(row, self._mapping, fetched_at=FETCHED_AT) for row in self.rows]
        if key is QuestionKey.LINKEDIN_URL:
            slug = str(question.linkedin_url).rpartition("/")[2].lower()
            return [reading for reading in readings if reading.keys.li == slug][:1]
        wanted = (str(question.first_name).lower(), str(question.last_name).lower(), question.company_domain)
        return [reading for reading in readings if (reading.keys.fn, reading.keys.ln, reading.keys.dm) == wanted][:2]
