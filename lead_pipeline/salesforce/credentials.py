"""How this product signs in to an org: one of three ways, checked before any byte is sent.

Where the values come from is `settings`; how they become an access token is `tokens`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from lead_pipeline.errors import ConfigurationError
from lead_pipeline.salesforce.addresses import clean_instance_url

_WAYS = (
    "Set SALESFORCE_CLIENT_ID with SALESFORCE_CLIENT_SECRET, or SALESFORCE_CLIENT_ID with SALESFORCE_JWT_KEY_FILE and "
    "SALESFORCE_USERNAME, or SALESFORCE_ACCESS_TOKEN"
)


class SignInWay(StrEnum):
    """How an access token is obtained."""

    ACCESS_TOKEN = "access_token"  # noqa: S105 - the name of a way, no token
    CLIENT_CREDENTIALS = "client_credentials"
    JWT_BEARER = "jwt_bearer"


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesforceCredentials:
    """Address of an org and one way to sign in.

    Raises:
        ConfigurationError: The address is unusable, or not exactly one way is complete.
    """

    instance_url: str
    access_token: SecretStr | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    jwt_key_file: Path | None = None
    username: str | None = None
    login_url: str | None = None  # audience of a JWT; derived from the address when absent

    def __post_init__(self) -> None:
        """Reduce the address to scheme and host, and refuse what cannot sign in."""
        object.__setattr__(self, "instance_url", clean_instance_url(self.instance_url))
        ways = self._complete_ways()
        if not ways:
            raise ConfigurationError("Salesforce credentials", what="no way to sign in is complete", repair=_WAYS)
        if len(ways) > 1:
            raise ConfigurationError(
                "Salesforce credentials", what=f"{' and '.join(ways)} are both set", repair="Leave one of them unset"
            )

    @property
    def way(self) -> SignInWay:
        """The one way that is complete."""
        return self._complete_ways()[0]

    @property
    def host(self) -> str:
        """Host name of the org, without a port."""
        return urlsplit(self.instance_url).hostname or ""

    @property
    def settings(self) -> str:
        """Names of the settings to look at when the org refuses these credentials."""
        return {
            SignInWay.ACCESS_TOKEN: "SALESFORCE_ACCESS_TOKEN",
            SignInWay.CLIENT_CREDENTIALS: "SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET",
            SignInWay.JWT_BEARER: "SALESFORCE_CLIENT_ID, SALESFORCE_JWT_KEY_FILE and SALESFORCE_USERNAME",
        }[self.way]

    def _complete_ways(self) -> list[SignInWay]:
        complete = {
            SignInWay.ACCESS_TOKEN: self.access_token,
            SignInWay.CLIENT_CREDENTIALS: self.client_id and self.client_secret,
            SignInWay.JWT_BEARER: self.client_id and self.jwt_key_file and self.username,
        }
        return [way for way, is_complete in complete.items() if is_complete]
