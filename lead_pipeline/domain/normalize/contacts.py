"""How a person is reached: e-mail, phone and profile of a row. The rules of each are in the modules beside."""

from __future__ import annotations

from lead_pipeline.domain.normalize.cells import Cells
from lead_pipeline.domain.normalize.emails import read_email
from lead_pipeline.domain.normalize.linkedin import read_linkedin
from lead_pipeline.domain.normalize.phones import read_phone

SHARED_PHONE_FLAG = "phone_shared"  # the number belongs to a switchboard


def read_contacts(cells: Cells) -> None:
    """Put e-mail, phone and profile; the country must have been read before, for numbers without their own."""
    _read_email(cells)
    _read_phone(cells)
    _read_profile(cells)


def _read_email(cells: Cells) -> None:
    raw = cells.text("email")
    if raw is not None:
        reading = read_email(raw)
        cells.flags.update(f"email_{kind}" for kind in reading.kinds)
        if reading.problem is not None:
            cells.remark(f"email_{reading.problem}")
        if reading.address is not None:
            cells.put("email", reading.address)
            cells.put("email_status", cells.email_status.value)
    private = cells.text("personal_email")
    cells.personal_email = read_email(private).address if private else None


def _read_phone(cells: Cells) -> None:
    raw = cells.text("phone")
    if raw is None:
        return
    country = cells.values.get("country")
    reading = read_phone(raw, str(country) if country else None)
    cells.put("phone", reading.e164)
    if reading.problem is not None:
        cells.remark(f"phone_{reading.problem}")
    if not reading.is_personal:
        cells.remark(SHARED_PHONE_FLAG)


def _read_profile(cells: Cells) -> None:
    raw = cells.text("linkedin_url")
    if raw is None:
        return
    reading = read_linkedin(raw)
    cells.put("linkedin_url", reading.url)
    if reading.slug is None:
        cells.remark("linkedin_without_slug")
