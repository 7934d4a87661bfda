"""Phone cells: E.164 or none."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lead_pipeline.domain.normalize.phones import PhoneProblem, PhoneReading, phone_key, read_phone


@pytest.mark.parametrize(
    ("raw", "region", "e164"),
    [
        ("(415) 555-2671", "US", "+14155552671"),
        ("4155552671.0", "US", "+14155552671"),
        ("+1.415.555.2671", None, "+14155552671"),
        ("415-555-2671 ext. 204", "US", "+14155552671"),
        ("tel:+14155552671", None, "+14155552671"),
        ("011 49 30 901820", "US", "+4930901820"),
        ("0049 30 901820", "DE", "+4930901820"),
        ("030 901820", "DE", "+4930901820"),
        ("+44 (0)20 7183 8750", None, "+442071838750"),
        ("01 42 68 53 00", "FR", "+33142685300"),
        ("03-3224-9999", "JP", "+81332249999"),
        ("06 6982", "IT", "+39066982"),
        ("011 2345 6789", "BR", "+551123456789"),
        ("1-800-FLOWERS", "US", "+18003569377"),
        ("＋４９ ３０ ９０１８２０", None, "+4930901820"),
    ],
)
def test_a_number_that_can_exist_is_written_in_e164(raw: str, region: str | None, e164: str) -> None:
    assert read_phone(raw, region).e164 == e164


@pytest.mark.parametrize(
    ("raw", "region", "problem"),
    [
        ("000-000-0000", "US", PhoneProblem.INVALID),
        ("123-456-7890", "US", PhoneProblem.INVALID),
        ("555-555-5555", "US", PhoneProblem.INVALID),
        ("123", "DE", PhoneProblem.INVALID),
        ("+1 000", None, PhoneProblem.INVALID),
        ("ask reception", "DE", PhoneProblem.INVALID),
        ("030 901820", None, PhoneProblem.NO_COUNTRY),
        ("-", "US", None),
    ],
)
def test_a_number_that_cannot_exist_is_dropped(raw: str, region: str | None, problem: PhoneProblem | None) -> None:
    assert read_phone(raw, region) == PhoneReading(problem=problem)


def test_the_first_of_two_numbers_is_taken_and_said() -> None:
    reading = read_phone("415-555-2671 or 212-736-5000", "US")

    assert reading == PhoneReading(e164="+14155552671", problem=PhoneProblem.SEVERAL)


def test_a_toll_free_number_is_no_key() -> None:
    assert read_phone("1-800-356-9377", "US").e164 == "+18003569377"
    assert phone_key("1-800-356-9377", "US") is None
    assert phone_key("(415) 555-2671", "US") == "+14155552671"


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="0123456789+()- .x/", max_size=25))
def test_what_is_taken_reads_the_same_again(raw: str) -> None:
    e164 = read_phone(raw, "DE").e164

    assert e164 is None or read_phone(e164, None).e164 == e164
