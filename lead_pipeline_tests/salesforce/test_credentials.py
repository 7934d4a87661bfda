from pathlib import Path

import pytest
from pydantic import SecretStr

from lead_pipeline.errors import ConfigurationError
from lead_pipeline.salesforce.credentials import SalesforceCredentials, SignInWay

URL = "https://mycompany.my.salesforce.com"
TOKEN = {"access_token": SecretStr("00Dx!topsecret")}
CLIENT = {"client_id": "app", "client_secret": SecretStr("topsecret")}
SIGNED = {"client_id": "app", "jwt_key_file": Path("key.pem"), "username": "integration"}


@pytest.mark.parametrize(
    ("values", "way"),
    [(TOKEN, SignInWay.ACCESS_TOKEN), (CLIENT, SignInWay.CLIENT_CREDENTIALS), (SIGNED, SignInWay.JWT_BEARER)],
)
def test_one_complete_way_is_taken(values: dict[str, object], way: SignInWay) -> None:
    assert SalesforceCredentials(instance_url=URL, **values).way is way  # type: ignore[arg-type]


@pytest.mark.parametrize("values", [{}, {"client_id": "app"}, {"client_secret": SecretStr("x")}, {"username": "u"}])
def test_without_a_complete_way_the_message_names_the_settings(values: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="SALESFORCE_CLIENT_ID with SALESFORCE_CLIENT_SECRET"):
        SalesforceCredentials(instance_url=URL, **values)  # type: ignore[arg-type]


def test_two_complete_ways_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="access_token and client_credentials"):
        SalesforceCredentials(instance_url=URL, **TOKEN, **CLIENT)  # type: ignore[arg-type]


def test_no_secret_shows_in_the_text_of_credentials() -> None:
    shown = repr(SalesforceCredentials(instance_url=URL, **CLIENT))  # type: ignore[arg-type]
    assert "topsecret" not in shown
