"""The nine gates after a write: what Salesforce holds now against what was meant to be written.

Each gate is a pandera model and the function that lays out its rows. Texts of the models' checks are what people read.
Reading the records back is `services/read_back`, running the gates `services/gates`.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import pandas as pd
import pandera.pandas as pa
import pycountry
from babel import Locale
from pandera.typing import Series

from lead_pipeline.domain.gate_settings import GateSettings
from lead_pipeline.domain.value_equality import are_equal, is_blank
from lead_pipeline.domain.write_protocol import OWNER_FIELD, RECEIPT_FIELD

E164 = re.compile(r"\+[1-9]\d{6,14}")
EMAIL = re.compile(r"[^@\s]+@[a-z0-9-]+(\.[a-z0-9-]+)+")
URL = re.compile(r"https?://[^\s/.]+(\.[^\s/.]+)+(/\S*)?")
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenRecord:
    """One record that the batch created or updated: what was sent, and what Salesforce holds."""

    dievio_lead_id: str
    object_name: str
    is_created: bool
    sent: Mapping[str, object]
    held: Mapping[str, object] | None  # None: missing or deleted
    trims: Mapping[str, str]  # field -> the whole text that a declared trim shortened
    expected_owner_id: str | None  # of a created lead before its hand-over; None: any active owner
    active_owner_ids: frozenset[str]
    is_out_of_hands: bool  # people have worked on it since, or may have: handed over, or last edited by somebody else


class RecordCountModel(pa.DataFrameModel):
    """One row per lead that was eligible for the write."""

    dievio_lead_id: Series[str] = pa.Field(description="id of the lead")
    is_settled: Series[bool] = pa.Field(description="whether the lead has exactly one outcome")
    is_present: Series[bool] = pa.Field(description="whether its record, if one was written, exists")

    @pa.check("is_settled", name="eligible leads have no outcome")
    def _settled(cls, value: Series[bool]) -> Series[bool]:  # noqa: N805  # pandera binds the class
        return value

    @pa.check("is_present", name="written records are missing or deleted in Salesforce")
    def _present(cls, value: Series[bool]) -> Series[bool]:  # noqa: N805  # as above
        return value


class FieldModel(pa.DataFrameModel):
    """One row per record and field."""

    dievio_lead_id: Series[str] = pa.Field(description="id of the lead")
    field: Series[str] = pa.Field(description="Salesforce API name")
    is_right: Series[bool] = pa.Field(description="whether the field holds what the gate demands")


class RequiredFieldsModel(FieldModel):
    """Fields that every created record needs."""

    @pa.check("is_right", name="created records lack a required field")
    def _filled(cls, value: Series[bool]) -> Series[bool]:  # noqa: N805  # as above
        return value


class SpotCheckModel(FieldModel):
    """Written values of a sample."""

    @pa.check("is_right", name="fields hold another value than was written")
    def _equal(cls, value: Series[bool]) -> Series[bool]:  # noqa: N805  # as above
        return value


class NoTruncationModel(FieldModel):
    """Written texts."""

    @pa.check("is_right", name="texts were cut without a declared trim")
    def _whole(cls, value: Series[bool]) -> Series[bool]:  # noqa: N805  # as above
        return value


class FormatsModel(FieldModel):
    """Written phones, addresses, countries and links."""

    @pa.check("is_right", name="phones are not E.164, or e-mails, countries or links have a wrong form")
    def _well_formed(cls, value: Series[bool]) -> Series[bool]:  # noqa: N805  # as above
        return value


class SourceAttributionModel(FieldModel):
    """Where created records say they come from."""

    @pa.check("is_right", name="created records do not say where they come from")
    def _attributed(cls, value: Series[bool]) -> Series[bool]:  # noqa: N805  # as above
        return value


class FreshnessModel(FieldModel):
    """Time stamps of sync and enrichment."""

    @pa.check("is_right", name="time stamps of the sync are missing or older than what was written")
    def _fresh(cls, value: Series[bool]) -> Series[bool]:  # noqa: N805  # as above
        return value


class OwnershipModel(pa.DataFrameModel):
    """One row per created record."""

    dievio_lead_id: Series[str] = pa.Field(description="id of the lead")
    is_expected_owner: Series[bool] = pa.Field(description="whether the holding owner still owns it")
    is_active_owner: Series[bool] = pa.Field(description="whether its owner is an active user or a queue")

    @pa.check("is_expected_owner", name="created records do not belong to the holding owner")
    def _expected(cls, value: Series[bool]) -> Series[bool]:  # noqa: N805  # as above
        return value

    @pa.check("is_active_owner", name="created records belong to nobody active")
    def _active(cls, value: Series[bool]) -> Series[bool]:  # noqa: N805  # as above
        return value


class DuplicatesModel(pa.DataFrameModel):
    """One row per written record."""

    dievio_lead_id: Series[str] = pa.Field(description="id of the lead")
    other_records: Series[int] = pa.Field(description="further live records of the same person")

    @pa.check("other_records", name="persons have a second live record in the org")
    def _single(cls, value: Series[int]) -> Series[bool]:  # noqa: N805  # as above
        return value.eq(0)  # type: ignore[return-value]  # pandas-stubs names its own series


Row = tuple[str, str, bool]  # lead id, field, whether the gate's demand is met


def field_frame(rows: Iterable[Row]) -> pd.DataFrame:
    """Lay out rows of one field each."""
    return pd.DataFrame.from_records(list(rows), columns=["dievio_lead_id", "field", "is_right"])


def check_required_fields(records: Iterable[WrittenRecord], settings: GateSettings) -> Iterator[Row]:
    """Every created record has every required field."""
    for record in _held_back(records):
        for field in settings.required_fields.get(record.object_name, ()):
            yield record.dievio_lead_id, field, not is_blank((record.held or {}).get(field))


def check_written_values(records: Iterable[WrittenRecord], _settings: GateSettings) -> Iterator[Row]:
    """Every written field holds what was sent."""
    for record, field, sent, held in _sent_values(records):
        yield record.dievio_lead_id, field, are_equal(sent, held, field_type=type_of(sent))


def check_whole_texts(records: Iterable[WrittenRecord], _settings: GateSettings) -> Iterator[Row]:
    """Every written text stands in full, or as the trim that the plan recorded."""
    for record, field, sent, held in _sent_values(records):
        if isinstance(sent, str):
            is_cut = isinstance(held, str) and len(held) < len(sent) and sent.startswith(held.rstrip())
            is_declared = _is_declared_trim(sent, record.trims.get(field))
            yield record.dievio_lead_id, field, is_declared and not is_cut


def check_formats(records: Iterable[WrittenRecord], settings: GateSettings) -> Iterator[Row]:
    """Every phone, address, country and link that was written has its form."""
    forms = _forms(settings)
    for record, field, _sent, held in _sent_values(records):
        form = forms.get(field)
        if form is not None and not is_blank(held):
            yield record.dievio_lead_id, field, form(str(held))


def check_source_attribution(records: Iterable[WrittenRecord], settings: GateSettings) -> Iterator[Row]:
    """Every created lead says where it comes from."""
    for record in _held_back(records):
        if record.object_name == "Lead":
            for field in settings.source_fields:
                yield record.dievio_lead_id, field, not is_blank((record.held or {}).get(field))


def check_freshness(records: Iterable[WrittenRecord], settings: GateSettings) -> Iterator[Row]:
    """Every stamp that was written is there and no older."""
    for record, field, sent, held in _sent_values(records):
        if field in settings.freshness_fields:
            yield record.dievio_lead_id, field, not is_blank(held) and _is_as_new(str(held), str(sent))


def ownership_frame(records: Iterable[WrittenRecord]) -> pd.DataFrame:
    """Lay out who owns the created records that are not handed over yet."""
    rows = [
        (
            record.dievio_lead_id,
            record.expected_owner_id in {None, (record.held or {}).get(OWNER_FIELD)},
            (record.held or {}).get(OWNER_FIELD) in record.active_owner_ids,
        )
        for record in _held_back(records)
    ]
    return pd.DataFrame.from_records(rows, columns=["dievio_lead_id", "is_expected_owner", "is_active_owner"])


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleLine:
    """What choosing a sample needs to know of a written record."""

    dievio_lead_id: str
    segment: str
    is_created: bool
    flags: tuple[str, ...]  # remarks of normalization: the edge cases


def choose_sample(lines: Sequence[SampleLine], size: int) -> list[str]:
    """Return the ids of a sample in which every segment, kind of write and edge case has its part.

    The same lines give the same sample: within a stratum the hash of the id decides.
    """
    strata: dict[tuple[str, bool, str], list[str]] = defaultdict(list)
    for line in lines:
        strata[line.segment, line.is_created, min(line.flags, default="")].append(line.dievio_lead_id)
    queues = [sorted(ids, key=_scatter) for _, ids in sorted(strata.items())]
    chosen: list[str] = []
    turn = 0
    while len(chosen) < min(size, len(lines)):
        chosen += [queue[turn] for queue in queues if turn < len(queue)]
        turn += 1
    return chosen[:size]


def type_of(value: object) -> str:
    """Return the field type by which a sent value is compared with what Salesforce gives back."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "double"
    text = str(value)
    if MOMENT.match(text):
        return "datetime"
    return "email" if EMAIL.fullmatch(text.lower()) else "string"


