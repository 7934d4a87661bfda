"""Which handler answers which path, as one table.

Belongs here: matching of paths and methods. The handlers live in modules of their own; the order of checks before a
handler runs (session, version, limits): dispatch.py.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from lead_pipeline.sandbox.salesforce_org.messages import Answer, Call

Handler = Callable[[Call], Answer]
DATA_ROOT: Final = "/services/data/{version}"


@dataclass(frozen=True)
class Route:
    """One path template with its handler by method.

    Attributes:
        template: path with `{variable}` segments; fixed segments match in any case.
        handlers: by HTTP method.
        is_open: whether it answers without a session.
        takes_any_body: whether the body may be something other than JSON.
    """

    template: str
    handlers: Mapping[str, Handler]
    is_open: bool = False
    takes_any_body: bool = False
    segments: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Cut the template once."""
        object.__setattr__(self, "segments", tuple(self.template.strip("/").split("/")))

    def match(self, segments: Sequence[str]) -> dict[str, str] | None:
        """The variable parts of a path, or None if it has another form."""
        if len(segments) != len(self.segments):
            return None
        parts: dict[str, str] = {}
        for wanted, found in zip(self.segments, segments, strict=True):
            if wanted[0] == "{":
                parts[wanted[1:-1]] = found
            elif wanted.lower() != found.lower():
                return None
        return parts


class Router:
    """Finds routes; fixed segments win over variable ones, earlier routes over later ones.

    Args:
        routes: the table.
    """

    def __init__(self, routes: Sequence[Route]) -> None:
        self._by_length: dict[int, list[Route]] = {}
        for route in routes:
            self._by_length.setdefault(len(route.segments), []).append(route)

    def find(self, raw_path: str) -> tuple[Route, dict[str, str]] | None:
        """The route of a percent-encoded path with its decoded variable parts."""
        segments = [unquote(part) for part in raw_path.strip("/").split("/")]
        for route in self._by_length.get(len(segments), ()):
            parts = route.match(segments)
            if parts is not None and all(parts.values()):
                return route, parts
        return None
