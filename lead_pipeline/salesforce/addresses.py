"""Which addresses a Salesforce token may be sent to.

Allowed: https on Salesforce's own domains and on the configured host; plain http on the loopback only (the sandbox).
What makes an address usable at all is `transport.egress`.
"""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from lead_pipeline.errors import ConfigurationError
from lead_pipeline.transport.egress import LOOPBACK_HOSTS, clean_base_url

INSTANCE_SETTING = "SALESFORCE_INSTANCE_URL"
_SALESFORCE_DOMAINS = (".salesforce.com", ".force.com")


def is_loopback(host: str) -> bool:
    """Tell whether a host name is this machine. Names that merely resolve to it are not accepted."""
    return host in LOOPBACK_HOSTS


def clean_instance_url(address: str) -> str:
    """Return scheme and host of a configured org address.

    Raises:
        ConfigurationError: It is no address a token may be sent to.
    """
    parts = urlsplit(clean_base_url(address, setting=INSTANCE_SETTING))
    return f"{parts.scheme}://{parts.netloc}"


def require_allowed(url: str, *, configured_host: str) -> None:
    """Refuse a request to any host that is neither Salesforce's nor the configured one.

    Raises:
        ConfigurationError: The host is not on the list.
    """
    if not _is_allowed(urlsplit(url), configured_host=configured_host):
        raise ConfigurationError(
            INSTANCE_SETTING,
            what="led to an address outside the allowed Salesforce hosts",
            repair="Set it to the address of your org, such as https://mycompany.my.salesforce.com",
        )


def _is_allowed(parts: SplitResult, *, configured_host: str) -> bool:
    host = parts.hostname or ""
    if not host or "@" in parts.netloc:
        return False
    if is_loopback(host):
        return host == configured_host
    return parts.scheme == "https" and (host == configured_host or host.endswith(_SALESFORCE_DOMAINS))
