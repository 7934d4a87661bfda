"""Validation-rule formulas: a small part of the platform's formula language.

Functions: AND OR NOT IF ISBLANK ISCHANGED ISNEW PRIORVALUE ISPICKVAL TEXT LEN CONTAINS LOWER TRIM CASESAFEID;
`$Permission.X`, field names, text, numbers, TRUE, FALSE, NULL; `=` `==` `<>` `!=` `<` `<=` `>` `>=` `&&` `||` `!` `&`.
Anything else is refused when the rule is installed, never ignored. When rules run: saving.py.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from lead_pipeline.sandbox.salesforce_org.ids import normalize_id

_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<number>\d+(?:\.\d+)?)
    |(?P<name>\$?[A-Za-z_][\w.]*)|(?P<sign><>|<=|>=|==|!=|&&|\|\||[=<>!&(),]))""",
    re.VERBOSE,
)
_COMPARISONS: Final = frozenset({"=", "==", "<>", "!=", "<", "<=", ">", ">="})
_CONSTANTS: Final[Mapping[str, Any]] = {"TRUE": True, "FALSE": False, "NULL": None}
_PERMISSION: Final = "$Permission."


class FormulaError(ValueError):
    """A formula outside the supported language."""


@dataclass(frozen=True)
class Change:
    """What a formula sees: the record as it would be saved, as it was, and who saves it."""

    new: Mapping[str, Any]
    old: Mapping[str, Any] | None
    permissions: frozenset[str]


Node = Callable[[Change], Any]


@lru_cache(maxsize=256)
def compile_formula(text: str) -> Node:
    """Compile a formula.

    Raises:
        FormulaError: it uses something outside the supported language.
    """
    parser = _Parser(_tokens(text))
    node = parser.disjunction()
    if parser.peek() is not None:
        raise FormulaError(f"unexpected {parser.peek()!r}")
    return node


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    place = 0
    stripped = text.rstrip()
    while place < len(stripped):
        match = _TOKEN.match(stripped, place)
        if match is None:
            raise FormulaError(f"unreadable at character {place}")
        tokens.append(match[0].strip())
        place = match.end()
    return tokens


