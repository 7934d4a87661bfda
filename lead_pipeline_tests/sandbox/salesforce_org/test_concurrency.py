"""Several clients at once: a key is given once, a query sees one moment."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from lead_pipeline_tests.sandbox.salesforce_org.conftest import NO_ASSIGNMENT, RunningOrg

LEAD = {"LastName": "Test", "Company": "Test GmbH"}
KEY = "/sobjects/Lead/Dievio_Lead_ID__c"
CLIENTS = 4
ROUNDS = 8
REQUESTS = {
    "inserts": ("POST", "/sobjects/Lead", True, (201, 400)),
    "upserts": ("PATCH", f"{KEY}/k{{place}}", False, (201, 200)),
}


@pytest.mark.parametrize("kind", REQUESTS)
def test_clients_that_write_the_same_key_at_once_make_one_record(kind: str, admin: RunningOrg) -> None:
    method, path, sends_key, (first, later) = REQUESTS[kind]
    clients = [admin.acting_as("admin") for _ in range(CLIENTS)]
    start = Barrier(CLIENTS)

    def write(client: RunningOrg) -> list[int]:
        codes = []
        for place in range(ROUNDS):
            start.wait()
            body = {**LEAD, **({"Dievio_Lead_ID__c": f"k{place}"} if sends_key else {})}
            answer = client.call(method, path.format(place=place), json=body, headers=NO_ASSIGNMENT)
            codes.append(answer.status_code)
        return codes

    with ThreadPoolExecutor(CLIENTS) as pool:
        seen = list(zip(*pool.map(write, clients), strict=True))

    assert [sorted(codes) for codes in seen] == [sorted([first] + [later] * (CLIENTS - 1))] * ROUNDS
    assert admin.query("SELECT COUNT() FROM Lead")["totalSize"] == ROUNDS


def test_a_conditional_update_is_won_by_one_of_two(admin: RunningOrg) -> None:
    moment = "2026-03-01T00:00:00.000+0000"
    [record_id] = admin.org.load("Lead", [{**LEAD, "LastModifiedDate": moment}])
    clients = [admin.acting_as("admin") for _ in range(CLIENTS)]
    start = Barrier(CLIENTS)

    def write(client: RunningOrg) -> int:
        start.wait()
        headers = {"If-Unmodified-Since": "Sun, 01 Mar 2026 00:00:00 GMT", **NO_ASSIGNMENT}
        return client.call("PATCH", f"/sobjects/Lead/{record_id}", json={"Title": "x"}, headers=headers).status_code

    with ThreadPoolExecutor(CLIENTS) as pool:
        codes = sorted(pool.map(write, clients))

    assert codes == [204] + [412] * (CLIENTS - 1)


def test_a_long_query_keeps_its_total_and_rows_while_others_write(admin: RunningOrg) -> None:
    ids = admin.org.load("Lead", [{**LEAD, "Title": f"{place:05}"} for place in range(12_500)])
    gone = admin.create(Title="00000")
    admin.call("DELETE", f"/sobjects/Lead/{gone}")

    page = admin.query("SELECT Id FROM Lead ORDER BY Title, Id")
    found, total = [row["Id"] for row in page["records"]], page["totalSize"]
    while not page["done"]:
        admin.create(Title="00000")
        page = admin.call("GET", page["nextRecordsUrl"]).json()
        found += [row["Id"] for row in page["records"]]
        assert page["totalSize"] == total

    assert (total, found) == (len(ids), ids)
