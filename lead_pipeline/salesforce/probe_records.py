"""Takes away the records that a probe made in a test org: those that carry one of its own ids, and no others.

The product itself deletes nothing; what a probe writes, it writes through the same calls as a run.
"""

from __future__ import annotations

from collections.abc import Collection

from lead_pipeline.domain.write_protocol import EXTERNAL_ID_FIELD
from lead_pipeline.salesforce.calls import ApiCalls
from lead_pipeline.salesforce.ids import check_record_id
from lead_pipeline.salesforce.records import read_page
from lead_pipeline.salesforce.soql import allowed_names, soql

PROBE_MARK = "probe-"  # begins every external id of a probe; ids of leads begin otherwise
_OWN_RECORDS = "SELECT Id, {key} FROM Lead WHERE {key} IN {ids}"


class ProbeRecords:
    """The records of one probe, as somebody sees them who may delete.

    Args:
        calls: The way to the org.
    """

    def __init__(self, calls: ApiCalls) -> None:
        self._calls = calls

    def find(self, external_ids: Collection[str]) -> tuple[str, ...]:
        """Return the ids of the living leads that carry one of these external ids.

        Raises:
            ValueError: One is no id of a probe.
        """
        if not all(external_id.startswith(PROBE_MARK) for external_id in external_ids):
            raise ValueError("not an id of a probe")
        key = allowed_names((EXTERNAL_ID_FIELD,), allowed=(EXTERNAL_ID_FIELD,))
        query = soql(_OWN_RECORDS, key=key, ids=sorted(external_ids))
        body = self._calls.read_json("GET", "query", call="query", params={"q": query})
        records = read_page(body, version_path=self._calls.path).records
        return tuple(check_record_id(record["Id"], "Lead") for record in records)

    def remove(self, external_ids: Collection[str]) -> int:
        """Delete the leads that carry one of these external ids, and return how many there were.

        Raises:
            ValueError: One is no id of a probe.
            StopError: The org refuses to delete.
        """
        found = self.find(external_ids)
        if found:
            parameters = {"ids": ",".join(found), "allOrNone": "false"}
            reply = self._calls.json("DELETE", "composite/sobjects", call="delete", params=parameters)
            self._calls.require(reply, call="delete")
        return len(found) - len(self.find(external_ids))
