"""Who gets a new lead: routing rules over the roster, in turn within a pool of people, a queue when nobody fits.

Carrying the assignment out is `services/hand_over`; keeping the roster current is `services/refresh_directory`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FALLBACK_RULE = "fallback_queue"
HUMAN_USER_TYPE = "Standard"  # Salesforce's own word for people with a full licence; others cannot own leads


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterMember:
    """A user or queue that may own leads."""

    salesforce_id: str
    is_queue: bool
    name: str
    developer_name: str | None  # queues only
    is_active: bool
    department: str | None = None
    title: str | None = None
    country: str | None = None  # ISO 3166-1 alpha-2, as the user record says
    user_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadFacts:
    """What routing looks at."""

    dievio_lead_id: str
    segment: str
    country: str | None = None  # ISO 3166-1 alpha-2
    employee_count: int | None = None
    seniority: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """When a rule applies; an empty list or None asks nothing."""

    countries: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()
    seniorities: frozenset[str] = frozenset()
    min_employees: int | None = None
    max_employees: int | None = None

    def fits(self, lead: LeadFacts) -> bool:
        """Tell whether a lead meets every part of the condition."""
        return (
            (not self.countries or lead.country in self.countries)
            and (not self.segments or lead.segment in self.segments)
            and (not self.seniorities or lead.seniority in self.seniorities)
            and self._fits_size(lead.employee_count)
        )

    def _fits_size(self, employees: int | None) -> bool:
        if self.min_employees is None and self.max_employees is None:
            return True
        return employees is not None and (self.min_employees or 0) <= employees <= (self.max_employees or employees)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Who may get the leads of a rule: a queue, or people who meet every filter."""

    queue: str | None = None  # DeveloperName
    departments: frozenset[str] = frozenset()
    title_pattern: str | None = None  # regular expression, found anywhere in the title, any case
    name_pattern: str | None = None
    is_home_market: bool = False  # only people of the lead's own country


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingRule:
    """One rule; the first that applies and whose pool holds somebody decides."""

    name: str
    condition: Condition
    pool: Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingRules:
    """All rules in their order, and the queues for leads before the gates and for leads that no rule placed."""

    rules: tuple[RoutingRule, ...]
    fallback_queue: str  # DeveloperName
    holding_queue: str  # DeveloperName; owns new leads until their batch has passed


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """The owner a lead gets, and the rule that said so."""

    dievio_lead_id: str
    rule: str
    owner_id: str


def parse_routing_rules(document: Mapping[str, Any]) -> RoutingRules:
    """Read the routing rules of a document that obeys `routing.schema.json`."""
    return RoutingRules(
        rules=tuple(_parse_rule(entry) for entry in document["rules"]),
        fallback_queue=document["fallback_queue"],
        holding_queue=document["holding_queue"],
    )


def route_leads(
    leads: Iterable[LeadFacts],
    rules: RoutingRules,
    roster: Sequence[RosterMember],
    *,
    assigned_before: Mapping[str, int],
) -> list[Assignment]:
    """Give every lead an owner; leads for whom neither a rule nor the fallback queue has anybody are left out.

    People of a pool take turns in the order of their ids. The turn goes on where the last batch ended, so that the
    same leads, rules and roster always give the same owners and nobody gets two more leads than a colleague.

    Args:
        leads: In the order of their turns.
        rules: The routing rules.
        roster: Users and queues.
        assigned_before: Rule -> leads it has placed in all batches so far.
    """
    turns = Counter(assigned_before)
    members = sorted((m for m in roster if m.is_active), key=lambda member: member.salesforce_id)
    assignments = []
    for lead in leads:
        assignment = _route(lead, rules, members, turns)
        if assignment is not None:
            turns[assignment.rule] += 1
            assignments.append(assignment)
    return assignments


def _route(
    lead: LeadFacts, rules: RoutingRules, members: Sequence[RosterMember], turns: Mapping[str, int]
) -> Assignment | None:
    fallback = RoutingRule(name=FALLBACK_RULE, condition=Condition(), pool=Pool(queue=rules.fallback_queue))
    for rule in (*rules.rules, fallback):
        if rule.condition.fits(lead):
            eligible = [member for member in members if _is_in_pool(member, rule.pool, lead)]
            if eligible:
                owner = eligible[turns.get(rule.name, 0) % len(eligible)]
                return Assignment(dievio_lead_id=lead.dievio_lead_id, rule=rule.name, owner_id=owner.salesforce_id)
    return None


def _is_in_pool(member: RosterMember, pool: Pool, lead: LeadFacts) -> bool:
    if pool.queue is not None:
        return member.is_queue and member.developer_name == pool.queue
    return (
        not member.is_queue
        and member.user_type in {None, HUMAN_USER_TYPE}
        and (not pool.departments or member.department in pool.departments)
        and _matches(pool.title_pattern, member.title)
        and _matches(pool.name_pattern, member.name)
        and (not pool.is_home_market or (lead.country is not None and member.country == lead.country))
    )


def _matches(pattern: str | None, text: str | None) -> bool:
    return pattern is None or re.search(pattern, text or "", re.IGNORECASE) is not None


def _parse_rule(entry: Mapping[str, Any]) -> RoutingRule:
    when, assign = entry.get("when", {}), entry["assign"]
    employees, users = when.get("employee_count", {}), assign.get("users", {})
    return RoutingRule(
        name=entry["name"],
        condition=Condition(
            countries=frozenset(when.get("country", ())),
            segments=frozenset(when.get("segment", ())),
            seniorities=frozenset(when.get("seniority", ())),
            min_employees=employees.get("min"),
            max_employees=employees.get("max"),
        ),
        pool=Pool(
            queue=assign.get("queue"),
            departments=frozenset(users.get("department", ())),
            title_pattern=users.get("title"),
            name_pattern=users.get("name"),
            is_home_market=users.get("home_market", False),
        ),
    )
