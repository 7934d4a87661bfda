"""The guard inside the simulated org: what its rules refuse our user, within the save itself.

Which rules a mapping needs is `domain/org_guard`; what they forbid is told here a second time, from the policies alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lead_pipeline.domain.mapping import WritePolicy
from lead_pipeline.domain.org_guard import REFUSAL_MARK, compared_rows, guard_rules, seen_field
from lead_pipeline.services.writing.org_guard import OrgGuard
from lead_pipeline_tests.simulation.org import Record, Refused
from lead_pipeline_tests.simulation.plans import MAPPINGS, POLICIES

REFUSAL_CODE = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
RULES = frozenset(rule.name for name in ("Lead", "Contact") for rule in guard_rules(MAPPINGS.for_object(name)))
SEEN_FIELDS = frozenset(seen_field(row.to) for row in compared_rows(MAPPINGS.for_object("Lead")))


class SimulatedGuard(OrgGuard):
    """The product's guard; the shadow fields came into the org together with the rules."""

    def changeable_fields(self, object_name: str) -> frozenset[str]:
        del object_name
        return frozenset(POLICIES) | SEEN_FIELDS


def refuse_forbidden(record: Record, payload: Mapping[str, Any]) -> Refused | None:
    """Return why an update of ours is refused: the first field whose change the mapping forbids."""
    for name, policy in POLICIES.items():
        held = record.fields[name]
        if name in payload and payload[name] != held and _is_forbidden(record, payload, name=name, policy=policy):
            return Refused(REFUSAL_CODE, f"{REFUSAL_MARK} the integration may not replace the value of {name}.")
    return None


def _is_forbidden(record: Record, payload: Mapping[str, Any], *, name: str, policy: WritePolicy) -> bool:
    held = record.fields[name] or None
    if policy in {WritePolicy.TRACKED, WritePolicy.ALWAYS}:
        shadow = seen_field(name)
        return bool((payload.get(shadow, record.fields.get(shadow)) or None) != held)
    return policy is WritePolicy.WRITE_ONCE or (policy is WritePolicy.FILL_BLANK and held is not None)
