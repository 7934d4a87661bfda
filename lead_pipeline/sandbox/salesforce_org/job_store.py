"""Bulk jobs as they are kept: their document and their parts (uploads and results), across restarts.

Belongs here: keeping and finding. Running ingest jobs: ingest.py; query jobs: query_jobs.py.
"""

import json
from typing import Any, Final

from lead_pipeline.sandbox.salesforce_org.catalogue import fault
from lead_pipeline.sandbox.salesforce_org.ids import ISSUED_POD, make_id, normalize_id
from lead_pipeline.sandbox.salesforce_org.messages import Call
from lead_pipeline.sandbox.salesforce_org.org import Org

Job = dict[str, Any]
ABORTED: Final = "Aborted"
_JOB_PREFIX: Final = "750"
_PRIVATE: Final = "_"


class JobStore:
    """The jobs of one org.

    Args:
        org: the org.
    """

    def __init__(self, org: Org) -> None:
        self._org = org

    def open(self, call: Call, *, kind: str, details: Job) -> Job:
        """Create a job document."""
        now = self._org.now_text()
        serial = self._org.store.next_serial("job", _JOB_PREFIX)
        job = {
            "id": make_id(_JOB_PREFIX, serial, pod=ISSUED_POD),
            "operation": details["operation"],
            "object": details["object"],
            "createdById": call.caller.user_id,
            "createdDate": now,
            "systemModstamp": now,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": call.version,
            **details,
        }
        self._org.store.run("INSERT INTO sandbox_job VALUES (?, ?, ?)", [job["id"], kind, json.dumps(job)])
        return job

    def find(self, kind: str, text: str) -> Job:
        """The document of a job.

        Raises:
            SalesforceFault: NOT_FOUND.
        """
        row = self._org.store.one(
            "SELECT document FROM sandbox_job WHERE id = ? AND kind = ?", [normalize_id(text) or "", kind]
        )
        if row is None:
            raise fault("NOT_FOUND")
        job: Job = json.loads(row[0])
        return job

    def all(self, kind: str) -> list[Job]:
        """Every job of a kind, oldest first."""
        return [
            json.loads(row[0])
            for row in self._org.store.all("SELECT document FROM sandbox_job WHERE kind = ? ORDER BY id", [kind])
        ]

    def change(self, job: Job, **changes: object) -> None:
        """Change members of a job and keep it, with whatever others have changed since the caller read it."""
        store = self._org.store
        with store.transaction():
            row = store.one("SELECT document FROM sandbox_job WHERE id = ?", [job["id"]])
            job.update({} if row is None else json.loads(row[0]))
            job.update(changes, systemModstamp=self._org.now_text())
            store.run("UPDATE sandbox_job SET document = ? WHERE id = ?", [json.dumps(job), job["id"]])

    def advance(self, job: Job, **changes: object) -> bool:
        """Change a job as `change` does, unless its client has aborted it; says whether it did."""
        with self._org.store.transaction():
            row = self._org.store.one("SELECT document FROM sandbox_job WHERE id = ?", [job["id"]])
            if row is None or json.loads(row[0])["state"] == ABORTED:
                return False
            self.change(job, **changes)
            return True

    def remove(self, job: Job) -> None:
        """Forget a job and its parts."""
        with self._org.store.transaction():
            self._org.store.run("DELETE FROM sandbox_job_part WHERE job_id = ?", [job["id"]])
            self._org.store.run("DELETE FROM sandbox_job WHERE id = ?", [job["id"]])

    def keep_part(self, job: Job, part: str, *, place: int, content: str) -> None:
        """Keep one piece of an upload or a result."""
        self._org.store.run(
            "INSERT OR REPLACE INTO sandbox_job_part VALUES (?, ?, ?, ?)", [job["id"], part, place, content]
        )

    def part(self, job: Job, part: str) -> list[str]:
        """The pieces of an upload or a result, in order."""
        rows = self._org.store.all(
            "SELECT content FROM sandbox_job_part WHERE job_id = ? AND part = ? ORDER BY place", [job["id"], part]
        )
        return [row[0] for row in rows]


def shown(job: Job, *, without: frozenset[str] = frozenset()) -> Job:
    """A job as clients see it: members of our own stay inside."""
    return {
        name: value
        for name, value in job.items()
        if not name.startswith(_PRIVATE) and name not in without and value is not None
    }
