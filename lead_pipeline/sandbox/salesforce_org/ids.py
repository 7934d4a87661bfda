"""Salesforce record ids: their making, their checksum, and the accepted spellings.

Belongs here: pure id arithmetic. Which ids exist is the store's matter.
"""

from typing import Final

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECKSUM: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_CAPITALS: Final = str.maketrans({char: "1" if char.isupper() else "0" for char in _DIGITS})
_SHORT: Final = 15
_LONG: Final = 18
_CHUNK: Final = 5
_SERIAL_DIGITS: Final = 10

SEED_POD: Final = "00"
"""Pod characters of ids that callers make for seed rows; the org itself never issues them."""
ISSUED_POD: Final = "5e"
"""Pod characters of ids that the org issues, so that seeds and new records cannot collide."""


def make_id(prefix: str, number: int, *, pod: str = SEED_POD) -> str:
    """Build the 18-character id of the `number`-th record of a key prefix."""
    serial = ""
    while number:
        number, digit = divmod(number, len(_DIGITS))
        serial = _DIGITS[digit] + serial
    return add_checksum(prefix + pod + serial.rjust(_SERIAL_DIGITS, "0"))


def add_checksum(short_id: str) -> str:
    """Lengthen a 15-character id to its case-safe 18 characters."""
    capitals = short_id.translate(_CAPITALS)
    first, second, third = (int(capitals[place : place + _CHUNK][::-1], 2) for place in range(0, _SHORT, _CHUNK))
    return short_id + _CHECKSUM[first] + _CHECKSUM[second] + _CHECKSUM[third]


def normalize_id(text: object) -> str | None:
    """Return the canonical 18-character form of a 15- or 18-character id, or None if it has another shape.

    The 18-character form survives case changes, because its suffix says which letters are capitals.
    """
    if not isinstance(text, str) or not (text.isascii() and text.isalnum()):
        return None
    if len(text) == _SHORT:
        return add_checksum(text)
    if len(text) != _LONG:
        return None
    restored = _restore_case(text[:_SHORT], text[_SHORT:].upper())
    return (
        None if restored is None or add_checksum(restored)[_SHORT:] != text[_SHORT:].upper() else add_checksum(restored)
    )


def _restore_case(body: str, suffix: str) -> str | None:
    """Set the case of each character as the checksum suffix says; None when the suffix is impossible."""
    if any(char not in _CHECKSUM for char in suffix):
        return None
    if add_checksum(body)[_SHORT:] == suffix:
        return body
    restored = ""
    for place, char in enumerate(body):
        mask = _CHECKSUM.index(suffix[place // _CHUNK])
        restored += char.upper() if mask & (1 << place % _CHUNK) else char.lower()
    return restored
