"""Record ids and external ids: checked before one of them becomes part of an address.

simple-salesforce joins ids into URLs, so an id like `../` or `http://other-host/` would send our token somewhere else.
Whether a record with an id exists is for the org to say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from lead_pipeline.errors import InvalidIdentifierError

SHORT_ID_LENGTH = 15  # case-sensitive form
LONG_ID_LENGTH = 18  # the same with a checksum of three characters, safe where case gets lost

#: Object -> first three characters of its ids (standard objects: the same in every org).
KEY_PREFIXES: Mapping[str, str] = {
    "Account": "001",
    "Contact": "003",
    "User": "005",
    "Opportunity": "006",
    "Group": "00G",
    "Organization": "00D",
    "Lead": "00Q",
    "Campaign": "701",
    "CampaignMember": "00v",
    "PermissionSet": "0PS",
    "PermissionSetAssignment": "0Pa",
    "DeployRequest": "0Af",  # a deployment of metadata
    "Job": "750",  # Bulk API, ingest and query alike
}
_OBJECT_BY_PREFIX = {prefix: name for name, prefix in KEY_PREFIXES.items()}

_SHORT_ID = re.compile(r"[A-Za-z0-9]{15}")
_LONG_ID = re.compile(r"[A-Za-z0-9]{15}[A-Z0-5]{3}")
# What we mint ourselves; dots and slashes would be collapsed into another path by HTTP clients.
_EXTERNAL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CHECKSUM_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_CHECKSUM_BLOCK = 5  # one checksum character tells which of five characters are upper case


def checksum(short_id: str) -> str:
    """Return the three characters that make an 18-character id out of a 15-character one."""
    blocks = (short_id[start : start + _CHECKSUM_BLOCK] for start in range(0, SHORT_ID_LENGTH, _CHECKSUM_BLOCK))
    return "".join(
        _CHECKSUM_ALPHABET[sum(1 << place for place, letter in enumerate(block) if "A" <= letter <= "Z")]
        for block in blocks
    )


def check_record_id(value: object, object_name: str) -> str:
    """Return the 18-character form of a record id of `object_name`.

    Raises:
        InvalidIdentifierError: Wrong characters, length, checksum or key prefix.
    """
    if not isinstance(value, str) or not value.isascii():
        raise InvalidIdentifierError("Salesforce id", what="is not ASCII text")
    if not (_SHORT_ID.fullmatch(value) or _LONG_ID.fullmatch(value)):
        raise InvalidIdentifierError("Salesforce id", what="is not 15 or 18 letters and digits")
    short_id, given = value[:SHORT_ID_LENGTH], value[SHORT_ID_LENGTH:]
    expected = checksum(short_id)
    if given and given != expected:
        raise InvalidIdentifierError("Salesforce id", what="has a wrong checksum")
    if not short_id.startswith(KEY_PREFIXES[object_name]):
        raise InvalidIdentifierError("Salesforce id", what=f"is not the id of a {object_name}")
    return short_id + expected


def check_external_id(value: object) -> str:
    """Return an external id of ours unchanged.

    Raises:
        InvalidIdentifierError: It is not 1 to 64 letters, digits, `_` or `-`.
    """
    if not isinstance(value, str) or not _EXTERNAL_ID.fullmatch(value):
        raise InvalidIdentifierError("external id", what="is not 1 to 64 letters, digits, _ or -")
    return value


def object_of(record_id: str) -> str | None:
    """Name the object that an id belongs to by its key prefix, None when the prefix is unknown to us."""
    return _OBJECT_BY_PREFIX.get(record_id[:3])
