"""The page of proofs names tests that exist, so that it cannot promise more than the tests hold."""

import ast
import re
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "proofs.md"
ROW = re.compile(r"^\| (R\d{3}) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
PROOF = re.compile(r"`([\w/]+\.py)::(\w+)`")


@cache
def functions_of(path: str) -> frozenset[str]:
    """Names of the functions in a file below the tests."""
    tree = ast.parse((TESTS / path).read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_every_requirement_has_a_proof_that_exists() -> None:
    rows = ROW.findall(PAGE.read_text("utf-8"))
    proofs = {number: PROOF.findall(cell) for number, _, cell in rows}

    assert [number for number, _, _ in rows] == sorted(proofs)
    assert [number for number, found in proofs.items() if not found] == []
    assert [
        f"{number}: {path}::{name}"
        for number, found in proofs.items()
        for path, name in found
        if not (TESTS / path).is_file() or name not in functions_of(path)
    ] == []


def test_no_line_of_the_page_escapes_the_check() -> None:
    text = PAGE.read_text("utf-8")

    assert len(ROW.findall(text)) == text.count("\n| R")
    assert len(PROOF.findall(text)) == text.count("::test_")
