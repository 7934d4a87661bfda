"""OAuth flows, who-am-I, SOAP login and conversion."""

import base64
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from lead_pipeline_tests.sandbox.salesforce_org.conftest import RunningOrg

APP = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
TOKEN = "/services/oauth2/token"
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
USER = "integration@sandbox.example"


@pytest.fixture(scope="module")
def private_key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def assertion(key: bytes, **claims: Any) -> str:
    body = {
        "iss": APP["client_id"],
        "sub": USER,
        "aud": "https://login.salesforce.com",
        "exp": time.time() + 180,
        **claims,
    }
    return jwt.encode(body, key, algorithm="RS256")


def works(org: RunningOrg, answer: Any) -> bool:
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    return org.call("GET", "/limits", headers=headers).status_code == 200


def test_client_credentials_work_by_form_and_by_basic(admin: RunningOrg) -> None:
    grant = {"grant_type": "client_credentials"}
    basic = base64.b64encode(f"{APP['client_id']}:{APP['client_secret']}".encode()).decode()

    by_form = admin.call("POST", TOKEN, data={**grant, **APP})
    by_basic = admin.call("POST", TOKEN, data=grant, headers={"Authorization": f"Basic {basic}"})

    assert works(admin, by_form)
    assert works(admin, by_basic)


def test_a_jwt_works_for_its_user(admin: RunningOrg, private_key: bytes) -> None:
    answer = admin.call("POST", TOKEN, data={"grant_type": JWT_GRANT, "assertion": assertion(private_key)})

    assert works(admin, answer)


def test_password_and_refresh_grants_work(admin: RunningOrg) -> None:
    refresh = admin.call("POST", "/_sandbox/tokens", json={"user": "rep"}).json()["refresh_token"]

    by_password = {"grant_type": "password", "username": USER, "password": "sandbox-password+token", **APP}
    assert works(admin, admin.call("POST", TOKEN, data=by_password))
    assert works(
        admin, admin.call("POST", TOKEN, data={"grant_type": "refresh_token", "refresh_token": refresh, **APP})
    )


OAUTH_ERRORS = {
    "unknown grant": ({"grant_type": "magic"}, "unsupported_grant_type", "grant type not supported"),
    "unknown client": (
        {"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"},
        "invalid_client_id", "client identifier invalid",
    ),
    "wrong secret": (
        {"grant_type": "client_credentials", **APP, "client_secret": "y"},
        "invalid_client", "invalid client credentials",
    ),
    "wrong password": (
        {"grant_type": "password", "username": USER, "password": "x", **APP}, "invalid_grant", "authentication failure",
    ),
    "stale refresh token": (
        {"grant_type": "refresh_token", "refresh_token": "x", **APP}, "invalid_grant", "expired access/refresh token",
    ),
    "not a JWT": ({"grant_type": JWT_GRANT, "assertion": "x"}, "invalid_grant", "invalid assertion"),
}  # fmt: skip


@pytest.mark.parametrize("name", OAUTH_ERRORS)
def test_a_refused_login_has_the_oauth_form(admin: RunningOrg, name: str) -> None:
    form, error, description = OAUTH_ERRORS[name]

    answer = admin.call("POST", TOKEN, data=form)

    assert (answer.status_code, answer.json()) == (400, {"error": error, "error_description": description})


