"""What an answer of Dievio means: a page, or an error that says what to do next. Pure functions of status and text.

How the answer travelled, and what happens when none arrives, is `client`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lead_pipeline.dievio.options import AnswerKeys
from lead_pipeline.domain.searches import SearchPage
from lead_pipeline.transport.json_answers import (
    Answer,
    Call,
    PaidService,
    read_answer,
    read_count,
    refused,
    storable,
    storable_text,
    unreadable,
)

DIEVIO = PaidService(
    name="Dievio", address_variable="DIEVIO_BASE_URL", key_variable="DIEVIO_API_KEY", document="dievio.yaml"
)
_ABSENT = object()


def read_page(answer: Answer, *, call: Call, keys: AnswerKeys) -> SearchPage:
    """Return the page that an answer holds.

    Raises:
        LeadPipelineError: The answer is an error; its type says what to do next.
    """
    document = read_answer(answer, call=call, service=DIEVIO)
    rows = _find(document, keys.rows)
    if document.get("success") is False:
        raise refused(answer, call=call, service=DIEVIO)
    if not isinstance(rows, list):
        raise unreadable(answer, "200 without rows", call=call, service=DIEVIO)
    next_page = read_count(_find(document, keys.next_page))
    has_more = _find(document, keys.has_more)
    return SearchPage(
        body=storable_text(answer.text),
        rows=tuple(storable(row) for row in rows),
        has_more=next_page is not None and has_more is not False,
        next_page=next_page,
        total_count=read_count(_find(document, keys.total_count)),
        is_total_exact=not _find(document, keys.counting, absent=False),
        per_page=read_count(_find(document, keys.per_page)) or None,
    )


def _find(document: Mapping[str, Any], paths: tuple[str, ...], *, absent: object = None) -> Any:  # noqa: ANN401  # any JSON value
    for path in paths:
        value: Any = document
        for key in path.split("."):
            value = value.get(key, _ABSENT) if isinstance(value, Mapping) else _ABSENT
        if value is not _ABSENT:
            return value
    return absent
