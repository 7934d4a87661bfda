"""The scenario `demo`: about 1,000 ugly rows in three segments and an org of some 6,600 people around them.

Every row has a label with the outcome it must get. The parts come from the case modules; this one puts them in order.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Final

from lead_pipeline.sandbox.scenarios.batch_cases import play_batch_cases
from lead_pipeline.sandbox.scenarios.match_cases import MATCH_CASES
from lead_pipeline.sandbox.scenarios.ordinary import (
    KNOWN_CASES,
    ROW_COUNT,
    add_background,
    add_sales_staff,
    new_lead_case,
)
from lead_pipeline.sandbox.scenarios.org_draft import INACTIVE_USER_EVERY, USER_COUNT, OrgDraft
from lead_pipeline.sandbox.scenarios.population import Population
from lead_pipeline.sandbox.scenarios.review_cases import REVIEW_CASES
from lead_pipeline.sandbox.scenarios.scenario import DemoScenario, SegmentRows, label_key
from lead_pipeline.sandbox.scenarios.stage import SegmentPlan, Stage, StagedRow
from lead_pipeline.sandbox.scenarios.value_cases import load_value_cases
from lead_pipeline.sandbox.scenarios.word_lists import load_word_lists, read_data

DEMO_SEED: Final = 20_261_121
DEMO_NIGHT: Final = date(2026, 11, 21)
SEGMENTS_FILE: Final = "demo_segments.json"


def load_demo_segments() -> tuple[SegmentPlan, ...]:
    """Read the saved searches of the demo."""
    return tuple(SegmentPlan(**raw) for raw in read_data(SEGMENTS_FILE))


def build_demo_scenario(seed: int = DEMO_SEED, *, partition_on: date | None = None) -> DemoScenario:
    """Build the demo; the same seed and night give the same bytes.

    Args:
        seed: start of all random choices.
        partition_on: UTC day of the first night; everything in the scenario lies before it.
    """
    words, rng = load_word_lists(), random.Random(seed)
    today = datetime.combine(partition_on or DEMO_NIGHT, time(), tzinfo=UTC)
    stage = Stage(
        rng=rng,
        population=Population(rng, words),
        org=OrgDraft(rng, today),
        segments=load_demo_segments(),
        today=today,
    )
    add_sales_staff(stage, USER_COUNT, inactive_every=INACTIVE_USER_EVERY)
    for case in (*MATCH_CASES, *REVIEW_CASES, *load_value_cases(), *KNOWN_CASES):
        stage.run(case)
    play_batch_cases(stage)
    companies = add_background(stage, words)
    stage.run(new_lead_case(companies, ROW_COUNT - len(stage.staged)))
    return _finish(stage)


def _finish(stage: Stage) -> DemoScenario:
    """Lay the rows out and label each by its final place, once per segment that delivers it."""
    pool = _lay_out(stage)
    labels = {
        label_key(plan.name, index): replace(staged.label, row_index=index)
        for plan in stage.segments
        for index, staged in enumerate(pool)
        if staged.segment in (plan.name, None)
    }
    segments = tuple(
        SegmentRows(
            name=plan.name,
            description=plan.description,
            filters=plan.filters,
            email_status=plan.email_status,
            row_indexes=tuple(index for index, staged in enumerate(pool) if staged.segment in (plan.name, None)),
        )
        for plan in stage.segments
    )
    return DemoScenario(
        org_records=stage.org.finished_records(),
        dievio_rows=[staged.row for staged in pool],
        segments=segments,
        labels=labels,
        earlier_writes=tuple(stage.org.earlier_writes),
    )


def _lay_out(stage: Stage) -> list[StagedRow]:
    """Put the segments one after the other, each shuffled, and strew what belongs to all of them."""
    pool = [staged for plan in stage.segments for staged in _shuffled(stage, plan.name)]
    for staged in stage.staged:
        if staged.segment is None:
            pool.insert(stage.rng.randrange(len(pool)), staged)
    return pool


def _shuffled(stage: Stage, segment: str) -> list[StagedRow]:
    """Mix the rows of a segment; copies of one person keep their order among each other."""
    staged = [row for row in stage.staged if row.segment == segment]
    mixed = stage.rng.sample(staged, len(staged))
    groups: dict[str, list[StagedRow]] = defaultdict(list)
    for row in staged:
        if row.label.group is not None:
            groups[row.label.group].append(row)
    return [row if row.label.group is None else groups[row.label.group].pop(0) for row in mixed]
