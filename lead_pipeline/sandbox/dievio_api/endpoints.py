"""The two endpoints that Dievio documents: lead search and profile lookup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lead_pipeline.sandbox.control_plane import FaultKind, FiredFault
from lead_pipeline.sandbox.dievio_api.filters import FILTERS, wanted_values
from lead_pipeline.sandbox.dievio_api.paging import PageRequest, RefusedRequestError
from lead_pipeline.sandbox.dievio_api.pool import Pool, profile_slug
from lead_pipeline.sandbox.dievio_api.row_contents import Contents, has_email, strip_row

SEARCH_ROWS_PER_PAGE = 25  # documented defaults
SEARCH_MAX_RESULTS = 500
LOOKUP_ROWS_PER_PAGE = 100
LOOKUP_MAX_RESULTS = 100_000
MAX_PROFILES = 100_000
EMAIL_STATUSES = ("all", "verified", "likely")
SEARCH_CONTROLS = {
    "_page", "_per_page", "max_results", "_include_raw", "include_emails", "include_phones", "email_status",
}  # fmt: skip

#: The faults that only this API has.
FAULT_KINDS: Mapping[str, FaultKind] = {
    "charged_but_lost": FaultKind("The rows are charged, but the answer is an error.", {"status": 502}),
    "page_shift": FaultKind("The page begins so many rows later than it should; fewer than 0: earlier.", {"rows": 1}),
    "cursor_expired": FaultKind("A page after the first is refused.", {"status": 410}),
    "short_page": FaultKind("At most so many rows come back although the balance suffices.", {"rows": 0}),
    "broken_row": FaultKind("The row at record_index (0) is replaced.", {"value": None}),
}

Body = Mapping[str, Any]
Faults = Sequence[FiredFault]


class Endpoints:
    """Answers both kinds of request from a pool of rows.

    Methods take the JSON body and the faults that strike the request.

    Raises:
        RefusedRequestError: From each method, when the answer is an error.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def search(self, body: Body, faults: Faults) -> dict[str, Any]:
        """Answer a lead search; rows are in `preview_data`."""
        self._refuse_unknown(body)
        status = body.get("email_status", "all")
        if status not in EMAIL_STATUSES:
            raise RefusedRequestError(
                400, "invalid_request", f"email_status has to be one of {', '.join(EMAIL_STATUSES)}"
            )
        contents = Contents(
            has_raw=_flag(body, "_include_raw", default=True),
            has_work_emails=_flag(body, "include_emails", default=True),
            has_personal_emails=_flag(body, "include_emails", default=True),
            has_phones=_flag(body, "include_phones", default=False),
        )
        request = self._read_page(body, per_page=SEARCH_ROWS_PER_PAGE, max_results=SEARCH_MAX_RESULTS)
        hits = self._pool.find(wanted_values(body), email_status=status)
        profile = self._pool.switches.search_profile
        answer, rows = self._sell(request, hits, faults, contents=contents, profile=profile)
        if self._pool.switches.counting == "on" and request.page == 1 and answer["has_more"]:
            answer |= {"counting": True, "total_count": len(rows) + 1}
        return answer | {"preview_count": len(rows), "preview_data": rows}

    def look_up(self, body: Body, faults: Faults) -> dict[str, Any]:
        """Answer a lookup of profile addresses; rows are in `data`."""
        addresses = body.get("linkedinUrls")
        if not isinstance(addresses, list) or not addresses or not all(isinstance(item, str) for item in addresses):
            raise RefusedRequestError(400, "invalid_request", "linkedinUrls has to be an array of addresses")
        if len(addresses) > MAX_PROFILES:
            raise RefusedRequestError(400, "invalid_request", f"linkedinUrls takes at most {MAX_PROFILES} addresses")
        contents = Contents(
            has_raw=True,
            has_work_emails=_flag(body, "includeWorkEmails", default=True),
            has_personal_emails=_flag(body, "includePersonalEmails", default=True),
            has_phones=_flag(body, "includePhones", default=False),
        )
        request = self._read_page(body, per_page=LOOKUP_ROWS_PER_PAGE, max_results=LOOKUP_MAX_RESULTS)
        hits = self._pool.find_profiles(dict.fromkeys(map(profile_slug, addresses)))
        profile = self._pool.switches.lookup_profile
        if _flag(body, "onlyWithEmails", default=True):
            hits = [hit for hit in hits if has_email(strip_row(self._pool.render(hit, profile), contents))]
        answer, rows = self._sell(request, hits, faults, contents=contents, profile=profile)
        return answer | {"data": rows}

    def _read_page(self, body: Body, *, per_page: int, max_results: int) -> PageRequest:
        is_refused = self._pool.switches.large_page == "refuse"
        return PageRequest.read(body, per_page=per_page, max_results=max_results, is_large_page_refused=is_refused)

    def _sell(
        self, request: PageRequest, hits: Sequence[int], faults: Faults, *, contents: Contents, profile: str
    ) -> tuple[dict[str, Any], list[object]]:
        """Choose, charge and render the rows of a page; return the paging keys and the rows."""
        struck = {fault.kind: fault for fault in faults}
        if "cursor_expired" in struck and request.page > 1:
            status = struck["cursor_expired"].params.get("status", 410)
            raise RefusedRequestError(status, "search_expired", "This search has expired. Start again at page 1.")
        wanted = request.cut(hits, shift=self._shift(request, struck))
        if "short_page" in struck:
            wanted = wanted[: struck["short_page"].params.get("rows", 0)]
        sold = self._charge(wanted)
        if "charged_but_lost" in struck:
            status = struck["charged_but_lost"].params.get("status", 502)
            raise RefusedRequestError(status, "upstream_error", "The lead service did not answer.")
        rows = [strip_row(self._pool.render(position, profile), contents) for position in sold]
        _break_row(rows, struck.get("broken_row"))
        is_same_page_next = len(sold) < len(wanted) and self._pool.switches.short_page == "same"
        answer = request.describe(
            hit_count=len(hits),
            row_count=len(rows),
            is_total_capped=self._pool.switches.total_count == "capped",
            next_page=request.page + (0 if is_same_page_next else 1),
        )
        return {"success": True, **answer}, rows

    def _charge(self, wanted: Sequence[int]) -> list[int]:
        """Sell as many of the rows as the balance allows."""
        prices = self._pool.price(wanted)
        balance = self._pool.balance
        if wanted and sum(prices) and balance <= 0:
            raise RefusedRequestError(402, "insufficient_credits", "Not enough credits.")
        sold: list[int] = []
        spent = 0
        for position, price in zip(wanted, prices, strict=True):
            if spent + price > balance:
                break
            sold.append(position)
            spent += price
        self._pool.charge(sold, credit_count=spent)
        return sold

    def _shift(self, request: PageRequest, struck: Mapping[str, FiredFault]) -> int:
        if "page_shift" in struck:
            return int(struck["page_shift"].params.get("rows", 1))
        if self._pool.switches.order == "shifting" and request.page > 1:
            return 1 if request.page % 2 else -1
        return 0

    def _refuse_unknown(self, body: Body) -> None:
        switches = self._pool.switches
        unknown = sorted(set(body) - set(FILTERS) - SEARCH_CONTROLS)
        if unknown and switches.unknown_filter == "refuse":
            raise RefusedRequestError(422, "invalid_request", f"Unknown filter: {', '.join(unknown)}")
        if switches.unknown_value == "refuse":
            for name, values in wanted_values(body).items():
                known = FILTERS[name].values
                wrong = [value for value in values if known and value not in known]
                if wrong:
                    raise RefusedRequestError(422, "invalid_request", f"{name} does not know {', '.join(wrong)}")


def _break_row(rows: list[object], fault: FiredFault | None) -> None:
    index = (fault.record_index or 0) if fault else len(rows)
    if fault and index < len(rows):
        rows[index] = fault.params.get("value", "this row is no object")


def _flag(body: Body, name: str, *, default: bool) -> bool:
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise RefusedRequestError(400, "invalid_request", f"{name} has to be true or false")
    return value
