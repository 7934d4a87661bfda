import pytest
from hypothesis import given
from hypothesis import strategies as st

from lead_pipeline.errors import InvalidIdentifierError
from lead_pipeline.salesforce.ids import check_external_id, check_record_id, checksum, object_of

LEAD_15 = "00Q5e000001AbCd"
LEAD_18 = LEAD_15 + checksum(LEAD_15)

# Every one of these was taken for an id by some client and led to another path or host.
PATH_TRICKS = (
    "",
    ".",
    "..",
    "../Account",
    "..%2fAccount",
    "%2e%2e",
    "//evil.example/x",
    "http://evil.example/00Q",
    "https://evil.example",
    "00Q5e000001AbCd/",
    "/00Q5e000001AbCd",
    "00Q5e000001AbCd?x=1",
    "00Q5e000001AbCd#",
    "00Q5e000001AbC;",
    "00Q5e000001Ab d",
    "00Q5e000001AbCd\n",
    "\n00Q5e000001AbC",
    "00Q5e000001AbC\0",
    "００Q5e000001AbCd",
    "00Q5e00000１AbCd",
    "00Q5e000001Ab\u0661d",
    "00Q5e000001AbCdABCD",
    "00Q5e000001AbC",
    "00Q5e000001AbCdab",
    "a@evil.example:0",
    "@evil.example:00",
    "00Q\\..\\..\\Acco",
    "00Q/../../../oa",
)


def test_the_checksum_is_the_one_salesforce_documents() -> None:
    assert checksum("001A0000006Vm9r") == "IAC"


def test_a_short_id_becomes_the_long_one() -> None:
    assert check_record_id(LEAD_15, "Lead") == LEAD_18
    assert check_record_id(LEAD_18, "Lead") == LEAD_18


@pytest.mark.parametrize("trick", PATH_TRICKS)
def test_nothing_that_could_lead_elsewhere_passes_as_an_id(trick: str) -> None:
    with pytest.raises(InvalidIdentifierError):
        check_record_id(trick, "Lead")


@pytest.mark.parametrize("value", [None, 5, b"00Q5e000001AbCd", ["00Q5e000001AbCd"]])
def test_what_is_no_text_is_no_id(value: object) -> None:
    with pytest.raises(InvalidIdentifierError):
        check_record_id(value, "Lead")


def test_an_id_with_a_wrong_checksum_is_refused() -> None:
    with pytest.raises(InvalidIdentifierError, match="checksum"):
        check_record_id(LEAD_15 + "AAA", "Lead")


def test_an_id_of_another_object_is_refused() -> None:
    with pytest.raises(InvalidIdentifierError, match="not the id of a Contact"):
        check_record_id(LEAD_18, "Contact")


@given(st.text(max_size=24))
def test_whatever_passes_is_eighteen_letters_and_digits(text: str) -> None:
    try:
        accepted = check_record_id(text, "Lead")
    except InvalidIdentifierError:
        return
    assert accepted.isascii()
    assert accepted.isalnum()
    assert len(accepted) == 18


@pytest.mark.parametrize("trick", [*PATH_TRICKS[:14], "x" * 65, "ü", None, 7])
def test_an_external_id_holds_letters_digits_underscore_and_hyphen_only(trick: object) -> None:
    with pytest.raises(InvalidIdentifierError):
        check_external_id(trick)


def test_our_own_external_ids_pass() -> None:
    assert check_external_id("dv_li_anna-sample-01") == "dv_li_anna-sample-01"


def test_an_object_is_known_by_its_prefix() -> None:
    assert object_of(LEAD_18) == "Lead"
    assert object_of("zzz000000000000") is None
