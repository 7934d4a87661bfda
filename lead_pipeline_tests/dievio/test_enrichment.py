"""What of Dievio's own ways the contract of providers does not know: doubles, broken rows, spellings of an address."""

from __future__ import annotations

import pytest

from lead_pipeline.dievio.enrichment import DievioEnrichment
from lead_pipeline.domain.enrichment.questions import AnswerState, Question, QuestionKey
from lead_pipeline.domain.enrichment.reading import RowRules
from lead_pipeline.domain.searches import LookupRequest, SearchPage, SearchRequest
from lead_pipeline_tests.lead_builders import FETCHED_AT, article_row, load_mapping


class Pages:
    """A client that answers every call with one page."""

    def __init__(self, *rows: object, total_count: int | None = None, has_more: bool = False) -> None:
        self.lookups: list[LookupRequest] = []
        self.searches: list[SearchRequest] = []
        self.calls, self.address = 0, "memory"
        self._page = SearchPage(
            body="{}", rows=rows, has_more=has_more, next_page=2 if has_more else None, total_count=total_count
        )

    def lookup(self, request: LookupRequest) -> SearchPage:
        self.lookups.append(request)
        return self._page

    def search(self, request: SearchRequest) -> SearchPage:
        self.searches.append(request)
        return self._page


def ask(pages: Pages, *slugs: str, wanted: frozenset[str] = frozenset({"title"})) -> list[AnswerState]:
    questions = [
        Question(
            dievio_lead_id=f"lead-{place}", segment="us", wanted=wanted, linkedin_url=f"https://linkedin.com/in/{slug}"
        )
        for place, slug in enumerate(slugs)
    ]
    provider = DievioEnrichment(pages, RowRules(mapping=load_mapping(), org_vocabulary={}), now=lambda: FETCHED_AT)
    return [answer.state for answer in provider.ask(questions, key=QuestionKey.LINKEDIN_URL).answers]


def row(slug: str) -> dict[str, object]:
    return article_row(linkedin_url=f"linkedin.com/in/{slug}")


FOUND, MISS, OPEN = AnswerState.FOUND, AnswerState.MISS, AnswerState.UNANSWERED


@pytest.mark.parametrize("asked", ["Jane-Doe/?trk=x", "jane-doe/", "jane%2Ddoe"])
def test_addresses_are_compared_by_profile_and_not_by_letters(asked: str) -> None:
    assert ask(Pages(row("jane-doe"), total_count=1), asked) == [FOUND]


@pytest.mark.parametrize(
    ("pages", "states"),
    [
        (Pages(row("a1"), total_count=1), [FOUND, MISS]),
        (Pages(row("a1")), [FOUND, MISS]),  # nobody counts: the page is taken for whole
        (Pages(row("a1"), total_count=2), [FOUND, OPEN]),  # cut short by the balance
        (Pages(row("a1"), has_more=True), [FOUND, OPEN]),
        (Pages(row("a1"), row("a1"), total_count=2), [FOUND, OPEN]),  # a double took the place of somebody
        (Pages(row("a1"), "no object", total_count=2), [FOUND, OPEN]),
        (Pages(total_count=0), [MISS, MISS]),
    ],
)
def test_only_a_whole_page_says_that_somebody_is_unknown(pages: Pages, states: list[AnswerState]) -> None:
    assert ask(pages, "a1", "b2") == states


def test_a_lookup_can_never_return_more_rows_than_it_names_profiles() -> None:
    pages = Pages(row("a1"))

    ask(pages, "a1", "b2")

    body = pages.lookups[0].as_body()
    assert (body["_per_page"], body["max_results"], body["onlyWithEmails"]) == (2, 2, False)


@pytest.mark.parametrize(("wanted", "phones"), [({"phone", "title"}, True), ({"title"}, False)])
def test_phones_are_asked_for_only_where_one_is_wanted(wanted: set[str], phones: bool) -> None:  # noqa: FBT001
    pages = Pages(row("a1"))

    ask(pages, "a1", wanted=frozenset(wanted))

    assert pages.lookups[0].include_phones is phones
