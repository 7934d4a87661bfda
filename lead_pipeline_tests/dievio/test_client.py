"""The Dievio client against the emulator over loopback, and against carriers that fail on purpose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import httpx
import pytest
from pydantic import SecretStr

from lead_pipeline.dievio.client import DievioClient
from lead_pipeline.domain.searches import LookupRequest, SearchRequest
from lead_pipeline.errors import (
    ConfigurationError,
    CredentialsRefusedError,
    LeadPipelineError,
    OutOfCreditsError,
    ServiceUnavailableError,
    TransportFaultError,
    UnreadablePageError,
)
from lead_pipeline.services.pull import LeadSource
from lead_pipeline_tests.dievio_worlds import UNHURRIED, DievioWorld, running_dievio
from lead_pipeline_tests.fakes import FakeLeadSource

REQUEST = SearchRequest(segment="any", filters={}, page=1, per_page=100, max_results=1_000)
PEOPLE = [
    {"first_name": "Anna", "last_name": "Berg", "email": "anna.berg@acme.example", "linkedin_slug": "anna-berg"},
    {"first_name": "Li", "last_name": "Wei", "email": "li.wei@acme.example", "linkedin_slug": "li-wei"},
]


@pytest.fixture(scope="module")
def server() -> Iterator[DievioWorld]:
    with running_dievio() as world:
        yield world


@pytest.fixture
def dievio(server: DievioWorld) -> DievioWorld:
    server.reset()
    return server


@pytest.fixture
def client(dievio: DievioWorld) -> Iterator[DievioClient]:
    with dievio.client() as opened:
        yield opened


Sell = Callable[..., LeadSource]


@pytest.fixture(params=["emulator", "fake"])
def sell(request: pytest.FixtureRequest, dievio: DievioWorld) -> Iterator[Sell]:
    """Return a function that puts rows on sale and gives a source that sells them: the real client, then the fake."""
    opened: list[DievioClient] = []

    def put_on_sale(*rows: object, balance: int = 100_000) -> LeadSource:
        if request.param == "fake":
            return FakeLeadSource(rows, balance=balance)
        dievio.sell(*rows)
        dievio.set_credits(balance)
        opened.append(dievio.client())
        return opened[-1]

    yield put_on_sale
    for client in opened:
        client.close()


class TestContractOfALeadSource:
    def test_pages_follow_each_other_to_the_end(self, sell: Sell) -> None:
        source = sell(*({"number": number} for number in range(250)))
        pages = [source.search(replace(REQUEST, page=page)) for page in (1, 2, 3)]

        assert [len(page.rows) for page in pages] == [100, 100, 50]
        assert [page.next_page for page in pages] == [2, 3, None]
        assert [page.has_more for page in pages] == [True, True, False]
        assert {page.total_count for page in pages} == {250}
        assert [row for page in pages for row in page.rows] == [{"number": number} for number in range(250)]
        assert source.calls == 3

    def test_the_cap_ends_the_search(self, sell: Sell) -> None:
        page = sell(*range(250)).search(replace(REQUEST, page=2, max_results=150))

        assert (len(page.rows), page.has_more, page.total_count) == (50, False, 250)

    def test_a_search_without_hits_costs_nothing(self, sell: Sell) -> None:
        page = sell(balance=0).search(REQUEST)

        assert (page.rows, page.has_more, page.credits) == ((), False, 0)

    def test_a_low_balance_shortens_a_page_and_an_empty_one_is_told(self, sell: Sell) -> None:
        source = sell(*range(250), balance=130)
        pages = [source.search(replace(REQUEST, page=page)) for page in (1, 2)]

        assert [page.credits for page in pages] == [100, 30]
        with pytest.raises(OutOfCreditsError):
            source.search(replace(REQUEST, page=3))

    def test_rows_that_are_no_objects_are_delivered(self, sell: Sell) -> None:
        assert sell("text", None, 7, ["list"]).search(REQUEST).rows == ("text", None, 7, ["list"])

    def test_a_lookup_brings_known_profiles_only(self, sell: Sell) -> None:
        source = sell({"linkedin_url": "https://www.linkedin.com/in/anna", "email": "a@acme.example"})
        page = source.lookup(
            LookupRequest(linkedin_urls=("https://linkedin.com/in/anna", "https://linkedin.com/in/no"))
        )

        assert len(page.rows) == 1
        assert page.credits == 1


@pytest.mark.parametrize("profile", ["article", "pdl", "lookup", "messy"])
def test_rows_of_every_shape_arrive_as_they_were_sent(dievio: DievioWorld, client: DievioClient, profile: str) -> None:
    dievio.sell(*({"_person": person} for person in PEOPLE))
    dievio.switch(search_profile=profile)

    page = client.search(REQUEST)

    assert len(page.rows) == 2
    assert all(isinstance(row, dict) and len(row) > 5 for row in page.rows)
    assert '"preview_data"' in page.body


def test_phones_come_only_when_asked_for(dievio: DievioWorld, client: DievioClient) -> None:
    dievio.sell({"_person": {**PEOPLE[0], "phone": "+49301234567"}})

    without, with_phones = (client.search(replace(REQUEST, include_phones=wanted)) for wanted in (False, True))

    assert "+49301234567" not in without.body
    assert "+49301234567" in with_phones.body


@pytest.mark.parametrize(("header", "prefix"), [("Authorization", "Bearer "), ("X-API-Key", "")])
def test_both_documented_ways_to_send_the_key_are_accepted(dievio: DievioWorld, header: str, prefix: str) -> None:
    dievio.sell("row")

    with dievio.client(options=replace(UNHURRIED, auth_header=header, auth_prefix=prefix)) as client:
        assert client.search(REQUEST).rows == ("row",)


def test_a_wrong_key_is_told_in_one_line_without_the_key(dievio: DievioWorld) -> None:
    with dievio.client(key="canary-wrong-key") as client, pytest.raises(CredentialsRefusedError) as caught:
        client.search(REQUEST)

    assert str(caught.value) == (
        "Dievio: credentials refused (401 unauthorized). Check DIEVIO_API_KEY and DIEVIO_BASE_URL"
    )
    assert client.calls == 1


def test_a_wrong_path_names_the_settings(dievio: DievioWorld) -> None:
    options = replace(UNHURRIED, search_path="/api/v9/search")

    with dievio.client(options=options) as client, pytest.raises(ConfigurationError, match="nothing at /api/v9/search"):
        client.search(REQUEST)


def test_an_address_where_nobody_listens_was_never_reached() -> None:
    client = DievioClient("http://127.0.0.1:9", SecretStr("k"), options=UNHURRIED)

    with client, pytest.raises(TransportFaultError) as caught:
        client.search(REQUEST)

    assert not caught.value.is_sent


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "status", "status": 500}, ServiceUnavailableError),
        ({"kind": "status", "status": 503}, ServiceUnavailableError),
        ({"kind": "html_200"}, UnreadablePageError),
        ({"kind": "truncated_json"}, TransportFaultError),
        ({"kind": "reset_after_commit"}, TransportFaultError),
        ({"kind": "slow", "seconds": 1.0}, TransportFaultError),
        ({"kind": "charged_but_lost", "status": 502}, ServiceUnavailableError),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_each_fault_of_the_road_has_its_error(
    dievio: DievioWorld, client: DievioClient, fault: dict[str, object], error: type[LeadPipelineError]
) -> None:
    dievio.sell_numbers(3)
    dievio.set_fault(**fault, times=1)  # type: ignore[arg-type]  # the kind is among the keys

    with pytest.raises(error) as caught:
        client.search(REQUEST)

    assert getattr(caught.value, "is_sent", True)
    assert client.search(REQUEST).credits == 3


def test_an_answer_that_drips_for_ever_is_given_up(dievio: DievioWorld) -> None:
    dievio.sell_numbers(50)
    dievio.set_fault("drip", pieces=20, pause_seconds=0.05)

    client = dievio.client(options=replace(UNHURRIED, total_seconds=0.2))

    with client, pytest.raises(TransportFaultError, match="answer took too long"):
        client.search(REQUEST)


def test_a_rate_limit_is_told_with_the_wait_that_was_asked_for(dievio: DievioWorld, client: DievioClient) -> None:
    dievio.switch(rate_limit_every=1, rate_limit_retry_after_seconds=9)

    with pytest.raises(ServiceUnavailableError) as caught:
        client.search(REQUEST)

    assert (caught.value.status, caught.value.retry_after_seconds) == (429, 9.0)


def _client(answer: httpx.Response | Exception, *, sleeps: list[float] | None = None) -> DievioClient:
    def carry(_request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return DievioClient(
        "https://dievio.example",
        SecretStr("k"),
        transport=httpx.MockTransport(carry),
        clock=lambda: 0.0,
        sleep=(sleeps if sleeps is not None else []).append,
    )


@pytest.mark.parametrize(
    ("fault", "is_sent"),
    [
        (httpx.ConnectError("x"), False),
        (httpx.ConnectTimeout("x"), False),
        (httpx.PoolTimeout("x"), False),
        (httpx.ProxyError("x"), False),
        (httpx.ReadTimeout("x"), True),
        (httpx.ReadError("x"), True),
        (httpx.WriteTimeout("x"), True),
        (httpx.RemoteProtocolError("x"), True),
    ],
)
def test_only_a_call_that_never_left_is_safe_to_repeat(fault: Exception, is_sent: bool) -> None:  # noqa: FBT001  # a table of cases
    with _client(fault) as client, pytest.raises(TransportFaultError) as caught:
        client.search(REQUEST)

    assert caught.value.is_sent is is_sent
    assert client.calls == 1


def test_a_redirect_is_not_followed() -> None:
    answer = httpx.Response(302, headers={"location": "https://evil.example/"})

    with _client(answer) as client, pytest.raises(UnreadablePageError, match="302 instead of a page"):
        client.search(REQUEST)

    assert client.calls == 1


def test_calls_keep_to_the_rate_and_slow_down_when_the_server_runs_low() -> None:
    sleeps: list[float] = []
    answer = httpx.Response(200, json={"data": []}, headers={"x-ratelimit-remaining": "1", "x-ratelimit-reset": "10"})

    with _client(answer, sleeps=sleeps) as client:
        client.search(REQUEST)
        client.search(REQUEST)

    assert sleeps == [11.0]


@pytest.mark.parametrize("address", ["http://dievio.com", "dievio.com", "https://k:v@dievio.com"])
def test_a_key_is_never_sent_to_an_unsafe_address(address: str) -> None:
    with pytest.raises(ConfigurationError, match="DIEVIO_BASE_URL"):
        DievioClient(address, SecretStr("k"))
