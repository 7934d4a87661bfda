"""The only module that knows simple-salesforce: one call in, one plain reply out, its exceptions translated.

Which calls there are is `client`, `bulk_jobs` and `bulk_queries`; what a reply means for a record is `answers`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import requests
import urllib3
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError

from lead_pipeline.domain.record_answers import Remedy
from lead_pipeline.errors import (
    ApiBudgetReachedError,
    ConfigurationError,
    CredentialsRefusedError,
    LeadPipelineError,
    RetryableError,
    ServiceUnavailableError,
    SystemUnreachableError,
    TransportFaultError,
    UnexpectedAnswerError,
    UntrustedConnectionError,
)
from lead_pipeline.salesforce.addresses import INSTANCE_SETTING
from lead_pipeline.salesforce.answers import answer_of_error, errors_in
from lead_pipeline.salesforce.credentials import SalesforceCredentials
from lead_pipeline.salesforce.session import AnswerFacts, SalesforceSession
from lead_pipeline.transport.tls import find_tls_flaw

SYSTEM = "Salesforce"
_MANAGED_BY_SESSION = "signed by the session"
_UNAUTHORIZED = 401
_NOT_FOUND = 404
_GONE = 410
_SERVER_ERROR = 500
_TOO_MANY_REQUESTS = 429
_OK_STATUSES = range(200, 300)
_CERTIFICATE_REFUSED = "CERTIFICATE_VERIFY_FAILED"  # OpenSSL's word; nothing was sent then
_DAILY_LIMIT = "REQUEST_LIMIT_EXCEEDED"
_API_DISABLED = frozenset({"API_DISABLED_FOR_ORG", "API_CURRENTLY_DISABLED"})


Answer = TypeVar("Answer")


class Repeat(Protocol):
    """Runs a call and runs it again while it raises a `RetryableError`, within the retry policy."""

    def __call__(self, work: Callable[[], Answer], /) -> Answer:
        """Return what the first successful try returned."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One complete answer. `body` is the parsed JSON; `is_readable` is False when it was none although it should be."""

    facts: AnswerFacts
    body: Any
    is_readable: bool = True

    @property
    def is_success(self) -> bool:
        """Tell whether the call as a whole was answered with success."""
        return self.facts.status in _OK_STATUSES and self.is_readable


