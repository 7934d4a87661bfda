"""The part of the doctor that writes and buys: a few leads in a test org, a few credits of Dievio."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from lead_pipeline.config.loading import load_document
from lead_pipeline.connections import Connections, admin_credentials
from lead_pipeline.domain.findings import Finding
from lead_pipeline.errors import ConfigurationError
from lead_pipeline.salesforce.connection import connect
from lead_pipeline.services.probing.dievio import probe_dievio
from lead_pipeline.services.probing.org import OrgProbe, probe_org, require_test_org

SOURCE_DOCUMENT = "sources/dievio"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeOrder:
    """What may be spent, and where the results go."""

    most_credits: int
    report: Path
    draft: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """What a probe found, made and spent."""

    findings: Sequence[Finding]
    org: OrgProbe
    credits: int
    files: tuple[Path, ...]

    def as_json(self) -> dict[str, object]:
        """Return what it made and spent."""
        return {
            "leads_made": self.org.made,
            "leads_removed": self.org.removed,
            "salesforce_calls": self.org.calls,
            "credits": self.credits,
            "files": [str(path) for path in self.files],
        }

    def as_sentence(self) -> str:
        """Return the same for people."""
        files = " and ".join(str(path) for path in self.files) or "no file"
        return (
            f"probe: {self.org.made} leads made and {self.org.removed} removed in {self.org.calls} calls, "
            f"{self.credits} credits spent; wrote {files}"
        )


def probe_systems(connections: Connections, order: ProbeOrder) -> ProbeResult:
    """Try the org, then Dievio, and write report and draft.

    Raises:
        ConfigurationError: The org is in production, or no admin of it can take the records away again; nothing was
            written and nothing spent.
    """
    for path in (order.report, order.draft):
        if path.exists():
            raise ConfigurationError(str(path), what="exists already", repair="Name another file, or move it away")
    admin = connect(admin_credentials(connections.settings))
    try:
        require_test_org(connections.salesforce.query, admin.query)
        org = probe_org(connections.salesforce, admin.probe_records(), token=uuid4().hex[:12], wait=time.sleep)
    finally:
        admin.close()
    config = connections.config
    dievio = probe_dievio(
        connections.dievio,
        config.source,
        document=load_document(SOURCE_DOCUMENT, directory=connections.settings.config_dir),
        filters=config.segments[0].filters if config.segments else {},
        most_credits=order.most_credits,
    )
    texts = {order.report: dievio.report, order.draft: dievio.draft}
    written = tuple(path for path, text in texts.items() if text)
    for path in written:
        path.write_text(texts[path], encoding="utf-8")
    return ProbeResult(findings=(*org.findings, *dievio.findings), org=org, credits=dievio.credits, files=written)
