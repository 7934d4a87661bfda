"""The paging arithmetic that both endpoints share, and the paging keys of their answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_PAGE_ROWS = 100  # the cap of most vendors of this trade; Dievio documents none
MAX_RESULTS_CEILING = 100_000  # documented


class RefusedRequestError(Exception):
    """A request that is answered with an error of the API."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """Which rows are asked for."""

    page: int
    per_page: int
    max_results: int

    @classmethod
    def read(
        cls, body: Mapping[str, Any], *, per_page: int, max_results: int, is_large_page_refused: bool
    ) -> PageRequest:
        """Read the paging controls of a request body; `per_page` and `max_results` are the defaults.

        Raises:
            RefusedRequestError: A control is no whole number from 1, or too large.
        """
        asked = _read_count(body, "_per_page", per_page)
        if asked > MAX_PAGE_ROWS and is_large_page_refused:
            raise RefusedRequestError(422, "invalid_request", f"_per_page must not exceed {MAX_PAGE_ROWS}")
        return cls(
            page=_read_count(body, "_page", 1),
            per_page=min(asked, MAX_PAGE_ROWS),
            max_results=min(_read_count(body, "max_results", max_results), MAX_RESULTS_CEILING),
        )

    def cut(self, hits: Sequence[int], *, shift: int) -> list[int]:
        """Return the hits on this page; `shift` moves the window, as when rows come or go while somebody pages."""
        start = max(0, (self.page - 1) * self.per_page + shift)
        return list(hits[: self.max_results][start : start + self.per_page])

    def describe(self, *, hit_count: int, row_count: int, is_total_capped: bool, next_page: int) -> dict[str, Any]:
        """Return the paging keys of the answer.

        Args:
            hit_count: Hits of the search over all pages.
            row_count: Rows in this answer.
            is_total_capped: Whether `total_count` shows at most `max_results`.
            next_page: What to ask for next when there is more.
        """
        reachable = min(hit_count, self.max_results)
        total_pages = -(-reachable // self.per_page)
        has_more = next_page <= total_pages
        return {
            "count": row_count,
            "page": self.page,
            "per_page": self.per_page,
            "total_pages": total_pages,
            "total_count": reachable if is_total_capped else hit_count,
            "has_more": has_more,
            "next_page": next_page if has_more else None,
            "max_results": self.max_results,
        }


def _read_count(body: Mapping[str, Any], name: str, default: int) -> int:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise RefusedRequestError(400, "invalid_request", f"{name} has to be a whole number from 1")
    return value
