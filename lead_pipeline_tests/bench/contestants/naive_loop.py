"""The common script: for each lead look for its e-mail address, then update what is there or create it."""

from typing import cast

from simple_salesforce.api import SFType
from simple_salesforce.exceptions import SalesforceError
from simple_salesforce.format import format_soql

from lead_pipeline_tests.bench.contestants import ContestantTask, RowCounts
from lead_pipeline_tests.bench.contestants.source_rows import Row, lead_fields, read_rows, sign_in


class NaiveLoop:
    """The loop over all rows."""

    def __init__(self, task: ContestantTask) -> None:
        self._task = task
        self._salesforce = sign_in(task)
        self._leads = cast("SFType", self._salesforce.Lead)
        self._written = 0
        self._refused = 0

    def run(self) -> None:
        """Save row by row; a refusal is noted and the loop goes on, as such scripts do."""
        for row in read_rows(self._task):
            try:
                self._save(row)
            except SalesforceError:
                self._refused += 1
            else:
                self._written += 1

    def _save(self, row: Row) -> None:
        fields = lead_fields(row)
        found = self._salesforce.query(format_soql("SELECT Id FROM Lead WHERE Email = {email}", email=fields["Email"]))
        if found["totalSize"]:
            self._leads.update(found["records"][0]["Id"], fields)
        else:
            self._leads.create(fields)

    def count(self) -> RowCounts:
        """Tell what was written and refused."""
        return RowCounts(written=self._written, refused=self._refused)


prepare = NaiveLoop
