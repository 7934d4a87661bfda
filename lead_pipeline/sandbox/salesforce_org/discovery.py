"""What a client asks on its way in: versions, resources, objects, limits, counts, and who it is.

Belongs here: read-only information about the org. Records: sobjects.py and queries.py.
"""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Final

from lead_pipeline.sandbox.salesforce_org.catalogue import fault
from lead_pipeline.sandbox.salesforce_org.describe import describe_object, describe_summary
from lead_pipeline.sandbox.salesforce_org.messages import Answer, Call
from lead_pipeline.sandbox.salesforce_org.org import Org
from lead_pipeline.sandbox.salesforce_org.schema import ObjectSchema
from lead_pipeline.sandbox.salesforce_org.sobjects import object_of
from lead_pipeline.sandbox.salesforce_org.store import quoted
from lead_pipeline.sandbox.salesforce_org.values import parse_moment

OLDEST_VERSION: Final = 31
NEWEST_VERSION: Final = 66
_SEASONS: Final = ("Winter", "Spring", "Summer")
_WINTER_2011: Final = 20  # API version of Winter '11; three releases a year since then
_RESOURCES: Final = ("composite", "jobs", "limits", "query", "queryAll", "sobjects", "tooling")
_UPDATED_WINDOW: Final = timedelta(days=30)
_DELETED_WINDOW: Final = timedelta(days=15)
_EXTRA_LIMITS: Final = {
    "ConcurrentAsyncGetReportInstances": 200,
    "DailyAsyncApexExecutions": 250_000,
    "DailyBulkApiBatches": 15_000,
    "DailyBulkV2QueryJobs": 10_000,
    "DailyBulkV2QueryFileStorageMB": 976_562,
    "DataStorageMB": 1_024,
    "FileStorageMB": 1_024,
    "HourlyTimeBasedWorkflow": 1_000,
    "MassEmail": 5_000,
    "SingleEmail": 5_000,
}


def versions(_call: Call) -> Answer:
    """GET services/data."""
    return Answer(body=[version_entry(number) for number in range(OLDEST_VERSION, NEWEST_VERSION + 1)])


def version_entry(number: int) -> dict[str, str]:
    """A supported API version with its release name."""
    releases = number - _WINTER_2011
    return {
        "label": f"{_SEASONS[releases % 3]} '{11 + releases // 3}",
        "url": f"/services/data/v{number}.0",
        "version": f"{number}.0",
    }


def resources(call: Call) -> Answer:
    """GET services/data/vXX.X."""
    body = {name: f"{call.root}/{name}" for name in _RESOURCES}
    return Answer(body={**body, "identity": f"{call.base_url}/id/{call.org.id}/{call.caller.user_id}"})


def list_objects(call: Call) -> Answer:
    """GET sobjects, the global describe."""
    if (unchanged := _unchanged(call)) is not None:
        return unchanged
    entries = [
        describe_summary(schema, schema.access_of(call.caller.key), root=call.root)
        for _, schema in sorted(call.org.schemas.items())
        if call.sees(schema)
    ]
    return Answer(
        body={"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": entries}, headers=_last_modified(call.org)
    )


def show_object(call: Call) -> Answer:
    """GET sobjects/{Object}: its summary and recent items (none are kept)."""
    schema = object_of(call)
    summary = describe_summary(schema, schema.access_of(call.caller.key), root=call.root)
    return Answer(body={"objectDescribe": summary, "recentItems": []})


def describe(call: Call) -> Answer:
    """GET sobjects/{Object}/describe, with If-Modified-Since."""
    schema = object_of(call)
    if (unchanged := _unchanged(call)) is not None:
        return unchanged
    body = describe_object(schema, schema.access_of(call.caller.key), root=call.root)
    return Answer(body=body, headers=_last_modified(call.org))


def limits(call: Call) -> Answer:
    """GET limits."""
    used = call.org.calls_used()
    daily = call.org.settings.daily_calls
    body = {name: {"Max": most, "Remaining": most} for name, most in _EXTRA_LIMITS.items()}
    body["DailyApiRequests"] = {"Max": daily, "Remaining": max(daily - used, 0)}
    return Answer(body=dict(sorted(body.items())))


def record_counts(call: Call) -> Answer:
    """GET limits/recordCount?sObjects=A,B."""
    wanted = [name for name in call.query.get("sObjects", "").split(",") if name]
    schemas = [schema for name in wanted or call.org.schemas if (schema := call.find_object(name)) is not None]
    counts = [
        {"count": _count(call.org, schema.name), "name": schema.name}
        for schema in sorted(schemas, key=lambda item: item.name)
    ]
    return Answer(body={"sObjects": counts})


def updated(call: Call) -> Answer:
    """GET sobjects/{Object}/updated?start=&end=."""
    schema = object_of(call)
    start, end = _window(call, _UPDATED_WINDOW)
    rows = _changed(call, schema, window=(start, end), is_deleted=False)
    return Answer(body={"ids": [record_id for record_id, _ in rows], "latestDateCovered": end})


def deleted(call: Call) -> Answer:
    """GET sobjects/{Object}/deleted?start=&end=."""
    schema = object_of(call)
    start, end = _window(call, _DELETED_WINDOW)
    rows = _changed(call, schema, window=(start, end), is_deleted=True)
    records = [{"deletedDate": moment, "id": record_id} for record_id, moment in rows]
    return Answer(body={"deletedRecords": records, "earliestDateAvailable": start, "latestDateCovered": end})


def _changed(call: Call, schema: ObjectSchema, *, window: tuple[str, str], is_deleted: bool) -> list[tuple[str, str]]:
    sharing, hidden = schema.access_of(call.caller.key).sharing_condition("OwnerId")
    conditions = ["SystemModstamp >= ?", "SystemModstamp < ?", f"IsDeleted = {int(is_deleted)}", *sharing]
    most = call.org.settings.changed_ids
    rows = call.org.store.all(
        f"SELECT Id, SystemModstamp FROM {quoted(schema.name)} WHERE {' AND '.join(conditions)} "
        f"ORDER BY SystemModstamp, Id LIMIT {most + 1}",
        [*window, *hidden],
    )
    if len(rows) > most:
        raise fault("EXCEEDED_ID_LIMIT")
    return rows


def _window(call: Call, longest: timedelta) -> tuple[str, str]:
    moments = []
    for name in ("start", "end"):
        try:
            moments.append(parse_moment(call.query.get(name, "").replace(" ", "+")))
        except ValueError:
            raise fault("INVALID_REPLICATION_DATE", text=f"Invalid date for parameter {name}") from None
    start, end = (moment.replace(second=0, microsecond=0) for moment in moments)
    if start >= end:
        raise fault("INVALID_REPLICATION_DATE", text="startDate has to be at least one minute before endDate")
    if call.org.clock.now() - start > longest:
        raise fault("INVALID_REPLICATION_DATE", text=f"startDate cannot be more than {longest.days} days ago")
    return tuple(moment.strftime("%Y-%m-%dT%H:%M:%S.000+0000") for moment in (start, end))  # type: ignore[return-value]


def _count(org: Org, name: str) -> int:
    row = org.store.one(f"SELECT count(*) FROM {quoted(name)} WHERE IsDeleted = 0")
    return int(row[0]) if row else 0


def _unchanged(call: Call) -> Answer | None:
    since = call.moment_header("if-modified-since")
    return Answer(304) if since is not None and call.org.schema_changed_at <= since else None


def _last_modified(org: Org) -> dict[str, str]:
    moment: datetime = parse_moment(org.schema_changed_at)
    return {"Last-Modified": format_datetime(moment.astimezone(UTC), usegmt=True)}
