"""Random sequences of operations keep the org's own promises: unique ids and keys, ordered stamps, journal = state."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test

from lead_pipeline.sandbox.salesforce_org import Org
from lead_pipeline.sandbox.salesforce_org.lifecycle import Lifecycle
from lead_pipeline.sandbox.salesforce_org.saving import Refused, SaveContext, Saver
from lead_pipeline.sandbox.salesforce_org.schema import AUDIT_NAMES
from lead_pipeline.sandbox.salesforce_org.values import format_moment
from lead_pipeline_tests.sandbox.salesforce_org.conftest import NOON

OBJECTS = ("Lead", "Contact", "Account", "Opportunity")
STAMPS = AUDIT_NAMES - {"Id", "IsDeleted"}
NAMES = st.sampled_from(["Ann", "Ben", "Cem", "Ännchen"])
KEYS = st.sampled_from([None, "k1", "k2", "K1", "k3"])
TITLES = st.sampled_from([None, "", "CTO", "x" * 129])
USERS = st.sampled_from(["admin", "integration", "rep"])

CHECKS = [HealthCheck.too_slow, HealthCheck.filter_too_much]

ORG = Org()
"""One org for all sequences: making it takes longer than resetting it."""


class Operations(RuleBasedStateMachine):
    """Creates, changes, deletes, restores, merges and converts leads as several users."""

    leads: Bundle[str] = Bundle("leads")
    saver_class: type[Saver] = Saver

    def __init__(self) -> None:
        super().__init__()
        ORG.reset()
        ORG.clock.set(NOON, frozen=True)

    def saver(self, user: str) -> Saver:
        caller = ORG.find_user(user)
        assert caller is not None
        return self.saver_class(ORG, SaveContext(caller, 66.0, allow_duplicates=True, auto_assign=False))

    def lifecycle(self) -> Lifecycle:
        caller = ORG.find_user("admin")
        assert caller is not None
        return Lifecycle(ORG, caller)

    def attempt(self, work: Any) -> Any:
        """Do something that the org may refuse."""
        try:
            return work()
        except Refused:
            return None

    @rule(target=leads, user=USERS, name=NAMES, key=KEYS, title=TITLES)
    def create(self, user: str, name: str, key: str | None, title: str | None) -> Any:
        payload = {"LastName": name, "Company": "C", "Dievio_Lead_ID__c": key, "Title": title}
        made = self.attempt(lambda: self.saver(user).create(ORG.schemas["Lead"], payload))
        return multiple() if made is None else made

    @rule(user=USERS, lead=leads, key=KEYS, title=TITLES)
    def update(self, user: str, lead: str, key: str | None, title: str | None) -> None:
        payload = {"Dievio_Lead_ID__c": key, "Title": title}
        self.attempt(lambda: self.saver(user).update(ORG.schemas["Lead"], lead, payload=payload))

    @rule(user=USERS, lead=leads)
    def delete(self, user: str, lead: str) -> None:
        self.attempt(lambda: self.saver(user).delete(ORG.schemas["Lead"], lead))

    @rule(lead=leads)
    def undelete(self, lead: str) -> None:
        self.attempt(lambda: self.lifecycle().undelete(lead))

    @rule(master=leads, loser=leads)
    def merge(self, master: str, loser: str) -> None:
        self.attempt(lambda: self.lifecycle().merge(master, [loser]))

    @rule(lead=leads, without_opportunity=st.booleans())
    def convert(self, lead: str, *, without_opportunity: bool) -> None:
        self.attempt(lambda: self.lifecycle().convert(lead, {"without_opportunity": without_opportunity}))

    @rule(seconds=st.integers(0, 90))
    def wait(self, seconds: int) -> None:
        ORG.clock.advance(timedelta(seconds=seconds))

    @invariant()
    def keys_are_unique_among_live_records(self) -> None:
        for name in ("Lead", "Contact"):
            sql = f'SELECT Dievio_Lead_ID__c FROM "{name}" WHERE IsDeleted = 0 AND Dievio_Lead_ID__c IS NOT NULL'
            keys = [row[0] for row in ORG.store.all(sql)]
            assert len(keys) == len(set(keys))

    @invariant()
    def stamps_follow_the_journal(self) -> None:
        journal = ORG.store.journal()
        moments = [entry["at"] for entry in journal]
        last_touch = {entry["id"]: entry["at"] for entry in journal}
        stamped = {
            row[0]: row[1] for name in OBJECTS for row in ORG.store.all(f'SELECT Id, SystemModstamp FROM "{name}"')
        }
        assert moments == sorted(moments)
        assert stamped == last_touch

    @invariant()
    def the_journal_replayed_gives_the_state(self) -> None:
        replayed: dict[str, dict[str, Any]] = {}
        for entry in ORG.store.journal():
            record = replayed.setdefault(entry["id"], {"IsDeleted": 0})
            for name, value in (entry["before"] or {}).items():
                assert record.get(name) == value, (entry, name)
            record |= entry["after"]
        assert without_empty(replayed) == stored_state()

    @invariant()
    def a_converted_lead_points_at_its_contact(self) -> None:
        for contact, is_converted in ORG.store.all('SELECT ConvertedContactId, IsConverted FROM "Lead"'):
            assert (contact is not None) == bool(is_converted)


def stored_rows(name: str) -> list[dict[str, Any]]:
    columns = ORG.schemas[name].columns
    listed = ", ".join(f'"{column}"' for column in columns)
    return [dict(zip(columns, row, strict=True)) for row in ORG.store.all(f'SELECT {listed} FROM "{name}"')]


def stored_state() -> dict[str, dict[str, Any]]:
    rows = [row for name in OBJECTS for row in stored_rows(name)]
    hidden = STAMPS | {"Id"}
    return {
        row["Id"]: {name: value for name, value in row.items() if value is not None and name not in hidden}
        for row in rows
    }


def without_empty(records: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        record_id: {name: value for name, value in record.items() if value is not None and name != "Id"}
        for record_id, record in records.items()
    }


def run(examples: int) -> None:
    chosen = settings(max_examples=examples, stateful_step_count=20, deadline=None, suppress_health_check=CHECKS)
    run_state_machine_as_test(Operations, settings=chosen)


def test_operation_sequences_keep_the_orgs_promises() -> None:
    run(60)


class TakesAnyKey(Saver):
    """Saves a key however often it is in use."""

    def _check_unique(self, *_arguments: Any, **_options: Any) -> None:
        pass


class StampsYesterday(Saver):
    """Dates every save a day back."""

    def _modified(self) -> dict[str, Any]:
        yesterday = format_moment(NOON - timedelta(days=1))
        return {**super()._modified(), "LastModifiedDate": yesterday, "SystemModstamp": yesterday}


class LeavesOutUpdates(Saver):
    """Tells the journal of creates and deletes only."""

    def _log(self, *arguments: Any, **options: Any) -> None:
        if options["op"] != "update":
            super()._log(*arguments, **options)


@pytest.mark.parametrize("broken", [TakesAnyKey, StampsYesterday, LeavesOutUpdates])
def test_operation_sequences_find_a_broken_promise(broken: type[Saver]) -> None:
    class BrokenOperations(Operations):
        saver_class = broken

        def __init__(self) -> None:
            super().__init__()
            ORG.store.run('DROP INDEX "Lead.Dievio_Lead_ID__c"')  # the reset before each sequence brings it back

    chosen = settings(
        max_examples=300, stateful_step_count=20, deadline=None, database=None, derandomize=True,
        phases=[Phase.generate], suppress_health_check=CHECKS,
    )  # fmt: skip
    with pytest.raises(AssertionError):
        run_state_machine_as_test(BrokenOperations, settings=chosen)


@pytest.mark.slow
def test_two_thousand_operation_sequences_keep_the_orgs_promises() -> None:
    run(2_000)
