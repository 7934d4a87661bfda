"""Which addresses this product may talk to: https and configured hosts only, plain http on the loopback (the sandbox).

Addresses found in lead data are never followed, so none of them ever reaches this module. Which hosts belong to
Salesforce is said in `salesforce.addresses`.
"""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

import httpx

from lead_pipeline.errors import ConfigurationError

LOOPBACK_HOSTS = frozenset(
    {"127.0.0.1", "localhost", "::1"}
)  # spelled out: names that merely resolve to it are refused


class HostNotAllowedError(ConfigurationError):
    """A request was about to leave for a host that is not configured."""

    def __init__(self, host: str) -> None:
        super().__init__(
            "outgoing request",
            what=f"the host {host or '(none)'} is not on the list of allowed hosts",
            repair="Check the base addresses in the settings; redirects and addresses in lead data are never followed",
        )


def clean_base_url(address: str, *, setting: str) -> str:
    """Return a base address without a trailing slash.

    Args:
        address: What the operator wrote.
        setting: Name of the setting, for the message.

    Raises:
        ConfigurationError: Not an https address (http on the loopback), or it holds credentials, a query or a fragment.
    """
    parts = _split(address)
    flaw = "is not an address" if parts is None else _find_flaw(parts)
    if parts is None or flaw:
        raise ConfigurationError(setting, what=flaw, repair="Write it as https://host, with a path if the API has one")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


class AllowedHosts:
    """A request hook for httpx that lets requests through to the hosts of some base addresses only.

    Args:
        base_urls: Clean base addresses; scheme, host and port of a request have to agree with one of them.
    """

    def __init__(self, *base_urls: str) -> None:
        self._origins = frozenset(_origin(httpx.URL(address)) for address in base_urls)

    def __call__(self, request: httpx.Request) -> None:
        """Refuse a request to another host.

        Raises:
            HostNotAllowedError: The host is not on the list.
        """
        if _origin(request.url) not in self._origins:
            raise HostNotAllowedError(request.url.host)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _split(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address.strip())
        _ = parts.port  # a port that is no number shows only here
    except ValueError:
        return None
    return parts


def _find_flaw(parts: SplitResult) -> str:
    host = parts.hostname or ""
    is_loopback = host in LOOPBACK_HOSTS
    flaws = {
        "is not an address": parts.scheme not in {"http", "https"} or not host,
        "holds a user name or password": "@" in parts.netloc,
        "holds a query or a fragment": bool(parts.query or parts.fragment),
        "is not https": parts.scheme == "http" and not is_loopback,
        "does not name its host in plain letters": not is_loopback and not _is_host_name(host),
    }
    return next((flaw for flaw, is_present in flaws.items() if is_present), "")


def _is_host_name(host: str) -> bool:
    """Tell names from numeric addresses in any spelling (dotted, decimal, hexadecimal, IPv6)."""
    labels = host.split(".")
    last = labels[-1]
    return (
        host.isascii()
        and all(label and label.replace("-", "").replace("_", "").isalnum() for label in labels)
        and not last.isdigit()
        and not last.startswith("0x")
    )
