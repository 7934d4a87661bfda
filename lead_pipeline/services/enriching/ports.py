"""What enrichment needs from outside: a provider that answers questions about people. Dievio is the first.

The order in which providers are asked is configuration; what is asked and what the answers are worth is
`domain/enrichment`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lead_pipeline.domain.enrichment.questions import ProviderAnswer, ProviderCapabilities, Question, QuestionKey


class EnrichmentProvider(Protocol):
    """One provider of enrichment data. Nothing is repeated inside it: each try may cost credits."""

    @property
    def capabilities(self) -> ProviderCapabilities:
        """What it can be asked, and what that costs at most."""

    @property
    def address(self) -> str:
        """Where it is, for messages."""

    @property
    def calls(self) -> int:
        """Requests made so far, failed ones included."""

    def ask(self, questions: Sequence[Question], *, key: QuestionKey) -> ProviderAnswer:
        """Make one paid call about some people.

        Every question comes back with an answer, in their order: a person of whom a complete answer says nothing is a
        miss and costs nothing; one whom a short page no longer reached is unanswered.

        Args:
            questions: At most as many as the terms of `key` allow, each of which can be found by it.
            key: By what the people are found.

        Raises:
            LeadPipelineError: No answer came; its type says what to do next, as for every paid call:
                `TransportFaultError.is_sent` and `ServiceUnavailableError.status` tell whether it may have been billed,
                `OutOfCreditsError` that the balance is empty, `UnreadablePageError.body` keeps what was no answer.
        """