class ApiCalls:
    """Sends REST calls of one API version to one org.

    Args:
        credentials: Names the org.
        session: The session that signs, bounds and counts.
        api_version: For example `66.0`.
        repeat: Repeats a read that failed for the moment.
    """

    def __init__(
        self, credentials: SalesforceCredentials, *, session: SalesforceSession, api_version: str, repeat: Repeat
    ) -> None:
        self.session = session
        self._repeat = repeat
        self.path = f"/services/data/v{api_version}/"
        self._credentials = credentials
        self._api = Salesforce(
            instance_url=credentials.instance_url,
            session_id=_MANAGED_BY_SESSION,
            session=session,
            version=api_version,
            object_pairs_hook=dict,
        )
        # It writes https in front of every host; the sandbox on the loopback speaks http.
        self._api.base_url = credentials.instance_url + self.path
        # Pretty-printing grows a page of records by a third.
        self._api.headers = {"Content-Type": "application/json"}

    def json(
        self,
        method: str,
        path: str,
        *,
        call: str,
        body: object = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one JSON call and return its answer, whatever its status.

        Args:
            method: HTTP method.
            path: Below the version, for example `composite/sobjects`.
            call: Name of the call for error texts.
            body: JSON value to send, None for none.
            params: Query parameters.
            headers: Further request headers.

        Raises:
            TransportFaultError: No complete answer; `is_sent` tells whether Salesforce may have got the request.
            CredentialsRefusedError: The token was refused and could not be renewed.
        """
        options = {"data": json.dumps(body)} if body is not None else {}
        try:
            parsed = self._api.restful(
                path, params=dict(params or {}), method=method, headers=dict(headers or {}), **options
            )
        except SalesforceError as error:
            return self._refused(error)
        except requests.exceptions.JSONDecodeError:
            return self._unreadable(call)
        except requests.exceptions.RequestException as error:
            raise translate_fault(call, error) from None
        except TypeError:
            # The library asks every parsed body for its length; null and bare numbers have none.
            return self._unreadable(call)
        return Reply(self._facts(call), parsed)

    def raw(
        self, method: str, path: str, *, call: str, data: bytes | None = None, params: Mapping[str, str] | None = None
    ) -> requests.Response:
        """Send a call whose body is CSV in either direction; simple-salesforce reads JSON only.

        Raises:
            TransportFaultError: As `json`.
            StopError: As `failure_of`.
            RetryableError: As `failure_of`.
        """
        content_type = {"Content-Type": "text/csv; charset=UTF-8"} if data is not None else {}
        try:
            response = self.session.request(
                method, self._api.base_url + path, data=data, params=dict(params or {}), headers=content_type
            )
        except requests.exceptions.RequestException as error:
            raise translate_fault(call, error) from None
        if response.status_code not in _OK_STATUSES:
            raise self.failure_of(self._read_failure(response, call), call=call)
        return response

    def multipart(self, path: str, *, call: str, document: tuple[str, str], file: tuple[str, str, bytes]) -> Reply:
        """Send a JSON document together with a file and return the answer, whatever its status.

        Args:
            path: Below the version.
            call: Name of the call for error texts.
            document: Name of the part and its JSON text.
            file: Name of the part, name of the file, and its bytes.

        Raises:
            TransportFaultError: As `json`.
        """
        (part, text), (file_part, file_name, content) = document, file
        files: dict[str, tuple[str | None, bytes, str]] = {
            part: (None, text.encode(), "application/json"),
            file_part: (file_name, content, "application/zip"),
        }
        try:
            response = self.session.request("POST", self._api.base_url + path, files=files)
        except requests.exceptions.RequestException as error:
            raise translate_fault(call, error) from None
        return self._read_failure(response, call)

    def read(self, attempt: Callable[[], Answer]) -> Answer:
        """Run a call that is safe to repeat, and repeat it while its fault is a passing one.

        Raises:
            SystemUnreachableError: Nobody answers at the address.
            RetryableError: The fault outlasted every attempt.
            StopError: Nothing sensible can follow.
        """

        def attempt_read() -> Answer:
            try:
                return attempt()
            except TransportFaultError as fault:
                if not fault.is_sent:
                    raise
                # A read that broke off changed nothing, so the rule against repeating sent calls is not for it.
                raise RetryableError(str(fault)) from None

        try:
            return self._repeat(attempt_read)
        except TransportFaultError:
            address = self._credentials.instance_url
            raise SystemUnreachableError(SYSTEM, address=address, setting=INSTANCE_SETTING) from None

    def read_json(
        self,
        method: str,
        path: str,
        *,
        call: str,
        body: object = None,
        params: Mapping[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 - any JSON value
        """Send a JSON call that is safe to repeat and return the body of its success.

        Raises:
            LeadPipelineError: As `read`.
        """
        return self.read(lambda: self.require(self.json(method, path, call=call, body=body, params=params), call=call))

    def require(self, reply: Reply, *, call: str) -> Any:  # noqa: ANN401 - any JSON value
        """Return the body of a successful reply.

        Raises:
            StopError: Nothing sensible can follow.
            RetryableError: The same call may succeed later.
        """
        if not reply.is_success:
            raise self.failure_of(reply, call=call)
        return reply.body

    def failure_of(self, reply: Reply, *, call: str) -> LeadPipelineError:
        """Return the error that says what a failed call as a whole means."""
        errors = errors_in(reply.body)
        if errors:
            return self.named_failure(errors[0], facts=reply.facts, call=call)
        status = reply.facts.status
        if status >= _SERVER_ERROR or status == _TOO_MANY_REQUESTS:
            return ServiceUnavailableError(
                SYSTEM, call, status=status, retry_after_seconds=reply.facts.retry_after_seconds
            )
        if status in _OK_STATUSES and "json" in reply.facts.content_type:
            return TransportFaultError(SYSTEM, call, cause="truncated JSON", is_sent=True)
        kind = reply.facts.content_type.partition(";")[0] or "no content"
        return UnexpectedAnswerError(SYSTEM, f"{call} at {INSTANCE_SETTING}", what=f"{status} with {kind}")

    def named_failure(self, error: Mapping[str, object], *, facts: AnswerFacts, call: str) -> LeadPipelineError:
        """Return the error for what Salesforce itself named."""
        answer = answer_of_error(error, facts=facts)
        if answer.remedy is Remedy.RETRY or facts.status >= _SERVER_ERROR:
            return ServiceUnavailableError(
                SYSTEM,
                call,
                status=facts.status,
                code=answer.error_code,
                retry_after_seconds=answer.retry_after_seconds,
            )
        if facts.status == _UNAUTHORIZED:
            return CredentialsRefusedError(SYSTEM, code=answer.error_code, settings=self._credentials.settings)
        if answer.error_code == _DAILY_LIMIT:
            usage = self.session.usage
            return ApiBudgetReachedError(used=usage.used if usage else 0, allowed=usage.allowed if usage else 0)
        return ConfigurationError(
            f"{SYSTEM} {call}",
            what=f"{answer.error_code}: {answer.message}",
            repair=_repair_for(answer.error_code, facts),
        )

    def _refused(self, error: SalesforceError) -> Reply:
        # The exception carries URL and body, which hold personal data: only the parsed body goes on.
        return Reply(self._facts("call"), error.content, is_readable=not isinstance(error.content, str))

    def _unreadable(self, call: str) -> Reply:
        return Reply(self._facts(call), None, is_readable=False)

    def _facts(self, call: str) -> AnswerFacts:
        facts = self.session.last_answer
        if facts is None:
            raise TransportFaultError(SYSTEM, call, cause="no answer was recorded", is_sent=True)
        return facts

    def _read_failure(self, response: requests.Response, call: str) -> Reply:
        try:
            return Reply(self._facts(call), response.json())
        except requests.exceptions.JSONDecodeError:
            return self._unreadable(call)


def translate_fault(call: str, error: requests.exceptions.RequestException) -> LeadPipelineError:
    """Return the error for a call without a complete answer; its text holds no address, which may hold a query."""
    if flaw := find_tls_flaw(error):
        return UntrustedConnectionError(INSTANCE_SETTING, flaw=flaw)
    return TransportFaultError(SYSTEM, call, cause=type(error).__name__, is_sent=not _is_unsent(error))


def _is_unsent(error: requests.exceptions.RequestException) -> bool:
    """Tell a connection that never came about from one that broke: only the first is safe to call not sent."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.NameResolutionError)


def _repair_for(code: str, facts: AnswerFacts) -> str:
    if code in _API_DISABLED:
        return "Enable the API for this org and give the integration user the permission 'API Enabled'"
    if facts.status in {_NOT_FOUND, _GONE}:
        return f"Check {INSTANCE_SETTING} and the API version; old versions are retired"
    return "Check the mapping and the permissions of the integration user"
