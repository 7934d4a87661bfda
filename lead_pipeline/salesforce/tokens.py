"""Access tokens: obtained once, renewed once under a lock, never asked for again after a refusal.

Salesforce locks users whose sign-in keeps failing, so a refusal is remembered and told to every later caller.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import jwt
import requests

from lead_pipeline.errors import (
    ConfigurationError,
    CredentialsRefusedError,
    InvalidIdentifierError,
    ServiceUnavailableError,
    SystemUnreachableError,
    TransportFaultError,
    UnexpectedAnswerError,
    UntrustedConnectionError,
)
from lead_pipeline.salesforce.addresses import INSTANCE_SETTING, is_loopback, require_allowed
from lead_pipeline.salesforce.credentials import SalesforceCredentials, SignInWay
from lead_pipeline.salesforce.ids import check_record_id
from lead_pipeline.salesforce.session import BoundedSession, host_of
from lead_pipeline.transport.tls import find_tls_flaw

SYSTEM = "Salesforce"
TOKEN_PATH = "/services/oauth2/token"  # noqa: S105 - a path
JWT_LIFETIME = timedelta(minutes=3)  # Salesforce refuses assertions that live longer
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
PRODUCTION_LOGIN_URL = "https://login.salesforce.com"
SANDBOX_LOGIN_URL = "https://test.salesforce.com"
_OK = 200
_SERVER_ERROR = 500
_TOO_MANY_REQUESTS = 429


class AccessTokens:
    """Gives the session its token and a new one when the org no longer takes it.

    Args:
        credentials: How to sign in.
        http: Session to sign in through.
        now: Clock; decides when a signed assertion expires.
    """

    def __init__(
        self, credentials: SalesforceCredentials, *, http: BoundedSession, now: Callable[[], datetime]
    ) -> None:
        self._credentials = credentials
        self._http = http
        self._now = now
        self._lock = threading.Lock()
        self._token: str | None = None
        self.user_id: str | None = None  # as whom we signed in; None with a ready token, which does not say
        self._refusal: CredentialsRefusedError | None = None

    def current(self) -> str:
        """Return the token in use, signing in first when there is none.

        Raises:
            CredentialsRefusedError: The org refused these credentials, now or before.
            SystemUnreachableError: Nothing answers at the address.
        """
        with self._lock:
            if self._token is None:
                self._token = self._obtain()
            return self._token

    def renew(self, refused: str) -> str:
        """Return a token other than `refused`. Of many callers with the same expired token only one signs in.

        Raises:
            CredentialsRefusedError: The org refused these credentials, or the token cannot be renewed.
        """
        with self._lock:
            if self._token == refused or self._token is None:
                self._token = None
                self._token = self._obtain(is_renewal=True)
            return self._token

    def _obtain(self, *, is_renewal: bool = False) -> str:
        if self._refusal is not None:
            raise self._refusal
        try:
            return self._given_token(is_renewal=is_renewal) or self._sign_in()
        except CredentialsRefusedError as refusal:
            self._refusal = refusal
            raise

    def _given_token(self, *, is_renewal: bool) -> str | None:
        if self._credentials.access_token is None:
            return None
        if is_renewal:
            raise CredentialsRefusedError(SYSTEM, code="session expired", settings=self._credentials.settings)
        return self._credentials.access_token.get_secret_value()

    def _sign_in(self) -> str:
        url = self._credentials.instance_url + TOKEN_PATH
        try:
            response = self._http.post(url, data=self._grant())
        except requests.exceptions.ConnectionError as error:
            if flaw := find_tls_flaw(error):
                raise UntrustedConnectionError(INSTANCE_SETTING, flaw=flaw) from error
            raise SystemUnreachableError(
                SYSTEM, address=self._credentials.instance_url, setting=INSTANCE_SETTING
            ) from error
        except requests.exceptions.RequestException as error:
            # Whatever call needed the token has not been sent.
            raise TransportFaultError(SYSTEM, "sign-in", cause=type(error).__name__, is_sent=False) from None
        return self._read_token(response)

    def _grant(self) -> dict[str, str]:
        credentials = self._credentials
        if credentials.way is SignInWay.JWT_BEARER:
            return {"grant_type": JWT_GRANT, "assertion": self._assertion()}
        secret = credentials.client_secret
        return {
            "grant_type": "client_credentials",
            "client_id": credentials.client_id or "",
            "client_secret": secret.get_secret_value() if secret else "",
        }

    def _assertion(self) -> str:
        credentials = self._credentials
        claims = {
            "iss": credentials.client_id,
            "sub": credentials.username,
            "aud": credentials.login_url or login_url_of(credentials),
            "exp": int((self._now() + JWT_LIFETIME).timestamp()),
        }
        try:
            key = credentials.jwt_key_file.read_bytes() if credentials.jwt_key_file else b""
            return jwt.encode(claims, key, algorithm="RS256")
        except (OSError, ValueError, TypeError, jwt.PyJWTError) as error:
            raise ConfigurationError(
                "SALESFORCE_JWT_KEY_FILE",
                what=f"is not a readable RSA private key ({type(error).__name__})",
                repair="Point it to the PEM file whose certificate the connected app holds",
            ) from None

    def _read_token(self, response: requests.Response) -> str:
        body = _json_object(response)
        if response.status_code == _OK and isinstance(body.get("access_token"), str):
            self._check_instance(str(body.get("instance_url") or self._credentials.instance_url))
            self.user_id = _user_of(body.get("id"))
            return str(body["access_token"])
        if response.status_code >= _SERVER_ERROR or response.status_code == _TOO_MANY_REQUESTS:
            raise ServiceUnavailableError(SYSTEM, "sign-in", status=response.status_code)
        if isinstance(body.get("error"), str):
            raise CredentialsRefusedError(SYSTEM, code=str(body["error"]), settings=self._credentials.settings)
        raise UnexpectedAnswerError(
            SYSTEM, f"sign-in at {INSTANCE_SETTING}", what=f"{response.status_code} without a token"
        )

    def _check_instance(self, instance_url: str) -> None:
        """Refuse an org that lives elsewhere: our calls would go to the configured host."""
        require_allowed(instance_url, configured_host=self._credentials.host)
        host = host_of(instance_url)
        if host != self._credentials.host and not (is_loopback(host) and is_loopback(self._credentials.host)):
            raise ConfigurationError(
                INSTANCE_SETTING, what="is not where the org lives", repair=f"Set it to https://{host}"
            )


def login_url_of(credentials: SalesforceCredentials) -> str:
    """Return the audience of a signed assertion: production, a Salesforce sandbox, or an org on this machine."""
    if is_loopback(credentials.host):
        return credentials.instance_url
    return SANDBOX_LOGIN_URL if ".sandbox." in credentials.host else PRODUCTION_LOGIN_URL


def _user_of(identity_url: object) -> str | None:
    """Return the user of an identity address, https://login.salesforce.com/id/<org>/<user>."""
    try:
        return check_record_id(str(identity_url).rpartition("/")[2], "User")
    except InvalidIdentifierError:
        return None


def _json_object(response: requests.Response) -> Mapping[str, object]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
