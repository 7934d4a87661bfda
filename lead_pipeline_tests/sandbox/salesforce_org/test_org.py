"""The org without HTTP: editions, seeding, restarts, resets, schema changes, ids and formulas."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lead_pipeline.sandbox.control_plane import SandboxClock
from lead_pipeline.sandbox.salesforce_org import Org, SchemaChangeError, create_app, make_id
from lead_pipeline.sandbox.salesforce_org.formula import Change, FormulaError, compile_formula
from lead_pipeline.sandbox.salesforce_org.ids import add_checksum, normalize_id
from lead_pipeline_tests.sandbox.salesforce_org.conftest import RunningOrg

OURS = ("Dievio_Lead_ID__c", "Dievio_Last_Op__c", "Seniority__c")


@pytest.fixture
def demo() -> Any:
    org = Org()
    yield org
    org.close()


def test_the_stock_org_lacks_our_fields_and_the_demo_org_has_them(demo: Org) -> None:
    stock = Org(edition="stock")

    missing = [name for name in OURS if stock.schemas["Lead"].find(name) is None]
    stock.close()

    assert missing == list(OURS)
    assert all(demo.schemas[name].find(field) for name in ("Lead", "Contact") for field in OURS)


def test_both_editions_know_the_standard_objects(demo: Org) -> None:
    wanted = {"Lead", "Contact", "Account", "User", "Group", "Organization", "Campaign", "CampaignMember",
              "DuplicateRule", "AssignmentRule", "Opportunity"}  # fmt: skip

    assert wanted <= set(demo.schemas)


def test_loading_takes_system_fields_as_they_are(demo: Org) -> None:
    account = make_id("001", 1)
    demo.load("Account", [{"Id": account, "Name": "Acme"}])
    seed = {
        "Id": make_id("00Q", 7)[:15], "LastName": "Old", "Company": "Acme", "Email": "Old@Acme.Example",
        "CreatedDate": "2020-01-02T03:04:05Z", "IsConverted": True, "ConvertedAccountId": account, "IsDeleted": False,
    }  # fmt: skip

    [record_id] = demo.load("Lead", [seed])

    row = demo.store.get(demo.schemas["Lead"], record_id) or {}
    assert record_id == make_id("00Q", 7)
    assert (row["CreatedDate"], row["SystemModstamp"]) == ("2020-01-02T03:04:05.000+0000",) * 2
    assert (row["Email"], row["Name"], row["ConvertedAccountId"]) == ("old@acme.example", "Old", account)
    assert demo.store.journal() == []


@pytest.mark.parametrize(("name", "row"), [("Nothing", {}), ("Lead", {"Nope": 1}), ("Lead", {"Id": "short"})])
def test_loading_refuses_what_the_schema_does_not_know(demo: Org, name: str, row: dict[str, Any]) -> None:
    with pytest.raises(SchemaChangeError):
        demo.load(name, [row])


def test_records_tokens_and_schema_changes_outlive_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "org.sqlite"
    first = Org(state_path=path)
    user = first.find_user("rep")
    assert user is not None
    token = first.sessions.issue(user.user_id, org_id=first.id, now=first.clock.now(), lifetime_seconds=None)
    first.change_schema("Lead", {"fields": [{"name": "New__c", "type": "string", "length": 9}]})
    [record_id] = first.load("Lead", [{"LastName": "a", "Company": "b", "New__c": "kept"}])
    first.close()

    second = Org(state_path=path)
    row = second.store.get(second.schemas["Lead"], record_id) or {}
    [next_id] = second.load("Lead", [{"LastName": "c", "Company": "d"}])
    found = second.sessions.find(token, second.now_text())
    second.close()

    assert (row["New__c"], found) == ("kept", user.user_id)
    assert next_id != record_id


def issue_and_undo(org: Org) -> None:
    with org.store.transaction():
        org.store.next_id(org.schemas["Lead"])
        raise InterruptedError


def test_no_id_is_issued_twice_however_often_the_org_is_started_and_work_is_undone(tmp_path: Path) -> None:
    issued: list[str] = []
    for _ in range(4):
        org = Org(state_path=tmp_path / "org.sqlite")
        with pytest.raises(InterruptedError):
            issue_and_undo(org)
        issued += (org.store.next_id(org.schemas["Lead"]) for _ in range(2))
        org.close()

    assert len(set(issued)) == len(issued)


def test_a_reset_brings_back_the_first_state(admin: RunningOrg) -> None:
    admin.create()
    admin.call("PUT", "/_sandbox/schema/Lead", json={"remove": ["Phone"]})

    admin.call("POST", "/_sandbox/reset")
    again = admin.acting_as("admin")

    assert again.query("SELECT COUNT() FROM Lead")["totalSize"] == 0
    assert again.query("SELECT Name FROM Group WHERE DeveloperName = 'Dievio_Holding'")["totalSize"] == 1
    assert "Phone" in [item["name"] for item in again.call("GET", "/sobjects/Lead/describe").json()["fields"]]
    assert again.call("GET", "/_sandbox/journal").json() == []
    assert admin.call("GET", "/limits").status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        {"fields": [{"name": "X__c", "type": "magic"}]},
        {"fields": [{"name": "X__c"}]},
        {"remove": ["Nope"]},
        {"validation_rules": [{"name": "R", "formula": "VLOOKUP(a)", "message": "m"}]},
        {"validation_rules": [{"name": "R", "formula": "ISBLANK(Nope)", "message": "m"}]},
    ],
)
def test_a_schema_change_that_cannot_work_is_refused_whole(admin: RunningOrg, change: dict[str, Any]) -> None:
    before = admin.org.schemas["Lead"]

    answer = admin.call("PUT", "/_sandbox/schema/Lead", json=change)

    assert (answer.status_code, set(answer.json())) == (400, {"error"})
    assert admin.org.schemas["Lead"] is before


def test_the_journal_tells_who_changed_what(admin: RunningOrg, integration: RunningOrg) -> None:
    record_id = admin.create(Title="old")
    integration.call(
        "PATCH", f"/sobjects/Lead/{record_id}", json={"Title": "new"}, headers={"Sforce-Auto-Assign": "FALSE"}
    )

    created, updated = admin.call("GET", "/_sandbox/journal").json()

    assert (created["op"], created["user"], created["before"], created["after"]["Title"]) == (
        "create",
        "admin",
        None,
        "old",
    )
    assert {key: updated[key] for key in ("op", "user", "object", "id", "before", "after")} == {
        "op": "update", "user": "integration", "object": "Lead", "id": record_id,
        "before": {"Title": "old"}, "after": {"Title": "new"},
    }  # fmt: skip
    assert admin.call("GET", f"/_sandbox/journal?since={created['seq']}").json() == [updated]


def test_the_ledger_counts_requests_by_route_and_leaves_control_calls_out(admin: RunningOrg) -> None:
    admin.create()

    ledger = admin.call("GET", "/_sandbox/ledger").json()

    assert ledger["calls"] == {"POST /services/data/{version}/sobjects/{object}": 1}


def test_the_integration_user_may_not_touch_what_reps_own(integration: RunningOrg) -> None:
    record_id = integration.create()

    for name in ("Status", "Description", "Rating", "Qualification_Notes__c", "Owner_Notes__c"):
        answer = integration.call("PATCH", f"/sobjects/Lead/{record_id}", json={name: "x"})
        assert answer.json()[0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    assert integration.call("DELETE", f"/sobjects/Lead/{record_id}").status_code == 400


def test_an_undeleted_record_is_back_unless_its_key_was_taken(admin: RunningOrg) -> None:
    first, second = admin.create(), admin.create(Dievio_Lead_ID__c="k")
    for record_id in (first, second):
        admin.call("DELETE", f"/sobjects/Lead/{record_id}")
    admin.create(Dievio_Lead_ID__c="k")

    answers = [admin.call("POST", "/_sandbox/undelete", json={"id": record_id}) for record_id in (first, second, first)]

    assert [answer.status_code for answer in answers] == [200, 400, 400]
    assert answers[1].json()["errors"][0]["statusCode"] == "DUPLICATE_VALUE"
    assert admin.record(first)["IsDeleted"] is False


@pytest.mark.parametrize(
    ("short", "long"), [("0035e00000AbCdE", "0035e00000AbCdEAAU"[:15]), ("00Q000000000001", "00Q000000000001")]
)
def test_a_short_id_is_the_head_of_its_long_form(short: str, long: str) -> None:
    assert add_checksum(short)[:15] == long


@given(st.text(st.sampled_from("0123456789ABCXYZabcxyz"), min_size=15, max_size=15))
def test_a_long_id_survives_any_change_of_case(short: str) -> None:
    long = add_checksum(short)

    assert {normalize_id(text) for text in (short, long, long.upper(), long.lower())} == {long}


@pytest.mark.parametrize("text", ["", "short", "0" * 16, "00Q00000000000é", None, 7, "00Q000000000001AA!"])
def test_what_is_no_id_has_no_normal_form(text: object) -> None:
    assert normalize_id(text) is None


OLD = {"OwnerId": add_checksum("00G5e0000000001"), "Title": None, "Rating": "Hot", "NumberOfEmployees": 5}
NEW = {**OLD, "Title": "CTO"}
FORMULAS = {
    "ISNEW()": False,
    "NOT(ISNEW())": True,
    "ISCHANGED(Title)": True,
    "ISCHANGED(Rating)": False,
    "ISBLANK(PRIORVALUE(Title))": True,
    "AND(ISCHANGED(Title), NOT(ISBLANK(Title)))": True,
    "OR(Rating = 'Cold', Rating = \"Hot\")": True,
    "Rating <> 'Hot' || NumberOfEmployees >= 5": True,
    "Rating != 'Hot' && TRUE": False,
    "!ISBLANK(Title)": True,
    "IF(ISPICKVAL(Rating, 'Hot'), NumberOfEmployees < 3, FALSE)": False,
    "PRIORVALUE(OwnerId) = '00G5e0000000001'": True,
    "$Permission.Dievio_Integration": True,
    "$Permission.Other": False,
    "TEXT(NumberOfEmployees) = '5' && LEN(Title) > 2": True,
    "Title = NULL": False,
}


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_means_what_it_says(text: str) -> None:
    change = Change(NEW, OLD, frozenset({"Dievio_Integration"}))

    assert bool(compile_formula(text)(change)) is FORMULAS[text]


@pytest.mark.parametrize(
    "text", ["", "AND(", "REGEX(Title, 'x')", "Title +", "$User.Id = 'x'", "Title = 'x' 'y'", "NOT(TRUE, TRUE)"]
)
def test_a_formula_outside_the_language_is_refused(text: str) -> None:
    with pytest.raises(FormulaError):
        compile_formula(text)


def test_an_app_keeps_to_the_clock_it_is_given() -> None:
    clock = SandboxClock()
    app = create_app(org="stock", clock=clock)

    assert app.state.org.clock is app.state.plane.clock is clock
    app.state.org.close()
