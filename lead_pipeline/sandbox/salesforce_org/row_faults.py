"""Scripted faults that strike single records of a request.

Belongs here: what such a fault looks like to the client. When it strikes: the control plane's fault book; faults of
whole requests: the control plane's middleware; changes of the org between two requests: disturbances.py.
"""

from collections.abc import Sequence
from typing import Final

from lead_pipeline.sandbox.control_plane import FiredFault
from lead_pipeline.sandbox.salesforce_org.catalogue import FORMS, SalesforceFault, fault

ROW_LOCK: Final = "row_lock"
PARTIAL_FAILURE: Final = "partial_failure"
JOB_FAULT: Final = "job_failed"
_UNKNOWN_ROW: Final = "the requested record"


class RowFaults:
    """The record faults of one request.

    Kinds: `row_lock` (UNABLE_TO_LOCK_ROW) and `partial_failure` with parameter `code` and, if wanted, `message`.
    A rule's `record_index` picks one record; without it every record is struck.

    Args:
        faults: what the fault book fired for this request.
    """

    def __init__(self, faults: Sequence[FiredFault]) -> None:
        self._faults = [item for item in faults if item.kind in {ROW_LOCK, PARTIAL_FAILURE}]

    def strike(self, place: int, record_id: str | None = None) -> None:
        """Refuse the record at a place of the request if a fault is due for it.

        Raises:
            SalesforceFault: the fault.
        """
        for item in self._faults:
            if item.record_index is None or item.record_index == place:
                raise _refusal(item, record_id)


def _refusal(item: FiredFault, record_id: str | None) -> SalesforceFault:
    if item.kind == ROW_LOCK:
        return fault("UNABLE_TO_LOCK_ROW", record_id=record_id or _UNKNOWN_ROW, fields=[])
    code = str(item.params.get("code", "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"))
    status = FORMS[code].status if code in FORMS else FORMS["CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"].status
    return SalesforceFault(code, str(item.params.get("message", "the record was refused")), (), status)
