"""Tells a connection that fails for its encryption from a server that is not there: they are mended at other places.

httpx and requests both hide the fault of the ssl module behind several of their own.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator

#: What OpenSSL says when a server of another protocol answers.
NO_TLS_REASONS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL"})


def find_tls_flaw(error: BaseException) -> str | None:
    """Return in words why no trusted connection came about; None when the cause is another one.

    Only what fails before the first byte of a request counts: an encrypted connection that breaks later may have
    carried the request, and the caller has to treat it so.
    """
    for link in _chain(error):
        if isinstance(link, ssl.SSLCertVerificationError):
            return f"its certificate is not accepted ({link.verify_message or 'no reason given'})"
        if isinstance(link, ssl.SSLError) and getattr(link, "reason", None) in NO_TLS_REASONS:
            return "the server there does not speak https"
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all errors inside it: causes, contexts, arguments, and what urllib3 calls the reason."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        link = waiting.pop()
        if not isinstance(link, BaseException) or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        waiting += [link.__cause__, link.__context__, getattr(link, "reason", None), *link.args]
