"""Which address may stand in the place of another."""

import pytest

from lead_pipeline.domain.enrichment.mailboxes import is_work_address, object_to_replacement


@pytest.mark.parametrize(
    ("address", "is_work"),
    [
        ("jane@acme.com", True),
        ("JANE@ACME.COM ", True),
        ("jane@gmail.com", False),
        ("info@acme.com", False),
        ("test@acme.com", False),
        ("jane@mailinator.com", False),
        ("no address", False),
    ],
)
def test_a_work_address_is_one_persons_mailbox_at_a_company(address: str, is_work: bool) -> None:  # noqa: FBT001
    assert is_work_address(address) is is_work


@pytest.mark.parametrize(
    ("before", "after", "share", "status", "words"),
    [
        ("jane@acme.com", "JANE@acme.com", None, None, None),
        ("jane@acme.com", "j.doe@acme.com", None, "verified", None),
        ("jane@acme.com", "j.doe@acme.com", 0.95, None, None),
        ("jane@acme.com", "j.doe@acme.com", 0.94, "likely", "verified before"),
        ("jane@acme.com", "j.doe@acme.com", None, None, "verified before"),
        ("jane@acme.com", "jane@gmail.com", 1.0, "verified", "never replaces"),
        ("info@acme.com", "sales@acme.com", 1.0, "verified", None),
        ("jane@gmail.com", "jane@acme.com", 0.98, "verified", None),
    ],
)
def test_a_verified_work_address_goes_before_everything_else(
    before: str, after: str, share: float | None, status: str | None, words: str | None
) -> None:
    objection = object_to_replacement(before, after, share=share, status=status)

    assert objection is None if words is None else words in str(objection)
