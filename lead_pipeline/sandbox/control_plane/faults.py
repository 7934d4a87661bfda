"""Which request shall go wrong, and how: scripted rules with seeded chance.

How a fault is carried out is the business of `middleware` for the generic kinds, and of the emulated system for its
own kinds.
"""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

MATCH_EVERYTHING = ""


class InvalidFaultError(ValueError):
    """A fault rule that cannot work, with what is wrong with it."""


@dataclass(frozen=True)
class FaultKind:
    """What a kind of fault does, and what it has to be told.

    Attributes:
        purpose: One sentence.
        parameters: Names with their defaults (`None`: none, and any value may be given).
        required: The parameters without which it can do nothing; `a or b` wants one of them.
    """

    purpose: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    required: tuple[str, ...] = ()

    def refuse_misfits(self, name: str, params: Mapping[str, Any]) -> None:
        """Refuse parameters that this kind does not know, misses or cannot read.

        Raises:
            InvalidFaultError: One of them is wrong.
        """
        if unknown := sorted(set(params) - set(self.parameters)):
            known = ", ".join(self.parameters) or "none"
            raise InvalidFaultError(f'"{name}" knows no parameter {", ".join(unknown)}; it knows {known}')
        if missing := [names for names in self.required if not set(names.split(" or ")) & set(params)]:
            raise InvalidFaultError(f'"{name}" needs {", ".join(missing)}')
        for parameter, value in params.items():
            if not _is_like(value, self.parameters[parameter]):
                raise InvalidFaultError(
                    f'"{parameter}" of "{name}" has to be a {_type_name(self.parameters[parameter])}'
                )

    def to_json(self) -> dict[str, Any]:
        """Return the form in which `/_sandbox/faults/kinds` answers."""
        return {"does": self.purpose, "parameters": dict(self.parameters), "required": list(self.required)}


def _is_like(value: object, default: object) -> bool:
    if default is None:
        return True
    if isinstance(default, int | float):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, type(default))


def _type_name(default: object) -> str:
    if isinstance(default, int | float):
        return "number"
    return "text" if isinstance(default, str) else "JSON object"


GENERIC_KINDS: Mapping[str, FaultKind] = {
    "status": FaultKind(
        "Answer with a status instead of doing the work; Retry-After as seconds or, so many seconds ahead, as a date.",
        {"status": 503, "retry_after_seconds": None, "retry_after_date_seconds": None, "body": None, "headers": {}},
    ),
    "expired_session": FaultKind("Answer 401 as this system does when the caller has to log in again."),
    "reset_before_commit": FaultKind("Reset the connection; nothing was done."),
    "reset_after_commit": FaultKind("Do the work, then reset the connection instead of answering."),
    "late_commit": FaultKind(
        "Reset the connection now and do the work later, when the sandbox clock has moved on.", {"delay_seconds": 60.0}
    ),
    "slow": FaultKind("Do the work, then hold the answer back for so many real seconds.", {"seconds": 5.0}),
    "drip": FaultKind("Do the work, then send the answer in small pieces.", {"pieces": 10, "pause_seconds": 0.2}),
    "truncated_json": FaultKind("Do the work, then answer with only this share of the body.", {"share": 0.5}),
    "html_200": FaultKind("Answer 200 with a web page, as a proxy does; nothing was done."),
}


