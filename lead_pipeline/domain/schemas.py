"""What a delivered row and a normalized lead must look like: pandera models and their frames.

The texts of the checks are what people read when a gate fails. Single rows that break the contract are quarantined in
`normalize/lead`; the models of match and plan are `plan_schemas`; running the gates is `services/gates`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

from lead_pipeline.domain.leads import NormalizedLead, RawLead
from lead_pipeline.domain.normalize.countries import country_codes
from lead_pipeline.domain.normalize.emails import check_address
from lead_pipeline.domain.normalize.linkedin import PROFILE_ADDRESS

#: What each documented value of a row may be written as. A number where text is expected is read all the same.
RAW_KINDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "first_name": frozenset({"text"}),
        "last_name": frozenset({"text"}),
        "full_name": frozenset({"text"}),
        "email": frozenset({"text"}),
        "phone": frozenset({"text", "number"}),
        "job_title": frozenset({"text"}),
        "company_name": frozenset({"text"}),
        "linkedin_url": frozenset({"text"}),
        "location": frozenset({"text", "object"}),
        "industry": frozenset({"text"}),
        "company_domain": frozenset({"text"}),
        "employee_count": frozenset({"number", "text"}),
        "source": frozenset({"text", "object"}),
    }
)
_E164 = r"\+[1-9][0-9]{6,14}"
_DOMAIN = r"(?:[a-z0-9-]+\.)+[a-z0-9-]+"
_LEAD_ID = r"[A-Za-z0-9_-]{1,64}"
_STAGED_TEXTS = (
    "first_name", "last_name", "email", "phone", "title", "company_name", "company_domain", "linkedin_url", "country",
    "employee_band", "source", "search_segment",
)  # fmt: skip

_Text = pd.StringDtype


class RawLeadModel(pa.DataFrameModel):
    """One row per delivered object: `<key>_kind` says as what the value under a documented key was written."""

    raw_lead_id: Series[pd.Int64Dtype] = pa.Field(description="our number of the delivered row", unique=True)
    segment: Series[_Text] = pa.Field(description="saved search that found the row")
    page_number: Series[pd.Int64Dtype] = pa.Field(description="page it came on, from 1", ge=1)
    row_number: Series[pd.Int64Dtype] = pa.Field(description="place on the page, from 0", ge=0)
    first_name_kind: Series[_Text] = pa.Field(description="given name: text", nullable=True)
    last_name_kind: Series[_Text] = pa.Field(description="family name: text", nullable=True)
    full_name_kind: Series[_Text] = pa.Field(description="whole name: text", nullable=True)
    email_kind: Series[_Text] = pa.Field(description="work e-mail: text", nullable=True)
    phone_kind: Series[_Text] = pa.Field(description="phone: text or number", nullable=True)
    job_title_kind: Series[_Text] = pa.Field(description="job title: text", nullable=True)
    company_name_kind: Series[_Text] = pa.Field(description="employer: text", nullable=True)
    linkedin_url_kind: Series[_Text] = pa.Field(description="profile address: text", nullable=True)
    location_kind: Series[_Text] = pa.Field(description="place: text or object", nullable=True)
    industry_kind: Series[_Text] = pa.Field(description="industry: text", nullable=True)
    company_domain_kind: Series[_Text] = pa.Field(description="domain of the employer: text", nullable=True)
    employee_count_kind: Series[_Text] = pa.Field(description="size: number or band as text", nullable=True)
    source_kind: Series[_Text] = pa.Field(description="source metadata: text or object", nullable=True)

    @pa.dataframe_check(name="a value is written as something else than its contract says")
    def _documented_kinds(cls, frame: pd.DataFrame) -> pd.Series[bool]:  # noqa: N805  # pandera binds the class
        fits = pd.DataFrame(
            {key: frame[f"{key}_kind"].isna() | frame[f"{key}_kind"].isin(kinds) for key, kinds in RAW_KINDS.items()}
        )
        return fits.all(axis="columns")


class StagedLeadModel(pa.DataFrameModel):
    """One row per normalized lead."""

    raw_lead_id: Series[pd.Int64Dtype] = pa.Field(description="our number of the delivered row", unique=True)
    dievio_lead_id: Series[_Text] = pa.Field(description="our stable id of the person")
    duplicate_of_raw_lead_id: Series[pd.Int64Dtype] = pa.Field(
        description="the row that counts, on further copies of a person", nullable=True
    )
    first_name: Series[_Text] = pa.Field(description="given name", nullable=True)
    last_name: Series[_Text] = pa.Field(description="family name; Salesforce requires it")
    company_name: Series[_Text] = pa.Field(description="employer; Salesforce requires it")
    title: Series[_Text] = pa.Field(description="job title", nullable=True)
    email: Series[_Text] = pa.Field(description="work e-mail, lower case", nullable=True)
    phone: Series[_Text] = pa.Field(description="phone in E.164", nullable=True)
    company_domain: Series[_Text] = pa.Field(description="registrable domain of the employer", nullable=True)
    linkedin_url: Series[_Text] = pa.Field(description="canonical profile address", nullable=True)
    country: Series[_Text] = pa.Field(description="ISO 3166-1 alpha-2 code", nullable=True)
    employee_count: Series[pd.Int64Dtype] = pa.Field(description="number of employees", nullable=True)
    employee_band: Series[_Text] = pa.Field(description="size band", nullable=True)
    source: Series[_Text] = pa.Field(description="where the row comes from")
    search_segment: Series[_Text] = pa.Field(description="saved search that found the row")
    last_enriched_at: Series[pd.DatetimeTZDtype] = pa.Field(
        description="when the provider last refreshed the row", dtype_kwargs={"unit": "us", "tz": "UTC"}
    )

    @pa.check("dievio_lead_id", name="ids hold other letters than A-Z, a-z, 0-9, _ and -")
    def _plain_id(cls, value: Series[_Text]) -> pd.Series[bool]:  # noqa: N805  # as above
        return value.str.fullmatch(_LEAD_ID)

    @pa.check("email", name="e-mails are not valid lower-case addresses")
    def _valid_email(cls, value: Series[_Text]) -> pd.Series[bool]:  # noqa: N805  # as above
        return value.map(lambda address: check_address(address) == address)

    @pa.check("phone", name="phones are not in E.164")
    def _e164(cls, value: Series[_Text]) -> pd.Series[bool]:  # noqa: N805  # as above
        return value.str.fullmatch(_E164)

    @pa.check("company_domain", name="company domains are no lower-case domain names")
    def _domain(cls, value: Series[_Text]) -> pd.Series[bool]:  # noqa: N805  # as above
        return value.str.fullmatch(_DOMAIN)

    @pa.check("linkedin_url", name="profile addresses are not in the canonical form")
    def _profile(cls, value: Series[_Text]) -> pd.Series[bool]:  # noqa: N805  # as above
        return value.str.startswith(PROFILE_ADDRESS)

    @pa.check("country", name="countries are no ISO 3166-1 alpha-2 codes")
    def _country(cls, value: Series[_Text]) -> pd.Series[bool]:  # noqa: N805  # as above
        return value.isin(country_codes())

    @pa.check("employee_count", name="employee counts are not positive")
    def _positive(cls, value: Series[pd.Int64Dtype]) -> pd.Series[bool]:  # noqa: N805  # as above
        return value > 0

    @pa.dataframe_check(name="a person stands in the batch more than once")
    def _one_person_once(cls, frame: pd.DataFrame) -> pd.Series[bool]:  # noqa: N805  # as above
        is_copy = frame["duplicate_of_raw_lead_id"].notna()
        repeated = frame["dievio_lead_id"].where(~is_copy).duplicated(keep=False)
        return is_copy | ~repeated


def build_raw_frame(rows: Iterable[RawLead]) -> pd.DataFrame:
    """Return the frame of delivered rows; entries that are no objects are quarantined and left out."""
    columns = ("raw_lead_id", "segment", "page_number", "row_number", *(f"{key}_kind" for key in RAW_KINDS))
    records = [_raw_record(row, row.payload) for row in rows if isinstance(row.payload, Mapping)]
    numbers = dict.fromkeys(("raw_lead_id", "page_number", "row_number"), "Int64")
    return pd.DataFrame(records, columns=columns, dtype="string").astype(numbers)


def build_staged_frame(leads: Iterable[NormalizedLead]) -> pd.DataFrame:
    """Return the frame of normalized leads; values without a column here are not checked."""
    identifying = ("raw_lead_id", "dievio_lead_id", "duplicate_of_raw_lead_id")
    columns = (*identifying, *_STAGED_TEXTS, "employee_count", "last_enriched_at")
    records = [
        (lead.raw_lead_id, lead.dievio_lead_id, lead.duplicate_of_raw_lead_id, *_cells(lead.values)) for lead in leads
    ]
    frame = pd.DataFrame(records, columns=columns, dtype="object")
    numbers = dict.fromkeys(("raw_lead_id", "duplicate_of_raw_lead_id", "employee_count"), "Int64")
    texts = dict.fromkeys(("dievio_lead_id", *_STAGED_TEXTS), "string")
    moments = pd.to_datetime(frame["last_enriched_at"], utc=True, format="ISO8601").astype("datetime64[us, UTC]")
    return frame.astype({**numbers, **texts}).assign(last_enriched_at=moments)


def _cells(values: Mapping[str, object]) -> Iterable[object]:
    return (values.get(name) for name in (*_STAGED_TEXTS, "employee_count", "last_enriched_at"))


def _raw_record(row: RawLead, payload: Mapping[str, Any]) -> tuple[object, ...]:
    kinds = (_kind(payload.get(key)) for key in RAW_KINDS)
    return (row.raw_lead_id, row.segment, row.page_number, row.row_number, *kinds)


def _kind(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, int | float):
        return "number"
    return "object" if isinstance(value, Mapping) else "list"
