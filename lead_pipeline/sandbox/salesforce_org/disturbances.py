"""Scripted changes of the org that strike just before a request is handled: somebody else was quicker.

Belongs here: what people and admins may do between a client's read and its write. Faults of the answer itself: the
control plane's middleware and row_faults.py.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final

from lead_pipeline.sandbox.control_plane import FaultKind, FiredFault
from lead_pipeline.sandbox.salesforce_org.catalogue import FORMS, fault
from lead_pipeline.sandbox.salesforce_org.lifecycle import Lifecycle
from lead_pipeline.sandbox.salesforce_org.org import Caller, Org
from lead_pipeline.sandbox.salesforce_org.row_faults import JOB_FAULT, PARTIAL_FAILURE, ROW_LOCK
from lead_pipeline.sandbox.salesforce_org.saving import Refused, SaveContext, Saver
from lead_pipeline.sandbox.salesforce_org.schema import ObjectSchema
from lead_pipeline.sandbox.salesforce_org.store import quoted
from lead_pipeline.sandbox.salesforce_org.values import format_moment, parse_moment

_LATEST: Final = 66.0
Parameters = Mapping[str, Any]


def disturb(org: Org, faults: Sequence[FiredFault]) -> None:
    """Carry out the disturbances among a request's faults.

    A disturbance that has become impossible (its record is gone) does nothing, like a person who comes too late.

    Raises:
        SalesforceFault: the limits that scripted faults announce.
    """
    for item in faults:
        action = _ACTIONS.get(item.kind)
        if action is not None:
            try:
                action(org, item.params)
            except Refused:
                continue
            except (ValueError, TypeError, LookupError, AttributeError) as error:  # of what the script says
                text = f"the scripted fault {item.kind} cannot be carried out: {error}"
                raise fault("UNKNOWN_EXCEPTION.script", text=text) from None
    for item in faults:
        if item.kind in _LIMITS:
            raise fault(_LIMITS[item.kind])


def _user(org: Org, name: str) -> Caller:
    caller = org.find_user(name)
    if caller is None:
        raise Refused(fault("INVALID_CROSS_REFERENCE_KEY", fields=[]))
    return caller


def _saver(org: Org, name: str) -> Saver:
    return Saver(org, SaveContext(_user(org, name), _LATEST, allow_duplicates=True, auto_assign=False))


def _edit(org: Org, params: Parameters) -> None:
    for schema, record_id in _targets(org, params):
        _saver(org, str(params.get("user", "rep"))).update(schema, record_id, payload=params.get("fields", {}))
        if params.get("same_second"):
            _into_second_of_last_edit(org, schema, record_id=record_id, moment=str(params["same_second"]))


def _into_second_of_last_edit(org: Org, schema: ObjectSchema, *, record_id: str, moment: str) -> None:
    """Date the edit to a given second: an edit in the second of the client's read leaves no trace in the stamp."""
    stamp = format_moment(parse_moment(moment))
    org.store.update(schema, record_id, changes={"LastModifiedDate": stamp, "SystemModstamp": stamp})


def _create(org: Org, params: Parameters) -> None:
    schema = org.schema(str(params.get("object", "Lead")))
    if schema is not None:
        _saver(org, str(params.get("user", "rep"))).create(schema, params.get("fields", {}))


def _delete(org: Org, params: Parameters) -> None:
    for schema, record_id in _targets(org, params):
        _saver(org, str(params.get("user", "admin"))).delete(schema, record_id)


def _convert(org: Org, params: Parameters) -> None:
    for _, record_id in _targets(org, params):
        Lifecycle(org, _user(org, str(params.get("user", "admin")))).convert(record_id, {"without_opportunity": True})


def _merge(org: Org, params: Parameters) -> None:
    for _, record_id in _targets(org, params):
        Lifecycle(org, _user(org, str(params.get("user", "admin")))).merge(str(params["master_id"]), [record_id])


def _change_schema(org: Org, params: Parameters) -> None:
    org.change_schema(str(params.get("object", "Lead")), params["change"])


