import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from lead_pipeline.errors import (
    ConfigurationError,
    CredentialsRefusedError,
    LeadPipelineError,
    ServiceUnavailableError,
    SystemUnreachableError,
    UnexpectedAnswerError,
)
from lead_pipeline.salesforce.credentials import SalesforceCredentials
from lead_pipeline.salesforce.session import BoundedSession
from lead_pipeline.salesforce.tokens import AccessTokens, login_url_of
from lead_pipeline_tests.salesforce.clients import QUICK
from lead_pipeline_tests.salesforce.scripted_server import ScriptedServer, reply, reset, scripted_server

NOW = datetime(2026, 5, 4, 8, 15, tzinfo=UTC)


def tokens_at(base_url: str, **way: object) -> AccessTokens:
    way = way or {"client_id": "app", "client_secret": SecretStr("topsecret")}
    credentials = SalesforceCredentials(instance_url=base_url, **way)  # type: ignore[arg-type]
    return AccessTokens(credentials, http=BoundedSession(credentials.host, timeouts=QUICK), now=lambda: NOW)


def granted(token: str, **more: str) -> dict[str, str]:
    return {"access_token": token, "token_type": "Bearer", **more}


def form_of(server: ScriptedServer, place: int = 0) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(server.requests[place].body.decode()).items()}


def test_client_credentials_are_exchanged_for_a_token_once() -> None:
    with scripted_server(reply(200, granted("t1"))) as server:
        tokens = tokens_at(server.base_url)
        assert [tokens.current(), tokens.current()] == ["t1", "t1"]
    assert server.paths() == ["/services/oauth2/token"]
    assert form_of(server) == {"grant_type": "client_credentials", "client_id": "app", "client_secret": "topsecret"}


@pytest.mark.parametrize(
    ("identity", "user_id"),
    [
        ("https://login.salesforce.com/id/00D5e0000000001EAA/0055e0000000001AAA", "0055e0000000001AAA"),
        ("https://login.salesforce.com/id/00D5e0000000001EAA/", None),
        (None, None),
    ],
    ids=["an identity address", "one without a user", "no identity"],
)
def test_signing_in_tells_as_whom_we_write(identity: str | None, user_id: str | None) -> None:
    answer = granted("t1", **({"id": identity} if identity else {}))
    with scripted_server(reply(200, answer)) as server:
        tokens = tokens_at(server.base_url)
        tokens.current()
    assert tokens.user_id == user_id


def test_ten_threads_with_the_same_expired_token_sign_in_once() -> None:
    with scripted_server(reply(200, granted("t1")), reply(200, granted("t2")), reply(200, granted("t3"))) as server:
        tokens = tokens_at(server.base_url)
        expired = tokens.current()
        together = threading.Barrier(10)

        def renew(_number: int) -> str:
            together.wait(5)
            return tokens.renew(expired)

        with ThreadPoolExecutor(10) as threads:
            renewed = list(threads.map(renew, range(10)))
    assert renewed == ["t2"] * 10
    assert len(server.requests) == 2


def test_a_signed_assertion_names_app_user_and_audience(tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key_file = tmp_path / "key.pem"
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    with scripted_server(reply(200, granted("t1"))) as server:
        tokens_at(server.base_url, client_id="app", jwt_key_file=key_file, username="integration").current()
        form = form_of(server)
        claims = jwt.decode(
            form["assertion"],
            key.public_key(),
            algorithms=["RS256"],
            audience=server.base_url,
            options={"verify_exp": False},
        )
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert (claims["iss"], claims["sub"], claims["exp"]) == ("app", "integration", int(NOW.timestamp()) + 180)


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN PRIVATE KEY-----\nnope\n-----END PRIVATE KEY-----\n"])
def test_an_unusable_key_file_is_named(tmp_path: Path, content: bytes | None) -> None:
    key_file = tmp_path / "key.pem"
    if content is not None:
        key_file.write_bytes(content)
    tokens = tokens_at("http://127.0.0.1:9", client_id="app", jwt_key_file=key_file, username="integration")
    with pytest.raises(ConfigurationError, match="SALESFORCE_JWT_KEY_FILE"):
        tokens.current()


@pytest.mark.parametrize(
    ("address", "audience"),
    [
        ("https://mycompany.my.salesforce.com", "https://login.salesforce.com"),
        ("https://mycompany--uat.sandbox.my.salesforce.com", "https://test.salesforce.com"),
        ("http://127.0.0.1:8123", "http://127.0.0.1:8123"),
    ],
)
def test_the_audience_follows_the_kind_of_org(address: str, audience: str) -> None:
    credentials = SalesforceCredentials(instance_url=address, access_token=SecretStr("x"))
    assert login_url_of(credentials) == audience


@pytest.mark.parametrize(
    "error", ["invalid_grant", "invalid_client", "invalid_client_id", "unsupported_grant_type", "inactive_user"]
)
def test_a_refusal_is_final_and_never_repeated(error: str) -> None:
    with scripted_server(reply(400, {"error": error, "error_description": "authentication failure"})) as server:
        tokens = tokens_at(server.base_url)
        for _ in range(3):
            with pytest.raises(CredentialsRefusedError, match="SALESFORCE_CLIENT_ID") as refusal:
                tokens.current()
            assert error in str(refusal.value)
            assert "topsecret" not in str(refusal.value)
    assert len(server.requests) == 1


def test_a_token_that_was_given_cannot_be_renewed() -> None:
    tokens = tokens_at("http://127.0.0.1:9", access_token=SecretStr("given"))
    assert tokens.current() == "given"
    with pytest.raises(CredentialsRefusedError, match="SALESFORCE_ACCESS_TOKEN"):
        tokens.renew("given")


@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        (reply(503, b"busy", media_type="text/plain"), ServiceUnavailableError, "503"),
        (reply(429, b""), ServiceUnavailableError, "429"),
        (reply(200, b"<html>login</html>", media_type="text/html"), UnexpectedAnswerError, "SALESFORCE_INSTANCE_URL"),
        (reply(404, b"<html>?</html>", media_type="text/html"), UnexpectedAnswerError, "SALESFORCE_INSTANCE_URL"),
        (reply(200, {"access_token": 5}), UnexpectedAnswerError, "without a token"),
        (reply(200, [1]), UnexpectedAnswerError, "without a token"),
        (reply(302, b"", headers={"Location": "https://evil.example/"}), UnexpectedAnswerError, "302"),
        (reset, SystemUnreachableError, "SALESFORCE_INSTANCE_URL"),
        (reply(200, granted("t", instance_url="https://evil.example")), ConfigurationError, "outside the allowed"),
        (
            reply(200, granted("t", instance_url="https://other.my.salesforce.com")),
            ConfigurationError,
            "Set it to https://other.my.salesforce.com",
        ),
    ],
)
def test_every_other_failure_says_what_and_where(
    script: Callable[..., None], error: type[LeadPipelineError], words: str
) -> None:
    with scripted_server(script) as server, pytest.raises(error, match=words):
        tokens_at(server.base_url).current()


def test_an_address_nobody_listens_at_is_named() -> None:
    with scripted_server(reply(200, {})) as server:
        address = server.base_url
    with pytest.raises(SystemUnreachableError, match="SALESFORCE_INSTANCE_URL"):
        tokens_at(address).current()


def test_after_a_passing_fault_the_next_call_signs_in() -> None:
    with scripted_server(reply(503, b""), reply(200, granted("t1"))) as server:
        tokens = tokens_at(server.base_url)
        with pytest.raises(ServiceUnavailableError):
            tokens.current()
        assert tokens.current() == "t1"
