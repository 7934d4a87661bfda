"""Whole nights without Dagster: delivered JSON in, an org on the loopback out, one day after another on one clock."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from lead_pipeline.config.loading import load_document
from lead_pipeline.dievio.answers import read_page
from lead_pipeline.dievio.options import DievioOptions
from lead_pipeline.domain.extraction import SourceMapping
from lead_pipeline.domain.ownership import parse_owner_rules
from lead_pipeline.domain.searches import LookupRequest, SearchPage, SearchRequest
from lead_pipeline.domain.segments import Segment
from lead_pipeline.services.hand_over import hand_over_session
from lead_pipeline.services.match import match_batch
from lead_pipeline.services.normalize import NormalizeSummary, normalize_batch
from lead_pipeline.services.plan import plan_batch
from lead_pipeline.services.pull import pull_segments
from lead_pipeline.services.read_back import read_back
from lead_pipeline.services.refresh_directory import refresh_directory
from lead_pipeline.services.write import WriteSummary, open_session
from lead_pipeline.services.writing.ports import WriteTools
from lead_pipeline.transport.json_answers import Answer, Call
from lead_pipeline_tests.lead_builders import load_mapping
from lead_pipeline_tests.services.write_bench import WriteBench

SEARCH = Call(name="search", path="/api/public/search")
FIRST_DAY = datetime(2026, 5, 4, tzinfo=UTC)


def day(number: int) -> str:
    """The batch id of the n-th day, from 1."""
    return (FIRST_DAY + timedelta(days=number - 1)).strftime("%Y-%m-%d")


def row(**overrides: object) -> dict[str, object]:
    """A complete row about one person; None leaves a key out."""
    values: dict[str, object] = {
        "first_name": "Jane",
        "last_name": "Doe",
        "email": "jane.doe@acme.com",
        "email_status": "verified",
        "job_title": "VP Sales",
        "company_name": "Acme Inc.",
        "company_domain": "acme.com",
        "linkedin_url": "https://www.linkedin.com/in/jane-doe",
        "country": "United States",
        **overrides,
    }
    return {name: value for name, value in values.items() if value is not None}


OWNERS = parse_owner_rules(load_document("owners"))


@dataclass
class Delivery:
    """A Dievio that sells one page of given JSON text per segment."""

    pages: Mapping[str, str]
    calls: int = 0
    address: str = "memory"

    def search(self, request: SearchRequest) -> SearchPage:
        self.calls += 1
        answer = Answer(status=200, media_type="application/json", text=self.pages[request.segment])
        return read_page(answer, call=SEARCH, keys=DievioOptions().keys)

    def lookup(self, request: LookupRequest) -> SearchPage:
        raise NotImplementedError


def page_text(rows: Sequence[object]) -> str:
    """The JSON text of a page that is the last."""
    return json.dumps({"success": True, "results": list(rows), "has_more": False})


@dataclass
class NightBench(WriteBench):
    """Nights on a database and an org; gates are not asked, because what comes before them is on trial."""

    source: SourceMapping = field(default_factory=load_mapping)

    def deliver(self, batch_id: str, pages: Mapping[str, str]) -> Delivery:
        """Buy one page for each segment."""
        delivery = Delivery(pages)
        segments = [Segment(name=name, filters={"q": name}, rows_per_night=100, credit_budget=1_000) for name in pages]
        pull_segments(self.database, delivery, segments, batch_id=batch_id, now=self.now)
        return delivery

    def mirror(self) -> None:
        refresh_directory(self.database, self.client, fields_by_object=self.rules.fields_by_object, now=self.now)

    def normalize(self, batch_id: str) -> NormalizeSummary:
        return normalize_batch(self.database, self.source, owners=OWNERS, batch_id=batch_id, now=self.now)

    def decide(self, batch_id: str) -> None:
        match_batch(self.database, self.rules.matching, batch_id=batch_id, now=self.now)
        plan_batch(self.database, self.rules.mappings, batch_id=batch_id, now=self.now)
        self.wait(5)

    def finish(self, batch_id: str) -> WriteSummary:
        """Mirror, normalize, match, plan, write and read back what was delivered."""
        self.mirror()
        self.normalize(batch_id)
        self.decide(batch_id)
        summary = self.write(batch_id=batch_id)
        read_back(self.database, self.client, self.rules, batch_id=batch_id, now=self.now, wait=self.wait)
        return summary

    def night(self, batch_id: str, *rows: object, **segments: Sequence[object]) -> dict[str, int]:
        """Run one night over rows of a plain segment, or over several named ones; return its outcomes."""
        delivered = segments or {"plain": rows}
        self.deliver(batch_id, {name: page_text(entries) for name, entries in delivered.items()})
        summary = self.finish(batch_id)
        self.wait(6 * 3600)
        assert summary.is_complete, summary
        return {outcome.value: count for outcome, count in summary.outcomes.items()}

    def assign(self, batch_id: str) -> None:
        """Hand the new leads of a batch over."""
        tools = WriteTools(now=self.now, wait=self.wait)
        with open_session(
            self.database, self.client, tools, self.limits, batch_id=batch_id, run_id="handing", actor="test"
        ) as session:
            hand_over_session(session, self.client, self.routing)

    def reasons_of(self, batch_id: str) -> list[str]:
        """The reason codes of a batch, in the order of its rows."""
        rows = self.ask("SELECT reason_code FROM lead_outcome WHERE batch_id = %s ORDER BY raw_lead_id", batch_id)
        return [entry["reason_code"] for entry in rows]

    def live_leads(self) -> list[dict[str, Any]]:
        """Leads of the org that are neither deleted nor converted, oldest first."""
        return sorted(
            (record for record in self.records() if not record["IsConverted"]), key=lambda record: record["Id"]
        )
