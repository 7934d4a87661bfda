"""Which addresses a Salesforce token may be sent to.

Allowed: https on Salesforce's own domains and on the configured host; plain http on the loopback only (the sandbox).
"""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from lead_pipeline.errors import ConfigurationError

INSTANCE_SETTING = "SALESFORCE_INSTANCE_URL"
_SALESFORCE_DOMAINS = (".salesforce.com", ".force.com")
_LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
_REPAIR = "Set it to the address of your org, such as https://mycompany.my.salesforce.com"


def is_loopback(host: str) -> bool:
    """Tell whether a host name is this machine. Names that merely resolve to it are not accepted."""
    return host in _LOOPBACK_HOSTS


def clean_instance_url(address: str) -> str:
    """Return scheme and host of a configured org address.

    Raises:
        ConfigurationError: It is no address a token may be sent to.
    """
    parts = _split(address)
    host = parts.hostname or ""
    if not _is_allowed(parts, configured_host=host):
        raise ConfigurationError(INSTANCE_SETTING, what="is not an https address with a host name", repair=_REPAIR)
    return f"{parts.scheme}://{parts.netloc}"


def require_allowed(url: str, *, configured_host: str) -> None:
    """Refuse a request to any host that is neither Salesforce's nor the configured one.

    Raises:
        ConfigurationError: The host is not on the list.
    """
    if not _is_allowed(_split(url), configured_host=configured_host):
        raise ConfigurationError(
            INSTANCE_SETTING, what="led to an address outside the allowed Salesforce hosts", repair=_REPAIR
        )


def _split(address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
        _ = parts.port  # a port that is no number shows only here
    except ValueError:
        return SplitResult("", "", "", "", "")
    return parts


def _is_allowed(parts: SplitResult, *, configured_host: str) -> bool:
    host = parts.hostname or ""
    if not host or "@" in parts.netloc:
        return False
    if is_loopback(host):
        return host == configured_host and parts.scheme in {"http", "https"}
    if parts.scheme != "https" or not _is_host_name(host):
        return False
    return host.endswith(_SALESFORCE_DOMAINS) or host == configured_host


def _is_host_name(host: str) -> bool:
    """Tell names from numeric addresses in any spelling (dotted, decimal, hexadecimal, IPv6)."""
    labels = host.split(".")
    return (
        host.isascii()
        and len(labels) > 1
        and all(label.replace("-", "").isalnum() for label in labels)
        and not labels[-1].isdigit()
        and not labels[-1].startswith("0x")
    )