def _held_back(records: Iterable[WrittenRecord]) -> Iterator[WrittenRecord]:
    """Yield created records that nobody but us should have touched."""
    return (record for record in records if record.is_created and not record.is_out_of_hands and record.held)


def _sent_values(records: Iterable[WrittenRecord]) -> Iterator[tuple[WrittenRecord, str, object, object]]:
    """Yield what was sent and is held, field by field; records that are missing are the record count's affair."""
    for record in records:
        if record.held is not None and not record.is_out_of_hands:
            for field, sent in record.sent.items():
                if field not in {RECEIPT_FIELD, OWNER_FIELD}:
                    yield record, field, sent, record.held.get(field)


def _is_declared_trim(sent: str, whole: str | None) -> bool:
    return whole is None or whole.startswith(sent.rstrip("….").rstrip())


def _is_as_new(held: str, sent: str) -> bool:
    return are_equal(held, sent, field_type="datetime") or held > sent


def _forms(settings: GateSettings) -> Mapping[str, Callable[[str], bool]]:
    forms: dict[str, Callable[[str], bool]] = {}
    forms |= dict.fromkeys(settings.phone_fields, lambda text: E164.fullmatch(text) is not None)
    forms |= dict.fromkeys(settings.email_fields, lambda text: EMAIL.fullmatch(text.lower()) is not None)
    forms |= dict.fromkeys(settings.country_fields, lambda text: text in country_words())
    forms |= dict.fromkeys(settings.url_fields, lambda text: URL.fullmatch(text) is not None)
    return forms


@cache
def country_words() -> frozenset[str]:
    """Return every ISO 3166-1 code and English name of a country."""
    iso = {
        word
        for country in pycountry.countries
        for word in (country.alpha_2, country.alpha_3, country.name, getattr(country, "common_name", country.name))
    }
    return frozenset(iso | set(Locale("en").territories.values()))


def _scatter(identifier: str) -> str:
    return hashlib.sha256(identifier.encode()).hexdigest()
