"""A Salesforce record as we last saw it: what matching and survivorship compare a lead with.

How records are fetched is `salesforce/`, how they are kept is `store/directory`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from lead_pipeline.domain.leads import MatchKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryRecord:
    """One Lead, Contact or Account of the org. `fields` holds API name -> value, blanks as None."""

    object_name: str
    salesforce_id: str
    fields: Mapping[str, object]
    keys: MatchKeys
    last_modified_at: datetime
    system_modstamp: datetime
    dievio_lead_id: str | None = None
    owner_id: str | None = None
    last_modified_by_id: str | None = None
    is_deleted: bool = False
    master_record_id: str | None = None
    is_converted: bool = False
    converted_contact_id: str | None = None
