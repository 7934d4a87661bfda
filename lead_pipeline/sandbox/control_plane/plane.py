"""The control plane of one emulated system: the parts that its middleware and its routes share."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches

from starlette.requests import Request
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from lead_pipeline.sandbox.control_plane.clock import SandboxClock
from lead_pipeline.sandbox.control_plane.faults import (
    GENERIC_KINDS,
    FaultBook,
    FaultKind,
    FaultRule,
    FiredFault,
    InvalidFaultError,
)
from lead_pipeline.sandbox.control_plane.ledger import RequestLedger

CONTROL_PREFIX = "/_sandbox/"
UNKNOWN_ROUTE = "(unknown)"

ErrorBody = Callable[[int], tuple[bytes, str]]


def plain_error_body(status: int) -> tuple[bytes, str]:
    """Return the body and content type of an error answer for systems that have no form of their own."""
    return json.dumps({"error": status}).encode(), "application/json"


def _reset_nothing(_options: Mapping[str, object]) -> None:
    """Stand in for systems that keep no state."""


def _add_nothing() -> dict[str, object]:
    return {}


@dataclass
class ControlPlane:
    """Clock, ledger and faults of one system, and what the system adds to them.

    Attributes:
        reset: Called with the JSON object posted to `/_sandbox/reset`; brings the system's own state back to its start.
        ledger_extra: Further keys of `/_sandbox/ledger`.
        ledger_cleared: Called when the ledger is cleared, for counts that the system keeps itself.
        error_body: The system's own form of an error answer, by status.
        own_fault_kinds: The kinds of fault that the system carries out itself, with what they do.
    """

    clock: SandboxClock = field(default_factory=SandboxClock)
    ledger: RequestLedger = field(default_factory=RequestLedger)
    faults: FaultBook = field(default_factory=FaultBook)
    reset: Callable[[Mapping[str, object]], None] = _reset_nothing
    ledger_extra: Callable[[], dict[str, object]] = _add_nothing
    ledger_cleared: Callable[[], object] = _add_nothing
    error_body: ErrorBody = plain_error_body
    own_fault_kinds: Mapping[str, FaultKind] = field(default_factory=dict)
    late_commits: list[LateCommit] = field(default_factory=list)

    def reset_everything(self, options: Mapping[str, object]) -> None:
        """Bring faults, clock, ledger, pending commits and the system's own state back to the start."""
        self.late_commits.clear()
        self.faults.clear()
        self.clock.reset()
        self.ledger.clear()
        self.ledger_cleared()
        self.reset(options)

    def fault_kinds(self) -> Mapping[str, FaultKind]:
        """Return every kind of fault that may be set."""
        return {**GENERIC_KINDS, **self.own_fault_kinds}

    def add_faults(self, rules: Sequence[FaultRule]) -> list[int]:
        """Put rules in force, all or none, and return their ids.

        Raises:
            InvalidFaultError: The system knows no such kind of fault, or it takes other parameters.
        """
        known = self.fault_kinds()
        for rule in rules:
            if rule.kind not in known:
                raise InvalidFaultError(f'there is no fault "{rule.kind}" ({_alternatives(rule.kind, list(known))})')
            known[rule.kind].refuse_misfits(rule.kind, rule.params)
        return [self.faults.add(rule) for rule in rules]

    async def run_due_commits(self) -> None:
        """Do the work of late commits whose moment has come.

        Called before each request: nobody can look at the system in between, so this equals a commit at its moment.
        """
        now = self.clock.now()
        due = sorted((commit for commit in self.late_commits if commit.due_at <= now), key=lambda commit: commit.due_at)
        self.late_commits[:] = [commit for commit in self.late_commits if commit.due_at > now]
        for commit in due:
            await commit.work()


@dataclass(frozen=True)
class LateCommit:
    """Work of a request whose sender has long been told that the connection is gone."""

    due_at: datetime
    work: Callable[[], Awaitable[None]]


def _alternatives(kind: str, known: Sequence[str]) -> str:
    nearest = get_close_matches(kind, known, n=1)
    return f"nearest: {nearest[0]}" if nearest else f"there are {', '.join(known)}"


def route_namer(routes: Iterable[BaseRoute]) -> Callable[[Scope], str]:
    """Build the function that gives the route template of a request."""
    known = tuple(route for route in routes if isinstance(route, Route))

    def name_route(scope: Scope) -> str:
        for route in known:
            if route.matches(scope)[0] is Match.FULL:
                return route.path
        return UNKNOWN_ROUTE

    return name_route


def fired_faults(request: Request) -> tuple[FiredFault, ...]:
    """Return the faults of the system's own kinds that strike this request."""
    faults: tuple[FiredFault, ...] = getattr(request.state, "faults", ())
    return faults