@dataclass(frozen=True)
class FaultRule:
    """When a fault strikes, and its parameters.

    Attributes:
        kind: A key of `GENERIC_KINDS`, or the name of a fault that the emulated system knows itself.
        method: HTTP method; empty for any.
        route: Part of the route template or of the path; empty for any.
        body_contains: Text that the request body has to contain; empty for any.
        nth: Strike at exactly this matching call, counted from 1.
        every: Strike at each so many matching calls.
        probability: Chance per matching call, 0 to 1, drawn from the seed.
        times: Strike at most so often; `None` for no limit.
        record_index: For faults of single records: which record of the request, counted from 0.
        seed: Seed of the chance of this rule.
        params: Parameters of the kind.
    """

    kind: str
    method: str = MATCH_EVERYTHING
    route: str = MATCH_EVERYTHING
    body_contains: str = MATCH_EVERYTHING
    nth: int | None = None
    every: int | None = None
    probability: float | None = None
    times: int | None = None
    record_index: int | None = None
    seed: int = 0
    params: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a rule that could never do what it says."""
        if not self.kind or not isinstance(self.kind, str):
            raise InvalidFaultError('A fault needs a "kind"')
        for name in ("method", "route", "body_contains"):
            if not isinstance(getattr(self, name), str):
                raise InvalidFaultError(f'"{name}" has to be text')
        for name in ("nth", "every", "times"):
            _require_whole(name, getattr(self, name), least=1)
        _require_whole("record_index", self.record_index, least=0)
        _require_whole("seed", self.seed, least=0)
        if self.probability is not None and not 0 <= self.probability <= 1:
            raise InvalidFaultError('"probability" has to lie between 0 and 1')
        if self.kind in GENERIC_KINDS:
            GENERIC_KINDS[self.kind].refuse_misfits(self.kind, self.params)

    @classmethod
    def from_json(cls, document: object) -> FaultRule:
        """Build a rule from one flat JSON object; keys that are not match criteria are parameters of the kind."""
        if not isinstance(document, dict):
            raise InvalidFaultError("A fault has to be a JSON object")
        criteria = {item.name for item in fields(cls)} - {"params"}
        chosen = {key: value for key, value in document.items() if key in criteria}
        params = {key: value for key, value in document.items() if key not in criteria}
        if "kind" not in chosen:
            raise InvalidFaultError('A fault needs a "kind"')
        return cls(**chosen, params=params)

    def to_json(self) -> dict[str, Any]:
        """Return the flat form, without criteria that are not set."""
        document = asdict(self)
        params: dict[str, Any] = document.pop("params")
        return {key: value for key, value in document.items() if value not in (None, MATCH_EVERYTHING)} | params


def _require_whole(name: str, value: object, *, least: int) -> None:
    """Refuse a criterion that is given and no whole number from `least`.

    Raises:
        InvalidFaultError: It is not.
    """
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
        raise InvalidFaultError(f'"{name}" has to be a whole number from {least}')


@dataclass(frozen=True)
class FiredFault:
    """A fault that strikes the present request."""

    kind: str
    params: Mapping[str, Any]
    record_index: int | None = None

    @property
    def is_generic(self) -> bool:
        """Whether the middleware carries it out, and not the emulated system."""
        return self.kind in GENERIC_KINDS

    def parameter(self, name: str) -> Any:  # noqa: ANN401  # parameters are JSON values of any type
        """Return a parameter of a generic kind, or its default."""
        return self.params.get(name, GENERIC_KINDS[self.kind].parameters[name])


@dataclass
class _ActiveRule:
    """A rule with what has happened to it so far."""

    rule_id: int
    rule: FaultRule
    chance: random.Random
    matched: int = 0
    fired: int = 0

    def meets(self, *, method: str, names: tuple[str, ...], body: bytes) -> bool:
        rule = self.rule
        return (
            rule.method.upper() in (MATCH_EVERYTHING, method)
            and any(rule.route in name for name in names)
            and rule.body_contains.encode() in body
        )

    def strikes(self) -> bool:
        """Count a matching call and say whether the fault strikes at it."""
        rule = self.rule
        self.matched += 1
        is_due = (
            (rule.nth is None or self.matched == rule.nth)
            and (rule.every is None or self.matched % rule.every == 0)
            and (rule.probability is None or self.chance.random() < rule.probability)
            and (rule.times is None or self.fired < rule.times)
        )
        self.fired += is_due
        return is_due


class FaultBook:
    """The rules in force; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[_ActiveRule] = []
        self._ids = itertools.count(1)

    @property
    def is_empty(self) -> bool:
        """Whether no rule is in force, so that requests need not be read ahead."""
        return not self._rules

    def add(self, rule: FaultRule) -> int:
        """Put a rule in force and return its id."""
        with self._lock:
            rule_id = next(self._ids)
            self._rules.append(_ActiveRule(rule_id, rule, random.Random(rule.seed)))
            return rule_id

    def clear(self) -> None:
        """Drop every rule."""
        with self._lock:
            self._rules.clear()

    def remove(self, rule_id: int) -> bool:
        """Drop one rule; False when none in force has this id."""
        with self._lock:
            kept = [active for active in self._rules if active.rule_id != rule_id]
            is_found = len(kept) < len(self._rules)
            self._rules = kept
            return is_found

    def fire(self, *, method: str, names: tuple[str, ...], body: bytes) -> tuple[FiredFault, ...]:
        """Count a request against each rule and return the faults that strike it, in the order they were added.

        Args:
            method: HTTP method in upper case.
            names: What a rule's `route` is sought in: the route template and the path as sent.
            body: The whole request body.
        """
        with self._lock:
            return tuple(
                FiredFault(active.rule.kind, active.rule.params, active.rule.record_index)
                for active in self._rules
                if active.meets(method=method, names=names, body=body) and active.strikes()
            )

    def to_json(self) -> list[dict[str, Any]]:
        """Return every rule with how often it matched and fired."""
        with self._lock:
            return [
                {"id": active.rule_id, **active.rule.to_json(), "matched": active.matched, "fired": active.fired}
                for active in self._rules
            ]
