"""Cutting SOQL text into tokens, and the frame in which the platform reports a query error.

Belongs here: what a literal looks like. What may stand where: parser.py.
"""

import re
from dataclasses import dataclass
from typing import Final

from lead_pipeline.sandbox.salesforce_org.catalogue import SalesforceFault, fault

_TOKEN: Final = re.compile(
    r"""(?P<space>\s+)
    |(?P<datetime>\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,3})?(?:Z|[+-]\d{2}:?\d{2}))
    |(?P<date>\d{4}-\d{2}-\d{2}(?![\dT]))
    |(?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    |(?P<string>'(?:[^'\\]|\\.)*')
    |(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
    |(?P<sign><=|>=|<>|!=|[=<>(),:])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
_ESCAPE: Final = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_PATTERN_ESCAPES: Final = frozenset("%_")
_TAIL: Final = 60  # characters of the query that an error message repeats
MAX_QUERY: Final = 100_000  # characters, Salesforce limit
MAX_STRING: Final = 4_000  # characters of one string in WHERE, Salesforce limit


@dataclass(frozen=True)
class Token:
    """A piece of the query: `kind` is a group name of the token pattern or `end`."""

    kind: str
    text: str
    place: int

    @property
    def word(self) -> str:
        """Upper-case text, to compare with keywords."""
        return self.text.upper() if self.kind == "name" else ""


def cut(query: str) -> list[Token]:
    """Cut a query into tokens, the last of kind `end`.

    Raises:
        SalesforceFault: MALFORMED_QUERY at the first unreadable character.
    """
    if len(query) > MAX_QUERY:
        raise fault("MALFORMED_QUERY", text=f"SOQL statements cannot be longer than {MAX_QUERY} characters.")
    tokens: list[Token] = []
    place = 0
    while place < len(query):
        match = _TOKEN.match(query, place)
        if match is None:
            raise malformed(query, place, message=f"line 1:{place} no viable alternative at character '{query[place]}'")
        if match.lastgroup != "space":
            tokens.append(Token(match.lastgroup or "", match[0], place))
        place = match.end()
    tokens.append(Token("end", "<EOF>", len(query)))
    return tokens


def unescape(query: str, token: Token, *, pattern: bool = False) -> str:
    r"""The text of a string literal; in a pattern `\%`, `\_` and a doubled backslash stay for LIKE to read.

    Raises:
        SalesforceFault: MALFORMED_QUERY for an escape that SOQL does not know, or a string over the limit.
    """
    body = token.text[1:-1]
    if len(body) > MAX_STRING:
        raise malformed(query, token.place, message=f"string literals cannot be longer than {MAX_STRING} characters")

    def resolve(match: re.Match[str]) -> str:
        char = match[1]
        if char in _PATTERN_ESCAPES or (pattern and char == "\\"):
            return "\\" + char if pattern else char
        if len(char) > 1:
            return chr(int(char[1:], 16))
        if char.lower() not in _ESCAPES:
            raise malformed(
                query,
                token.place,
                message=f"Illegal string literal. Line breaks are not allowed in string literals: \\{char}",
            )
        return _ESCAPES[char.lower()]

    if "\n" in body or "\r" in body:
        raise malformed(
            query, token.place, message="Illegal string literal. Line breaks are not allowed in string literals"
        )
    return _ESCAPE.sub(resolve, body)


def framed(query: str, place: int, *, message: str) -> str:
    """The platform's error frame: the query around the place, a caret, row and column."""
    start = max(0, place - _TAIL)
    row = query.count("\n", 0, place) + 1
    column = place - (query.rfind("\n", 0, place) + 1) + 1
    excerpt = query[start : place + _TAIL].replace("\n", " ")
    return f"\n{excerpt}\n{' ' * (place - start)}^\nERROR at Row:{row}:Column:{column}\n{message}"


def malformed(query: str, place: int, *, message: str) -> SalesforceFault:
    """A MALFORMED_QUERY at a place of the query."""
    return fault("MALFORMED_QUERY", text=framed(query, place, message=message))


def unexpected(query: str, token: Token) -> SalesforceFault:
    """The refusal of a token that may not stand where it stands."""
    return malformed(query, token.place, message=f"unexpected token: '{token.text}'")
