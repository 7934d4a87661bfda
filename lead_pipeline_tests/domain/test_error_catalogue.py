"""The page of error codes says what the tables say: every code, and none that does not exist."""

from __future__ import annotations

import re
from pathlib import Path

import lead_pipeline
from lead_pipeline.domain.error_catalogue import draw_catalogue, list_quarantine, list_questions, list_refusals
from lead_pipeline.domain.normalize.lead import QUARANTINE_REASONS
from lead_pipeline.domain.record_answers import AnswerKind, Remedy
from lead_pipeline.domain.refusals import REFUSALS, TRANSIENT_CAUSES
from lead_pipeline.domain.review_reasons import GUIDES
from lead_pipeline.salesforce.answers import NOT_SENT_CODE, UNPROCESSED_CODE
from lead_pipeline.salesforce.error_rules import ERROR_RULES, rule_for_status
from lead_pipeline.services.writing.delivery import UNSENDABLE_CODE

PAGE = Path(lead_pipeline.__file__).parent.parent / "docs" / "errors.md"


def test_the_page_is_what_the_tables_say() -> None:
    assert PAGE.read_text("utf-8") == draw_catalogue(), "lead-pipeline dlq codes --markdown > docs/errors.md"


def test_every_code_stands_on_the_page_once() -> None:
    codes = re.findall(r"^\| `([A-Za-z0-9_]+)` \|", PAGE.read_text("utf-8"), flags=re.MULTILINE)

    assert sorted(codes) == sorted([*REFUSALS, *TRANSIENT_CAUSES, *GUIDES, *QUARANTINE_REASONS])


def test_every_entry_says_what_it_means_what_to_do_and_whose_it_is() -> None:
    for entry in (*list_refusals(), *list_questions(), *list_quarantine()):
        assert all((entry.code, entry.meaning, entry.consequence, entry.repair, entry.owner)), entry


def test_every_code_that_can_end_a_single_write_is_explained() -> None:
    ends = {Remedy.DEAD_LETTER, Remedy.REVIEW}
    codes = {rule.code for rule in ERROR_RULES if rule.remedy in ends}

    assert codes - set(REFUSALS) == set()
    assert UNSENDABLE_CODE in REFUSALS


def test_every_code_that_a_write_may_be_given_up_with_after_all_tries_is_explained() -> None:
    rules = [*ERROR_RULES, rule_for_status(429)]
    codes = {rule.code for rule in rules if rule.is_transient and rule.kind is AnswerKind.NOT_DONE}

    assert codes | {NOT_SENT_CODE, UNPROCESSED_CODE} == set(TRANSIENT_CAUSES) | (codes & set(REFUSALS))
