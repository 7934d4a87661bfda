"""CSV as Bulk API 2.0 reads and writes it: UTF-8, LF, API names as header, empty = leave alone.

Jobs are `bulk_jobs` and `bulk_queries`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

import requests

from lead_pipeline.domain.org_schema import NULL_MARK
from lead_pipeline.errors import TransportFaultError, UnsendableValueError

MAX_UPLOAD_BYTES = 100_000_000  # Salesforce limit: 150 MB after base64


def write_csv(records: Sequence[Mapping[str, object]]) -> bytes:
    """Return records as the body of an upload; the columns are all names that occur, in order of appearance.

    A name that a record lacks leaves its field alone; None clears it.

    Raises:
        UnsendableValueError: A value that Bulk would read as something else, or text that UTF-8 cannot hold.
    """
    columns = list(dict.fromkeys(name for record in records for name in record))
    text = io.StringIO()
    # Quoting everything keeps leading blanks, lone carriage returns and separators what they are.
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    writer.writerows([_cell(name, record[name]) if name in record else "" for name in columns] for record in records)
    return _encode(text.getvalue())


def read_whole_csv(response: requests.Response) -> list[dict[str, str]]:
    """Return the rows of a result by column name. The answer often names no charset: it is UTF-8.

    Raises:
        TransportFaultError: The last row has another number of cells than the header: the answer is not whole.
    """
    text = io.TextIOWrapper(io.BytesIO(response.content), encoding="utf-8-sig", newline="")
    reader = csv.reader(text, strict=True)
    header = next(reader, [])
    try:
        return [dict(zip(header, row, strict=True)) for row in reader]
    except (ValueError, csv.Error):
        raise TransportFaultError("Salesforce", "CSV result", cause="truncated CSV", is_sent=True) from None


def _encode(text: str) -> bytes:
    try:
        body = text.encode("utf-8")
    except UnicodeEncodeError:
        raise UnsendableValueError("a Bulk row", what="half a character") from None
    if len(body) > MAX_UPLOAD_BYTES:
        raise UnsendableValueError("a Bulk upload", what=f"more than {MAX_UPLOAD_BYTES} bytes")
    return body


def _cell(name: str, value: object) -> str:
    if value is None:
        return NULL_MARK
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if text.strip() == NULL_MARK:
        raise UnsendableValueError(name, what=f"the text {NULL_MARK}, which clears a field")
    if text == "" or "\0" in text:
        raise UnsendableValueError(name, what="an empty text or a NUL")
    return text
