import csv
import io

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from lead_pipeline.errors import TransportFaultError, UnsendableValueError
from lead_pipeline.salesforce.bulk_csv import read_whole_csv, write_csv


def response_of(body: bytes) -> requests.Response:
    response = requests.Response()
    response.status_code = 200
    response.raw = io.BytesIO(body)
    return response


cell = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(
    lambda text: text.strip() != "#N/A"
)


@given(st.lists(st.fixed_dictionaries({"LastName": cell, "Company": cell}), min_size=1, max_size=5))
def test_every_text_arrives_as_it_was_sent(records: list[dict[str, str]]) -> None:
    assert read_whole_csv(response_of(write_csv(records))) == records


def test_what_a_record_lacks_stays_empty_and_what_it_clears_is_marked() -> None:
    body = write_csv([{"LastName": "A", "Title": None}, {"Company": "B", "LastName": "C", "Flag__c": True, "N__c": 5}])
    assert list(csv.reader(io.StringIO(body.decode()))) == [
        ["LastName", "Title", "Company", "Flag__c", "N__c"],
        ["A", "#N/A", "", "", ""],
        ["C", "", "B", "true", "5"],
    ]


@pytest.mark.parametrize("poison", ["#N/A", " #N/A ", "", "a\0b", "\ud800"])
def test_a_value_bulk_would_read_as_something_else_is_refused_by_field_name(poison: str) -> None:
    with pytest.raises(UnsendableValueError):
        write_csv([{"LastName": "A", "Title": poison}])


def test_a_result_cut_off_in_a_row_is_no_result() -> None:
    with pytest.raises(TransportFaultError, match="truncated"):
        read_whole_csv(response_of(b'"sf__Id","LastName"\n"00Q","Sample"\n"00Q'))


def test_a_result_without_rows_is_empty() -> None:
    assert read_whole_csv(response_of(b'"sf__Id","LastName"\n')) == []
    assert read_whole_csv(response_of(b"")) == []


def test_a_byte_order_mark_is_not_part_of_the_first_column() -> None:
    assert read_whole_csv(response_of(b"\xef\xbb\xbfsf__Id\n1\n")) == [{"sf__Id": "1"}]