class _Parser:
    """Recursive descent over the tokens; each method returns a closure."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._place = 0

    def peek(self) -> str | None:
        return self._tokens[self._place] if self._place < len(self._tokens) else None

    def _take(self) -> str:
        token = self.peek()
        if token is None:
            raise FormulaError("ends too early")
        self._place += 1
        return token

    def _expect(self, token: str) -> None:
        if (found := self._take()) != token:
            raise FormulaError(f"expected {token!r}, found {found!r}")

    def disjunction(self) -> Node:
        parts = [self._conjunction()]
        while self.peek() == "||":
            self._take()
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else lambda change: any(part(change) for part in parts)

    def _conjunction(self) -> Node:
        parts = [self._comparison()]
        while self.peek() == "&&":
            self._take()
            parts.append(self._comparison())
        return parts[0] if len(parts) == 1 else lambda change: all(part(change) for part in parts)

    def _comparison(self) -> Node:
        left = self._joined()
        if self.peek() not in _COMPARISONS:
            return left
        sign = self._take()
        right = self._joined()
        return lambda change: _compare(sign, left(change), right(change))

    def _joined(self) -> Node:
        parts = [self._operand()]
        while self.peek() == "&":
            self._take()
            parts.append(self._operand())
        return parts[0] if len(parts) == 1 else lambda change: "".join(_shown(part(change)) for part in parts)

    def _operand(self) -> Node:
        token = self._take()
        if token == "!":  # noqa: S105 - a sign of the language
            inner = self._operand()
            return lambda change: not inner(change)
        if token == "(":  # noqa: S105 - a sign of the language
            inner = self.disjunction()
            self._expect(")")
            return inner
        if token[0] in "\"'":
            text = re.sub(r"\\(.)", r"\1", token[1:-1])
            return lambda _: text
        if token[0].isdigit():
            number = float(token)
            return lambda _: number
        return self._named(token)

    def _named(self, token: str) -> Node:
        if self.peek() == "(":
            return self._call(token.upper())
        if token.startswith(_PERMISSION):
            permission = token.removeprefix(_PERMISSION)
            return lambda change: permission in change.permissions
        if token.upper() in _CONSTANTS:
            constant = _CONSTANTS[token.upper()]
            return lambda _: constant
        if token.startswith("$") or "." in token or not token[0].isalpha():
            raise FormulaError(f"unknown name {token!r}")
        return _FieldRead(token)

    def _call(self, name: str) -> Node:
        self._expect("(")
        arguments: list[Node] = []
        while self.peek() != ")":
            arguments.append(self.disjunction())
            if self.peek() == ",":
                self._take()
        self._take()
        if name not in _FUNCTIONS:
            raise FormulaError(f"unknown function {name}")
        counts, build = _FUNCTIONS[name]
        if len(arguments) not in counts:
            raise FormulaError(f"{name} takes another number of arguments")
        return build(arguments)


@dataclass(frozen=True)
class _FieldRead:
    """A field reference; ISCHANGED and PRIORVALUE look at its name."""

    name: str

    def __call__(self, change: Change) -> Any:  # noqa: ANN401 - stored scalars
        return change.new.get(self.name)

    def prior(self, change: Change) -> Any:  # noqa: ANN401 - stored scalars
        return (change.new if change.old is None else change.old).get(self.name)


def fields_of(text: str) -> set[str]:
    """The field names a formula reads."""
    tokens = _tokens(text)
    return {
        token
        for token, following in zip(tokens, [*tokens[1:], ""], strict=True)
        if re.fullmatch(r"[A-Za-z]\w*", token) and following != "(" and token.upper() not in _CONSTANTS
    }


def _field(node: Node) -> _FieldRead:
    if not isinstance(node, _FieldRead):
        raise FormulaError("ISCHANGED and PRIORVALUE take a field")
    return node


def _build_changed(arguments: list[Node]) -> Node:
    read = _field(arguments[0])
    return lambda change: change.old is not None and change.new.get(read.name) != change.old.get(read.name)


def _build_prior(arguments: list[Node]) -> Node:
    return _field(arguments[0]).prior


_ANY_COUNT: Final = range(1, 100)
_ONE: Final = range(1, 2)
_FUNCTIONS: Final[Mapping[str, tuple[range, Callable[[list[Node]], Node]]]] = {
    "AND": (_ANY_COUNT, lambda parts: lambda change: all(part(change) for part in parts)),
    "OR": (_ANY_COUNT, lambda parts: lambda change: any(part(change) for part in parts)),
    "NOT": (_ONE, lambda parts: lambda change: not parts[0](change)),
    "IF": (range(3, 4), lambda parts: lambda change: parts[1](change) if parts[0](change) else parts[2](change)),
    "ISBLANK": (_ONE, lambda parts: lambda change: parts[0](change) in (None, "")),
    "ISNEW": (range(1), lambda _: lambda change: change.old is None),
    "ISCHANGED": (_ONE, _build_changed),
    "PRIORVALUE": (_ONE, _build_prior),
    "ISPICKVAL": (range(2, 3), lambda parts: lambda change: (parts[0](change) or "") == parts[1](change)),
    "TEXT": (_ONE, lambda parts: lambda change: _shown(parts[0](change))),
    "LOWER": (_ONE, lambda parts: lambda change: _shown(parts[0](change)).lower()),
    "TRIM": (_ONE, lambda parts: lambda change: _shown(parts[0](change)).strip()),
    "CONTAINS": (range(2, 3), lambda parts: lambda change: _shown(parts[1](change)) in _shown(parts[0](change))),
    "CASESAFEID": (_ONE, lambda parts: lambda change: normalize_id(parts[0](change)) or ""),
    "LEN": (_ONE, lambda parts: lambda change: len(parts[0](change) or "")),
}


def _shown(value: Any) -> str:  # noqa: ANN401 - stored scalars
    return "" if value is None else str(value)


def _compare(sign: str, left: Any, right: Any) -> bool:  # noqa: ANN401 - stored scalars
    if sign in {"=", "=="}:
        return _equal(left, right)
    if sign in {"<>", "!="}:
        return not _equal(left, right)
    if left is None or right is None:
        return False
    try:
        return bool({"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[sign])
    except TypeError:
        return False


def _equal(left: Any, right: Any) -> bool:  # noqa: ANN401 - stored scalars
    if (left in (None, "")) and (right in (None, "")):
        return True
    # A formula writes ids with 15 characters; records hold 18.
    first, second = normalize_id(left), normalize_id(right)
    return bool(first == second if first is not None and second is not None else left == right)
