"""YAML with the place of every key: what makes an error message point at a line instead of at a file.

Only the safe part of YAML is read. Duplicate keys, aliases and keys that are not text are refused here, because the
plain loader would accept them silently. Whether the content is allowed is the schema's business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import yaml

KeyPath = tuple[str | int, ...]
"""Keys and list indexes from the top of a document down to a value."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a text file, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Flaw:
    """What makes a text unreadable as a document, where, the repair, and a word for the kind of mistake."""

    position: Position
    what: str
    repair: str
    code: str = "not_yaml"


class YamlFlawsError(ValueError):
    """The text is no document we read; `flaws` names every reason found."""

    def __init__(self, *flaws: Flaw) -> None:
        super().__init__("; ".join(flaw.what for flaw in flaws))
        self.flaws = flaws


@dataclass(frozen=True, slots=True)
class PositionedDocument:
    """A parsed YAML text and the place of each of its keys and list entries."""

    value: object
    positions: Mapping[KeyPath, Position]

    def position_of(self, path: KeyPath) -> Position:
        """Return the place of a key path, or of the nearest parent that stands in the text."""
        while path and path not in self.positions:
            path = path[:-1]
        return self.positions.get(path, Position(1, 1))


class _Loader(yaml.SafeLoader):
    """Refuses aliases: a value stands where it is used, and no short text can grow into a huge document."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs of pyyaml leave it untyped
            raise YamlFlawsError(
                Flaw(_position(event.start_mark), "an alias (*) is not allowed", "Write the value out", "alias")
            )
        return super().compose_node(parent, index)


_OPEN_BRACKETS = frozenset({"while parsing a flow sequence", "while parsing a flow mapping"})


def read_yaml(text: str) -> PositionedDocument:
    """Parse a YAML text safely and remember where everything stands.

    Raises:
        YamlFlawsError: The text is not YAML, or holds duplicate keys, aliases, tags or keys that are not text.
    """
    try:
        fast = getattr(yaml, "CSafeLoader", None)  # wheels for rare platforms come without it
        if fast is not None and "*" not in text:  # without an asterisk there is no alias to refuse
            with suppress(yaml.YAMLError):  # several times faster; about flaws the other one tells more
                return _read(fast(text))
        return _read(_Loader(text))
    except yaml.MarkedYAMLError as error:
        is_open_bracket = error.context in _OPEN_BRACKETS  # noticed only lines later, where the next key stands
        mark = (error.context_mark if is_open_bracket else None) or error.problem_mark or error.context_mark
        position = _position(mark) if mark else Position(1, 1)
        raise YamlFlawsError(
            Flaw(position, f"this is not valid YAML: {error.problem}", "Mend the text here")
        ) from error
    except yaml.reader.ReaderError as error:
        what = "a character stands here that YAML does not allow"
        position = _position_of_offset(text, error.position)
        raise YamlFlawsError(Flaw(position, what, "Remove it", "bad_character")) from error


def _read(loader: yaml.SafeLoader) -> PositionedDocument:
    node = loader.get_single_node()
    if node is None:
        return PositionedDocument(None, {})
    flaws = tuple(_find_flaws(node))
    if flaws:
        raise YamlFlawsError(*flaws)
    return PositionedDocument(loader.construct_document(node), dict(_walk(node, ())))


def _find_flaws(node: yaml.Node) -> Iterator[Flaw]:
    if isinstance(node, yaml.SequenceNode):
        for child in node.value:
            yield from _find_flaws(child)
    if not isinstance(node, yaml.MappingNode):
        return
    seen: dict[str, Position] = {}
    for key, child in node.value:
        position = _position(key.start_mark)
        if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
            yield Flaw(position, "a key is not text", "Write the key in quotes", "key_not_text")
        elif key.value in seen:
            first = seen[key.value]
            yield Flaw(
                position,
                f"{key.value} stands here again, first in line {first.line}",
                "Keep one of them",
                "duplicate_key",
            )
        else:
            seen[key.value] = position
        yield from _find_flaws(child)


def _walk(node: yaml.Node, path: KeyPath) -> Iterator[tuple[KeyPath, Position]]:
    if not path:
        yield path, _position(node.start_mark)
    if isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            yield (*path, key.value), _position(key.start_mark)
            yield from _walk(child, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            yield (*path, index), _position(child.start_mark)
            yield from _walk(child, (*path, index))


def _position(mark: yaml.Mark) -> Position:
    return Position(mark.line + 1, mark.column + 1)


def _position_of_offset(text: str, offset: int) -> Position:
    before = text[:offset]
    return Position(before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)
