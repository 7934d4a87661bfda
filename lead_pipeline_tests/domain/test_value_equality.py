"""Values that mean the same though they are written differently, and values that do not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lead_pipeline.domain.value_equality import are_equal, is_blank

SAME = [
    ("string", "Acme  GmbH", "Acme GmbH "),
    ("string", "Cafe\u0301", "Café"),
    ("string", 250, "250"),
    ("string", 250.0, "250"),
    ("string", 1.5, "1.5"),
    ("string", True, "true"),
    ("string", None, ""),
    ("email", "Erika@Acme.example", "erika@acme.example"),
    ("phone", "+49 30 123456", "+4930123456"),
    ("phone", "(415) 555-2671", "+14155552671"),
    ("phone", "+14155552671", "415.555.2671"),
    ("phone", "ask reception", "ask reception"),
    ("url", "https://www.acme.example/", "acme.example"),
    ("url", "HTTP://Acme.example/Path", "https://acme.example/Path/"),
    ("url", "https://www.linkedin.com/in/Erika/", "linkedin.com/in/erika"),
    ("url", "https://de.linkedin.com/in/Erika", "https://de.linkedin.com/in/erika"),
    ("url", "https://[broken", "https://[broken"),
    ("int", "250", 250),
    ("double", 250.0, 250),
    ("double", "many", "many"),
    ("datetime", "2026-05-04T08:15:00.000+0000", "2026-05-04T08:15:00Z"),
    ("datetime", "2026-05-04T10:15:00+02:00", "2026-05-04T08:15:00.999Z"),
    ("datetime", datetime(2026, 5, 4, 8, 15, tzinfo=UTC), "2026-05-04T08:15:00"),
    ("datetime", "soon", "soon"),
    ("date", "2026-05-04", "2026-05-04T00:00:00Z"),
    ("boolean", True, "true"),
    ("reference", "005000000000001", "005000000000001AAA"),
]
DIFFERENT = [
    ("string", "CEO", "ceo"),
    ("string", "Acme", None),
    ("email", "a@acme.example", "b@acme.example"),
    ("phone", "+4930123456", "+4930123457"),
    ("phone", "+14155552671", "+14155552671 ext. 5"),
    ("phone", "+14155552671", "ask reception"),
    ("url", "https://acme.example/a", "https://acme.example/b"),
    ("url", "https://acme.example/A", "https://acme.example/a"),
    ("int", 250, 251),
    ("datetime", "2026-05-04T08:15:00Z", "2026-05-04T08:15:01Z"),
    ("datetime", "soon", "2026-05-04T08:15:01Z"),
    ("boolean", True, False),
    ("reference", "005000000000001", "00500000000000a"),
]


@pytest.mark.parametrize(("field_type", "left", "right"), SAME)
def test_values_that_mean_the_same_are_equal(field_type: str, left: object, right: object) -> None:
    assert are_equal(left, right, field_type=field_type)
    assert are_equal(right, left, field_type=field_type)


@pytest.mark.parametrize(("field_type", "left", "right"), DIFFERENT)
def test_values_that_differ_are_not(field_type: str, left: object, right: object) -> None:
    assert not are_equal(left, right, field_type=field_type)
    assert not are_equal(right, left, field_type=field_type)


@example(value="NaN", field_type="int")
@example(value="sNaN", field_type="double")
@example(value="0001-01-01T00:00:00+05:00", field_type="datetime")
@given(
    st.one_of(st.none(), st.text(max_size=20), st.integers(), st.booleans()),
    st.sampled_from(["string", "email", "phone", "url", "int", "datetime", "date", "boolean", "id"]),
)
def test_a_value_equals_itself(value: object, field_type: str) -> None:
    assert are_equal(value, value, field_type=field_type)


@pytest.mark.parametrize("value", [None, "", "  ", "N/A", " unknown "])
def test_blanks_and_placeholders_say_nothing(value: object) -> None:
    assert is_blank(value, frozenset({"n/a", "unknown"}))


@pytest.mark.parametrize("value", ["N/A Ltd", 0, False, "x"])
def test_zero_and_false_say_something(value: object) -> None:
    assert not is_blank(value, frozenset({"n/a"}))
