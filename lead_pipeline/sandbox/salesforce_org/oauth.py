"""OAuth 2.0 token flows and who-am-I.

Belongs here: client credentials (form or Basic), JWT bearer, password, refresh, revoke, userinfo and the identity URL.
Tokens themselves: sessions.py.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl

import jwt

from lead_pipeline.sandbox.salesforce_org.catalogue import fault
from lead_pipeline.sandbox.salesforce_org.messages import Answer, Call
from lead_pipeline.sandbox.salesforce_org.org import Caller

_JWT_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ALGORITHM: Final = "RS256"


@dataclass(frozen=True)
class ConnectedApp:
    """The app that clients log in through.

    Attributes:
        client_id: consumer key.
        client_secret: consumer secret.
        run_as: role, username or id of the user behind client credentials.
        public_key: PEM key that JWT assertions must be signed for; None accepts any signature.
    """

    client_id: str = "sandbox-client"
    client_secret: str = "sandbox-secret"  # noqa: S105 - the sandbox's published default
    run_as: str = "integration"
    public_key: str | None = None


class _OAuthError(Exception):
    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.answer = Answer(400, {"error": error, "error_description": description})


class OAuthHandlers:
    """Handlers of services/oauth2 and the identity URL.

    Args:
        app: the connected app.
    """

    def __init__(self, app: ConnectedApp) -> None:
        self._app = app

    def token(self, call: Call) -> Answer:
        """POST services/oauth2/token."""
        form = {**call.query, **dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))}
        grants: Mapping[str, Callable[[Call, Mapping[str, str]], Answer]] = {
            "client_credentials": self._client_credentials,
            "password": self._password,
            "refresh_token": self._refresh,
            _JWT_GRANT: self._jwt,
        }
        grant = grants.get(form.get("grant_type", ""))
        if grant is None:
            return _OAuthError("unsupported_grant_type", "grant type not supported").answer
        try:
            return grant(call, form)
        except _OAuthError as refused:
            return refused.answer

    def revoke(self, call: Call) -> Answer:
        """POST services/oauth2/revoke."""
        form = dict(parse_qsl(call.body.decode("utf-8", "replace")))
        if call.org.sessions.revoke(form.get("token", call.query.get("token", ""))):
            return Answer(200)
        return Answer(400, {"error": "unsupported_token_type", "error_description": "this token type is not supported"})

    def userinfo(self, call: Call) -> Answer:
        """GET services/oauth2/userinfo."""
        row = _user_row(call, call.caller.user_id)
        return Answer(
            body={
                "sub": _identity_url(call, call.caller.user_id),
                "user_id": call.caller.user_id,
                "organization_id": call.org.id,
                "preferred_username": row["Username"],
                "nickname": row["Alias"],
                "name": row["Name"],
                "email": row["Email"],
                "email_verified": True,
                "given_name": row["FirstName"],
                "family_name": row["LastName"],
                "zoneinfo": row["TimeZoneSidKey"],
                "active": bool(row["IsActive"]),
                "user_type": "STANDARD",
                "language": row["LanguageLocaleKey"],
                "locale": row["LocaleSidKey"],
                "urls": _urls(call),
            }
        )

    def identity(self, call: Call) -> Answer:
        """GET id/{org}/{user}."""
        row = _user_row(call, call.parts["user"])
        return Answer(
            body={
                "id": _identity_url(call, row["Id"]),
                "asserted_user": True,
                "user_id": row["Id"],
                "organization_id": call.org.id,
                "username": row["Username"],
                "nick_name": row["Alias"],
                "display_name": row["Name"],
                "email": row["Email"],
                "email_verified": True,
                "first_name": row["FirstName"],
                "last_name": row["LastName"],
                "timezone": row["TimeZoneSidKey"],
                "urls": _urls(call),
                "active": bool(row["IsActive"]),
                "user_type": "STANDARD",
                "language": row["LanguageLocaleKey"],
                "locale": row["LocaleSidKey"],
                "is_app_installed": True,
            }
        )

    # --- grants ---------------------------------------------------------------------------------------------------

    def _client_credentials(self, call: Call, form: Mapping[str, str]) -> Answer:
        self._check_client(call, form)
        caller = call.org.find_user(self._app.run_as)
        if caller is None:
            raise _OAuthError("invalid_grant", "no client credentials user enabled")
        return self._grant(call, caller)

    def _password(self, call: Call, form: Mapping[str, str]) -> Answer:
        self._check_client(call, form)
        caller = call.org.find_user(form.get("username", ""))
        if caller is None or not form.get("password", "").startswith(call.org.password):
            raise _OAuthError("invalid_grant", "authentication failure")
        return self._grant(call, caller)

    def _refresh(self, call: Call, form: Mapping[str, str]) -> Answer:
        self._check_client_id(form.get("client_id", _basic(call)[0]))
        user_id = call.org.sessions.find_refresh(form.get("refresh_token", ""))
        if user_id is None:
            raise _OAuthError("invalid_grant", "expired access/refresh token")
        return self._grant(call, call.org.caller(user_id))

    def _jwt(self, call: Call, form: Mapping[str, str]) -> Answer:
        claims = self._claims(form.get("assertion", ""))
        self._check_client_id(str(claims.get("iss", "")))
        caller = call.org.find_user(str(claims.get("sub", claims.get("prn", ""))))
        if caller is None:
            raise _OAuthError("invalid_grant", "user hasn't approved this consumer")
        # The assertion is dated by the client's clock, which the sandbox clock does not move.
        if not isinstance(claims.get("exp"), int | float) or claims["exp"] < datetime.now(UTC).timestamp():
            raise _OAuthError("invalid_grant", "expired authorization code")
        return self._grant(call, caller)

    def _claims(self, assertion: str) -> dict[str, Any]:
        key = self._app.public_key
        options = {"verify_signature": key is not None, "verify_exp": False, "verify_aud": False}
        try:
            claims: dict[str, Any] = jwt.decode(assertion, key or "", algorithms=[_ALGORITHM], options=options)  # type: ignore[arg-type]
        except jwt.PyJWTError:
            raise _OAuthError("invalid_grant", "invalid assertion") from None
        return claims

    def _check_client(self, call: Call, form: Mapping[str, str]) -> None:
        basic_id, basic_secret = _basic(call)
        self._check_client_id(form.get("client_id", basic_id))
        if not hmac.compare_digest(form.get("client_secret", basic_secret).encode(), self._app.client_secret.encode()):
            raise _OAuthError("invalid_client", "invalid client credentials")

    def _check_client_id(self, client_id: str) -> None:
        if not hmac.compare_digest(client_id.encode(), self._app.client_id.encode()):
            raise _OAuthError("invalid_client_id", "client identifier invalid")

    def _grant(self, call: Call, caller: Caller) -> Answer:
        org = call.org
        token = org.sessions.issue(
            caller.user_id, org_id=org.id, now=org.clock.now(), lifetime_seconds=org.settings.session_seconds
        )
        identity = _identity_url(call, caller.user_id)
        issued_at = str(int(org.clock.now().timestamp() * 1000))
        signed = hmac.new(self._app.client_secret.encode(), (identity + issued_at).encode(), hashlib.sha256).digest()
        return Answer(
            body={
                "access_token": token,
                "signature": base64.b64encode(signed).decode(),
                "instance_url": call.base_url,
                "id": identity,
                "token_type": "Bearer",
                "issued_at": issued_at,
            }
        )


def _basic(call: Call) -> tuple[str, str]:
    scheme, _, encoded = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, secret


def _user_row(call: Call, user_id: str) -> dict[str, Any]:
    found = call.org.find_user(user_id)
    row = None if found is None else call.org.store.get(call.org.schemas["User"], found.user_id)
    if row is None:
        raise fault("NOT_FOUND")
    return row


def _identity_url(call: Call, user_id: str) -> str:
    return f"{call.base_url}/id/{call.org.id}/{user_id}"


def _urls(call: Call) -> dict[str, str]:
    root = f"{call.base_url}/services/data/v{{version}}/"
    return {
        "enterprise": f"{call.base_url}/services/Soap/c/{{version}}/{call.org.id[:15]}",
        "partner": f"{call.base_url}/services/Soap/u/{{version}}/{call.org.id[:15]}",
        "rest": root,
        "sobjects": f"{root}sobjects/",
        "query": f"{root}query/",
        "profile": f"{call.base_url}/{call.caller.user_id}",
        "custom_domain": call.base_url,
    }
