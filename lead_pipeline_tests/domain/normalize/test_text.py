"""Repair of texts, the one null, and folding."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lead_pipeline.domain.normalize.text import clean_text, clean_value, fold, is_placeholder


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("  Jane   Doe ", "Jane Doe"),
        ("JÃ¶rg", "Jörg"),
        ("M&uuml;ller", "Müller"),
        ("Smith &amp; Söhne", "Smith & Söhne"),
        ("O&#39;Hanlon", "O'Hanlon"),
        ("O’Brien", "O'Brien"),
        ("\ufeffDoe", "Doe"),
        ("Ja\u200bne\u2060", "Jane"),
        ("Jane\u00a0Doe", "Jane Doe"),
        ("🔥 VP Sales 🔥", "VP Sales"),
        ("👩\u200d💻 Dev", "Dev"),
        ("❤\ufe0f Acme", "Acme"),
        ("Ａｃｍｅ", "Acme"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("Cafe\u0301", "Café"),
        ("東京", "東京"),
        ("Na", "Na"),
    ],
)
def test_a_text_is_repaired_and_keeps_its_script(raw: str, expected: str) -> None:
    assert clean_text(raw) == expected


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "  ",
        "-",
        "--",
        "n/a",
        "N/A",
        "#N/A",
        "null",
        "None",
        "unknown",
        "[[unknown]]",
        "?",
        "...",
        "NA",
        "\u200b",
        "_",
    ],
)
def test_every_way_to_say_nothing_is_one_null(raw: str) -> None:
    assert clean_text(raw) is None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [(40.0, "40"), (7, "7"), (1.5, "1.5"), (True, None), (None, None), ([], None), ({"a": 1}, None), (" x ", "x")],
)
def test_only_scalars_are_cells(raw: object, expected: str | None) -> None:
    assert clean_value(raw) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Łódź & Söhne", "lodz and sohne"), ("O'Neil-Smith", "oneil smith"), ("東京", "dongjing"), ("...", "")],
)
def test_folding_gives_ascii_words(text: str, expected: str) -> None:
    assert fold(text) == expected


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
@example("\u00e0\u00a1\u00b8\u00c4 ")
def test_cleaning_twice_changes_nothing_and_never_leaves_a_placeholder(raw: str) -> None:
    once = clean_text(raw)

    assert once is None or (clean_text(once) == once and not is_placeholder(once) and once == once.strip())


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
def test_folding_leaves_lower_case_ascii_only(raw: str) -> None:
    folded = fold(raw)

    assert folded.isascii()
    assert folded == folded.lower()
    assert "  " not in folded