def _expire_sessions(org: Org, _params: Parameters) -> None:
    org.store.run("DELETE FROM sandbox_token WHERE kind = 'access'")
    org.sessions.forget_cached()


def _advance(org: Org, params: Parameters) -> None:
    org.clock.advance(timedelta(seconds=float(params.get("seconds", 1))))


def _targets(org: Org, params: Parameters) -> list[tuple[ObjectSchema, str]]:
    """The record named by `id`, or those of `object` whose `field` has `value`."""
    if "id" in params:
        schema = org.object_of(str(params["id"]))
        return [] if schema is None else [(schema, str(params["id"]))]
    schema = org.schema(str(params.get("object", "Lead")))
    item = None if schema is None else schema.find(str(params.get("field", "")))
    if schema is None or item is None:
        return []
    rows = org.store.all(
        f"SELECT Id FROM {quoted(schema.name)} WHERE {quoted(item.name)} = ? AND IsDeleted = 0", [params.get("value")]
    )
    return [(schema, row[0]) for row in rows]


_ACTIONS: Final[Mapping[str, Callable[[Org, Parameters], None]]] = MappingProxyType(
    {
        "edit": _edit,
        "create": _create,
        "delete": _delete,
        "convert": _convert,
        "merge": _merge,
        "change_schema": _change_schema,
        "expire_sessions": _expire_sessions,
        "advance_clock": _advance,
    }
)
_LIMITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "daily_limit": "REQUEST_LIMIT_EXCEEDED",
        "concurrent_limit": "REQUEST_LIMIT_EXCEEDED.concurrent",
        "query_timeout": "QUERY_TIMEOUT",
        "server_unavailable": "SERVER_UNAVAILABLE",
        "unknown_exception": "UNKNOWN_EXCEPTION",
        "storage_limit": "STORAGE_LIMIT_EXCEEDED",
        "api_disabled": "API_CURRENTLY_DISABLED",
        "session_invalid": "INVALID_SESSION_ID",
    }
)
_CHOICE: Final = ("id or field",)
_WHICH: Final[Mapping[str, Any]] = {"id": None, "object": "Lead", "field": None, "value": None}
OWN_FAULT_KINDS: Final[Mapping[str, FaultKind]] = MappingProxyType(
    {
        "edit": FaultKind(
            "A user changes records just before: one by id, or those of object whose field has value; "
            "same_second dates it to a given second.",
            {**_WHICH, "fields": {}, "user": "rep", "same_second": None},
            _CHOICE,
        ),
        "create": FaultKind("A user creates a record just before.", {"object": "Lead", "fields": {}, "user": "rep"}),
        "delete": FaultKind(
            "A user deletes records just before, chosen as for edit.", {**_WHICH, "user": "admin"}, _CHOICE
        ),
        "convert": FaultKind(
            "A user converts leads just before, chosen as for edit.", {**_WHICH, "user": "admin"}, _CHOICE
        ),
        "merge": FaultKind(
            "A user merges records into master_id just before, chosen as for edit.",
            {**_WHICH, "user": "admin", "master_id": None},
            (*_CHOICE, "master_id"),
        ),
        "change_schema": FaultKind(
            "An admin changes an object just before: change is what PUT /_sandbox/schema takes.",
            {"object": "Lead", "change": {}},
            ("change",),
        ),
        "expire_sessions": FaultKind("Every access token ends just before."),
        "advance_clock": FaultKind("So many seconds pass just before.", {"seconds": 1.0}),
        **{kind: FaultKind(f"Answer {FORMS[form].status} {form.partition('.')[0]}.") for kind, form in _LIMITS.items()},
        ROW_LOCK: FaultKind("Refuse records with UNABLE_TO_LOCK_ROW: the one at record_index, or all."),
        PARTIAL_FAILURE: FaultKind(
            "Refuse records with an error of your choice: the one at record_index, or all.",
            {"code": "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "message": "the record was refused"},
        ),
        JOB_FAULT: FaultKind(
            "The Bulk job fails after so many rows; set it for the PATCH to UploadComplete.", {"after_rows": 0}
        ),
    }
)
"""Every fault this org carries out itself."""
