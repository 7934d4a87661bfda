"""The quick script: one Bulk 2.0 upsert of everything by an external id, without a look at what is there."""

from typing import cast

from simple_salesforce.bulk2 import SFBulk2Handler

from lead_pipeline_tests.bench.contestants import ContestantTask, RowCounts
from lead_pipeline_tests.bench.contestants.source_rows import Fields, Row, lead_fields, read_rows, sign_in

EXTERNAL_ID = "Dievio_Lead_ID__c"
FIRST_LOOK_SECONDS = 1  # how long bulk2 waits between looks at the job; its default of 5 would only add waiting


class BlindUpsert:
    """The upload of all rows at once."""

    def __init__(self, task: ContestantTask) -> None:
        self._task = task
        self._leads = cast("SFBulk2Handler", sign_in(task).bulk2).Lead
        self._written = 0
        self._refused = 0

    def run(self) -> None:
        """Upload, wait and fetch the rows that failed, as a careful script does."""
        records = [_record(row) for row in read_rows(self._task)]
        for job in self._leads.upsert(records=records, external_id_field=EXTERNAL_ID, wait=FIRST_LOOK_SECONDS):
            self._leads.get_failed_records(str(job["job_id"]))
            self._refused += job["numberRecordsFailed"]
        self._written = len(records) - self._refused

    def count(self) -> RowCounts:
        """Tell what was written and refused."""
        return RowCounts(written=self._written, refused=self._refused)


def _record(row: Row) -> Fields:
    """Add the only id that a row of Dievio carries: the name of the profile."""
    return {EXTERNAL_ID: row["linkedin_url"].rstrip("/").rpartition("/")[2], **lead_fields(row)}


prepare = BlindUpsert
