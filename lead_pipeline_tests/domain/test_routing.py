"""Who gets which lead."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from lead_pipeline.config.loading import load_document
from lead_pipeline.domain.routing import (
    FALLBACK_RULE,
    Condition,
    LeadFacts,
    Pool,
    RosterMember,
    RoutingRule,
    RoutingRules,
    parse_routing_rules,
    route_leads,
)

QUEUE = RosterMember(salesforce_id="00G1", is_queue=True, name="Inbound", developer_name="Inbound", is_active=True)


def user(number: int, **overrides: object) -> RosterMember:
    values: dict[str, object] = {
        "salesforce_id": f"0051{number}",
        "is_queue": False,
        "name": f"Seller {number}",
        "developer_name": None,
        "is_active": True,
        "department": "Sales",
        "title": "Account Executive",
        "country": "DE",
        "user_type": "Standard",
    }
    return RosterMember(**(values | overrides))  # type: ignore[arg-type]


def rules(*entries: RoutingRule, fallback: str = "Inbound") -> RoutingRules:
    return RoutingRules(rules=entries, fallback_queue=fallback, holding_queue="Holding")


def rule(name: str = "sales", condition: Condition | None = None, **pool: object) -> RoutingRule:
    chosen = pool or {"departments": frozenset({"Sales"})}
    return RoutingRule(name=name, condition=condition or Condition(), pool=Pool(**chosen))  # type: ignore[arg-type]


def leads(count: int, **facts: object) -> list[LeadFacts]:
    return [LeadFacts(dievio_lead_id=f"lead-{n}", segment="dach", **facts) for n in range(count)]  # type: ignore[arg-type]


def test_people_of_a_pool_take_turns() -> None:
    assigned = route_leads(leads(7), rules(rule()), [user(3), user(1), user(2)], assigned_before={})

    assert [entry.owner_id for entry in assigned[:3]] == ["00511", "00512", "00513"]
    assert sorted(Counter(entry.owner_id for entry in assigned).values()) == [2, 2, 3]


def test_the_turn_goes_on_where_the_last_batch_ended() -> None:
    roster = [user(1), user(2), user(3)]

    assigned = route_leads(leads(2), rules(rule()), roster, assigned_before={"sales": 2})

    assert [entry.owner_id for entry in assigned] == ["00513", "00511"]


@pytest.mark.parametrize(
    ("condition", "facts", "fits"),
    [
        (Condition(), {}, True),
        (Condition(countries=frozenset({"DE"})), {"country": "DE"}, True),
        (Condition(countries=frozenset({"DE"})), {"country": None}, False),
        (Condition(segments=frozenset({"dach"})), {}, True),
        (Condition(segments=frozenset({"us"})), {}, False),
        (Condition(seniorities=frozenset({"vp"})), {"seniority": "vp"}, True),
        (Condition(seniorities=frozenset({"vp"})), {"seniority": "entry"}, False),
        (Condition(min_employees=100), {"employee_count": 100}, True),
        (Condition(min_employees=100), {"employee_count": 99}, False),
        (Condition(min_employees=100), {"employee_count": None}, False),
        (Condition(max_employees=10), {"employee_count": 10}, True),
        (Condition(max_employees=10), {"employee_count": 11}, False),
    ],
)
def test_a_condition_asks_for_all_its_parts(condition: Condition, facts: dict[str, object], *, fits: bool) -> None:
    (lead,) = leads(1, **facts)

    assert condition.fits(lead) is fits


@pytest.mark.parametrize(
    ("pool", "member", "is_eligible"),
    [
        ({"departments": frozenset({"Sales"})}, {}, True),
        ({"departments": frozenset({"Sales"})}, {"department": "Finance"}, False),
        ({"departments": frozenset({"Sales"})}, {"is_active": False}, False),
        ({"departments": frozenset({"Sales"})}, {"user_type": "CsnOnly"}, False),
        ({"title_pattern": "executive"}, {}, True),
        ({"title_pattern": "executive"}, {"title": None}, False),
        ({"name_pattern": "^Seller"}, {}, True),
        ({"name_pattern": "^Seller"}, {"name": "Other"}, False),
        ({"is_home_market": True}, {}, True),
        ({"is_home_market": True}, {"country": "US"}, False),
    ],
)
def test_only_eligible_people_are_in_a_pool(pool: dict[str, Any], member: dict[str, Any], *, is_eligible: bool) -> None:
    roster = [user(1, **member), QUEUE]

    (assignment,) = route_leads(leads(1, country="DE"), rules(rule(**pool)), roster, assigned_before={})

    assert assignment.owner_id == ("00511" if is_eligible else "00G1")


def test_the_first_rule_that_applies_and_has_somebody_decides() -> None:
    empty = rule("empty", departments=frozenset({"Nobody"}))
    other = rule("other", Condition(countries=frozenset({"FR"})))
    queue = rule("queue", queue="Inbound")

    (assignment,) = route_leads(leads(1), rules(empty, other, queue, rule()), [user(1), QUEUE], assigned_before={})

    assert (assignment.rule, assignment.owner_id) == ("queue", "00G1")


def test_a_lead_that_nobody_takes_goes_to_the_fallback_queue_or_nowhere() -> None:
    (to_queue,) = route_leads(leads(1), rules(), [QUEUE], assigned_before={})

    assert (to_queue.rule, to_queue.owner_id) == (FALLBACK_RULE, "00G1")
    assert route_leads(leads(1), rules(), [], assigned_before={}) == []


def test_the_packaged_rules_can_be_read() -> None:
    parsed = parse_routing_rules(load_document("routing"))

    assert [entry.name for entry in parsed.rules] == ["large_companies", "home_market", "all_sales"]
    assert parsed.rules[0].condition.min_employees == 1000
    assert parsed.rules[1].pool.is_home_market
