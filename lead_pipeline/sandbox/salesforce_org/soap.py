"""The two SOAP calls that clients still need: login and convertLead.

Belongs here: envelopes and faults. Conversion itself: lifecycle.py; every other SOAP operation is refused.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from lead_pipeline.sandbox.salesforce_org.catalogue import SalesforceFault, fault
from lead_pipeline.sandbox.salesforce_org.ids import normalize_id
from lead_pipeline.sandbox.salesforce_org.lifecycle import Lifecycle
from lead_pipeline.sandbox.salesforce_org.messages import Answer, Call
from lead_pipeline.sandbox.salesforce_org.org import Caller
from lead_pipeline.sandbox.salesforce_org.saving import Refused

_SESSION_SECONDS: Final = 7_200  # what real answers carry
_LAST_LOGIN_VERSION: Final = 64.0
_MAX_CONVERSIONS: Final = 100
_ENVELOPE: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:partner.soap.sforce.com" '
    'xmlns:sf="urn:fault.partner.soap.sforce.com" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    "<soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"
)
Element = ET.Element


def answer(call: Call) -> Answer:
    """POST services/Soap/u/{version}: one envelope."""
    try:
        operation, session = _read_envelope(call)
        name = _local(operation.tag)
        if name not in _OPERATIONS:
            raise fault("INVALID_OPERATION", text=name)
        return _envelope(200, _OPERATIONS[name](call, operation, session))
    except SalesforceFault as refused:
        return _fault_answer(refused)


def _read_envelope(call: Call) -> tuple[Element, str]:
    try:
        root = ET.fromstring(call.body)  # noqa: S314 - expat bounds entity expansion; the server is loopback only
    except ET.ParseError:
        raise fault("BAD_REQUEST", text="the envelope is not XML") from None
    session = next((item.text or "" for item in root.iter() if _local(item.tag) == "sessionId"), "")
    body = next((item for item in root.iter() if _local(item.tag) == "Body"), None)
    if body is None or len(body) == 0:
        raise fault("INVALID_OPERATION", text="(empty)")
    return body[0], session


def _login(call: Call, operation: Element, _session: str) -> str:
    values = _values(operation)
    version = _version(call)
    if version > _LAST_LOGIN_VERSION:
        raise fault("UNSUPPORTED_API_VERSION")
    caller = call.org.find_user(values.get("username") or "")
    if caller is None or not (values.get("password") or "").startswith(call.org.password):
        raise fault("INVALID_LOGIN")
    org = call.org
    session = org.sessions.issue(
        caller.user_id, org_id=org.id, now=org.clock.now(), lifetime_seconds=org.settings.session_seconds
    )
    user = org.store.get(org.schemas["User"], caller.user_id) or {}
    members = {
        "metadataServerUrl": f"{call.base_url}/services/Soap/m/{version:.1f}/{org.id[:15]}",
        "passwordExpired": "false",
        "sandbox": "true",
        "serverUrl": f"{call.base_url}/services/Soap/u/{version:.1f}/{org.id[:15]}",
        "sessionId": session,
        "userId": caller.user_id,
    }
    info = {
        "organizationId": org.id,
        "organizationName": "Sandbox Org",
        "sessionSecondsValid": str(org.settings.session_seconds or _SESSION_SECONDS),
        "userEmail": user.get("Email"),
        "userFullName": user.get("Name"),
        "userId": caller.user_id,
        "userName": user.get("Username"),
    }
    return f"<loginResponse><result>{_xml(members)}<userInfo>{_xml(info)}</userInfo></result></loginResponse>"


def _convert(call: Call, operation: Element, session: str) -> str:
    user_id = call.org.sessions.find(session, call.org.now_text())
    if user_id is None:
        raise fault("INVALID_SESSION_ID")
    requests = [item for item in operation if _local(item.tag) == "leadConverts"][:_MAX_CONVERSIONS]
    results = [_convert_one(call, call.org.caller(user_id), values=_values(item)) for item in requests]
    return f"<convertLeadResponse>{''.join(results)}</convertLeadResponse>"


def _convert_one(call: Call, caller: Caller, *, values: Mapping[str, str | None]) -> str:
    options: dict[str, Any] = {
        "account_id": values.get("accountId"),
        "contact_id": values.get("contactId"),
        "status": values.get("convertedStatus"),
        "opportunity_name": values.get("opportunityName"),
        "without_opportunity": values.get("doNotCreateOpportunity") == "true",
    }
    lead_id = normalize_id(values.get("leadId")) or str(values.get("leadId"))
    try:
        done = Lifecycle(call.org, caller).convert(lead_id, options)
    except Refused as refused:
        first = refused.faults[0]
        error = _xml({"message": first.message, "statusCode": first.code})
        return f"<result><errors>{error}</errors>{_xml({'leadId': lead_id, 'success': 'false'})}</result>"
    members = {
        "accountId": done.account_id,
        "contactId": done.contact_id,
        "leadId": done.lead_id,
        "opportunityId": done.opportunity_id,
        "success": "true",
    }
    return f"<result>{_xml(members)}</result>"


_OPERATIONS: Final[Mapping[str, Callable[[Call, Element, str], str]]] = MappingProxyType(
    {"login": _login, "convertLead": _convert}
)


def _version(call: Call) -> float:
    try:
        return float(call.parts["soap_version"])
    except ValueError:
        raise fault("UNSUPPORTED_API_VERSION") from None


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _values(element: Element) -> dict[str, str | None]:
    return {_local(item.tag): item.text for item in element}


def _xml(members: Mapping[str, str | None]) -> str:
    return "".join(
        f'<{name} xsi:nil="true"/>' if value is None else f"<{name}>{escape(value)}</{name}>"
        for name, value in members.items()
    )


def _envelope(status: int, body: str) -> Answer:
    return Answer(status, _ENVELOPE.format(body=body).encode(), media_type="text/xml; charset=UTF-8")


def _fault_answer(refused: SalesforceFault) -> Answer:
    """Every SOAP fault answers 500, as on the platform."""
    kind = "LoginFault" if refused.code == "INVALID_LOGIN" else "UnexpectedErrorFault"
    message = escape(refused.message)
    detail = f"<sf:exceptionCode>{refused.code}</sf:exceptionCode><sf:exceptionMessage>{message}</sf:exceptionMessage>"
    body = (
        f"<soapenv:Fault><faultcode>sf:{refused.code}</faultcode><faultstring>{refused.code}: {message}</faultstring>"
        f'<detail><sf:{kind} xsi:type="sf:{kind}">{detail}</sf:{kind}></detail></soapenv:Fault>'
    )
    return _envelope(500, body)