def test_a_deactivated_user_has_no_session_and_no_client_credentials(admin: RunningOrg) -> None:
    user = admin.query(f"SELECT Id FROM User WHERE Username = '{USER}'")["records"][0]["Id"]
    open_session = admin.acting_as("integration")
    assert admin.call("PATCH", f"/sobjects/User/{user}", json={"IsActive": False}).status_code == 204

    answer = admin.call("POST", TOKEN, data={"grant_type": "client_credentials", **APP})

    assert open_session.call("GET", "/limits").status_code == 401
    assert (answer.status_code, answer.json()) == (
        400, {"error": "invalid_grant", "error_description": "no client credentials user enabled"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("claims", "description"),
    [({"sub": "stranger@x.example"}, "user hasn't approved this consumer"), ({"exp": 1}, "expired authorization code")],
)
def test_a_refused_jwt_says_why(
    admin: RunningOrg, private_key: bytes, claims: dict[str, Any], description: str
) -> None:
    answer = admin.call("POST", TOKEN, data={"grant_type": JWT_GRANT, "assertion": assertion(private_key, **claims)})

    assert answer.json() == {"error": "invalid_grant", "error_description": description}


def test_a_revoked_token_is_a_session_no_more(admin: RunningOrg) -> None:
    token = admin.http.headers["authorization"].removeprefix("Bearer ")

    answers = [admin.call("POST", "/services/oauth2/revoke", data={"token": token}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 400]
    assert answers[1].json()["error"] == "unsupported_token_type"
    assert admin.call("GET", "/limits").status_code == 401


def test_userinfo_and_the_identity_url_name_the_caller(integration: RunningOrg) -> None:
    info = integration.call("GET", "/services/oauth2/userinfo").json()
    identity = integration.call("GET", f"/id/{info['organization_id']}/{info['user_id']}").json()

    assert (info["preferred_username"], identity["username"]) == (USER, USER)


def envelope(body: str, session: str = "") -> bytes:
    header = f"<Header><SessionHeader><sessionId>{session}</sessionId></SessionHeader></Header>" if session else ""
    return (
        f'<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/">{header}<Body>{body}</Body></Envelope>'.encode()
    )


def soap(org: RunningOrg, body: str, *, version: str = "59.0", session: str = "") -> Any:
    return org.call(
        "POST", f"/services/Soap/u/{version}", content=envelope(body, session), headers={"Content-Type": "text/xml"}
    )


LOGIN = "<login><username>{}</username><password>{}</password></login>"


def test_soap_login_hands_out_a_session(admin: RunningOrg) -> None:
    answer = soap(admin, LOGIN.format(USER, "sandbox-passwordTOKEN"))

    session = answer.text.split("<sessionId>")[1].split("<")[0]
    assert answer.status_code == 200
    assert "<sessionSecondsValid>7200</sessionSecondsValid>" in answer.text
    assert admin.call("GET", "/limits", headers={"Authorization": f"Bearer {session}"}).status_code == 200


@pytest.mark.parametrize(
    ("body", "version", "code"),
    [
        (LOGIN.format(USER, "wrong"), "59.0", "INVALID_LOGIN"),
        (LOGIN.format(USER, "sandbox-password"), "65.0", "UNSUPPORTED_API_VERSION"),
        ("<getServerTimestamp/>", "59.0", "INVALID_OPERATION"),
        ("<broken", "59.0", "BAD_REQUEST"),
        ("<convertLead/>", "59.0", "INVALID_SESSION_ID"),
    ],
)
def test_a_soap_refusal_is_a_fault_with_500(admin: RunningOrg, body: str, version: str, code: str) -> None:
    answer = soap(admin, body, version=version)

    assert answer.status_code == 500
    assert f"<sf:exceptionCode>{code}</sf:exceptionCode>" in answer.text


def test_convert_lead_freezes_the_lead_and_names_what_it_became(admin: RunningOrg) -> None:
    lead = admin.create(Email="a@b.example", Dievio_Lead_ID__c="k1", City="Bonn")
    [campaign] = admin.org.load("Campaign", [{"Name": "Fair"}])
    member = admin.create("CampaignMember", CampaignId=campaign, LeadId=lead)
    session = admin.http.headers["authorization"].removeprefix("Bearer ")
    convert = (
        f"<convertLead><leadConverts><leadId>{lead}</leadId><convertedStatus>Closed - Converted</convertedStatus>"
        "<doNotCreateOpportunity>true</doNotCreateOpportunity></leadConverts></convertLead>"
    )

    first, second = (soap(admin, convert, session=session).text for _ in range(2))

    record = admin.record(lead)
    contact = admin.record(record["ConvertedContactId"], "Contact")
    assert f"<contactId>{contact['Id']}</contactId>" in first
    assert "<statusCode>CANNOT_UPDATE_CONVERTED_LEAD</statusCode>" in second
    assert (record["IsConverted"], record["Status"], record["ConvertedDate"], record["ConvertedOpportunityId"]) == (
        True, "Closed - Converted", "2026-03-02", None,
    )  # fmt: skip
    assert (contact["Email"], contact["Dievio_Lead_ID__c"], contact["MailingCity"]) == ("a@b.example", "k1", "Bonn")
    assert admin.record(member, "CampaignMember")["ContactId"] == contact["Id"]
    assert admin.call("DELETE", f"/sobjects/Lead/{lead}").status_code == 204
