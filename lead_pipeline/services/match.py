"""Matches the open leads of a batch with the mirrored org: candidates by SQL, the decision by the ladder.

What a candidate is worth is decided in `domain/matching`; what is written afterwards in `services/plan`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any

import psycopg

from lead_pipeline.domain.decisions import MatchGrade
from lead_pipeline.domain.matching import (
    LADDER,
    REASON_TEXTS,
    CandidateRecord,
    Hit,
    LadderAnswer,
    LeadToMatch,
    MatchingPolicy,
    MatchReason,
    NameBlock,
    PairAnswer,
    find_near_names,
    match_lead,
    needs_near_names,
    remark_cut,
)
from lead_pipeline.store import matches
from lead_pipeline.store.bulk import STATISTICS_LEADS
from lead_pipeline.store.database import Database
from lead_pipeline.store.leases import take_turn
from lead_pipeline.store.matches import BlockKind

NEAR_NAME_LEADS = 500  # leads whose companies are in memory at a time: at most 500 x 2 blocks of 500 records

_RULES_BY_STRENGTH = [rule.name for step in LADDER for rule in step]


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchSummary:
    """The matches of a batch in numbers; but for `leads` and `cut_blocks`, earlier runs are included."""

    leads: int  # matched by this call
    certain: int
    possible: int
    none: int
    claimed_twice: int  # leads that lost their record to a better claim of the same batch
    cut_blocks: int  # leads whose company was too large to be compared whole for near names
    by_rule: Mapping[str, int] = field(default_factory=dict)
    by_reason: Mapping[str, int] = field(default_factory=dict)

    def as_metadata(self) -> dict[str, int | float | str]:
        """Return the counts for Dagster."""
        return {
            "leads": self.leads,
            "certain": self.certain,
            "possible": self.possible,
            "none": self.none,
            "claimed_twice": self.claimed_twice,
            "cut_blocks": self.cut_blocks,
            **{f"rule_{name.lower()}": count for name, count in sorted(self.by_rule.items())},
            **{f"reason_{name}": count for name, count in sorted(self.by_reason.items())},
        }


def match_batch(
    database: Database,
    policy: MatchingPolicy,
    *,
    batch_id: str,
    now: Callable[[], datetime],
    dievio_lead_ids: Collection[str] | None = None,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> MatchSummary:
    """Match the leads of a batch that have no outcome yet; earlier results of theirs are replaced.

    Args:
        database: The product's database, its mirror of the org refreshed.
        policy: Thresholds, caps and the outcome of each rule.
        batch_id: The batch.
        now: The clock, aware UTC.
        dievio_lead_ids: Only these leads, e.g. those whose candidates have changed.
        on_progress: Told the stage, the leads done and the leads in all.
    """
    matched_at = now()
    done = cut = 0
    with database.transaction() as connection:
        take_turn(connection, batch_id)
        matches.delete_open_matches(connection, batch_id=batch_id, dievio_lead_ids=dievio_lead_ids)
        total = matches.count_open_leads(connection, batch_id=batch_id, dievio_lead_ids=dievio_lead_ids)
        for page in matches.read_open_leads(connection, batch_id=batch_id, dievio_lead_ids=dievio_lead_ids):
            answers, cut_in_page = _match_page(connection, page, batch_id=batch_id, policy=policy)
            matches.save_answers(connection, answers, batch_id=batch_id, matched_at=matched_at)
            done, cut = done + len(page), cut + cut_in_page
            if on_progress is not None:
                on_progress("match", done, total)
        if done >= STATISTICS_LEADS:
            matches.refresh_statistics(connection)
        matches.demote_second_claims(
            connection,
            batch_id=batch_id,
            rules=_RULES_BY_STRENGTH,
            reason_code=MatchReason.TARGET_CLAIMED_TWICE,
            reason=REASON_TEXTS[MatchReason.TARGET_CLAIMED_TWICE],
        )
        counts = matches.count_results(connection, batch_id=batch_id)
    return _summarize(counts, leads=done, cut_blocks=cut)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """What the database knows about one page of leads."""

    hits: Mapping[str, Sequence[Hit]]
    directory: Mapping[str, CandidateRecord]
    answers: Mapping[str, Mapping[str, PairAnswer]]
    policy: MatchingPolicy

    def match(self, lead: LeadToMatch, *, near: Sequence[Hit] = ()) -> LadderAnswer:
        key = lead.dievio_lead_id
        return match_lead(
            lead,
            (*self.hits.get(key, ()), *near),
            directory=self.directory,
            answers=self.answers.get(key, {}),
            policy=self.policy,
        )


def _match_page(
    connection: psycopg.Connection[Any], leads: Sequence[LeadToMatch], *, batch_id: str, policy: MatchingPolicy
) -> tuple[list[LadderAnswer], int]:
    """Return the answers for one page of leads, and for how many of them a block was cut."""
    ids = [lead.dievio_lead_id for lead in leads]
    hits = matches.find_hits(
        connection, batch_id=batch_id, dievio_lead_ids=ids, max_candidates=policy.max_candidates_per_rule
    )
    page = _Page(
        hits=hits,
        directory=matches.follow_hits(connection, chain.from_iterable(hits.values())),
        answers=matches.read_answers(connection, ids),
        policy=policy,
    )
    answers = {lead.dievio_lead_id: page.match(lead) for lead in leads}
    undecided = [lead for lead in leads if needs_near_names(lead, answers[lead.dievio_lead_id].result)]
    cut = 0
    for lead, blocks in _read_name_blocks(connection, undecided, policy=policy):
        near = find_near_names(lead, blocks, policy=policy)
        answer = page.match(lead, near=near) if near else answers[lead.dievio_lead_id]
        if any(block.is_cut for block in blocks):
            answer, cut = remark_cut(answer, policy), cut + 1
        answers[lead.dievio_lead_id] = answer
    return list(answers.values()), cut


def _read_name_blocks(
    connection: psycopg.Connection[Any], leads: Sequence[LeadToMatch], *, policy: MatchingPolicy
) -> Iterator[tuple[LeadToMatch, list[NameBlock]]]:
    """Give each lead with the people at its domain and at its company."""
    for start in range(0, len(leads), NEAR_NAME_LEADS):
        part = leads[start : start + NEAR_NAME_LEADS]
        by_kind = [_read_blocks_of_kind(connection, kind, leads=part, policy=policy) for kind in BlockKind]
        for lead in part:
            yield lead, [blocks[lead.dievio_lead_id] for blocks in by_kind if lead.dievio_lead_id in blocks]


def _read_blocks_of_kind(
    connection: psycopg.Connection[Any], kind: BlockKind, *, leads: Sequence[LeadToMatch], policy: MatchingPolicy
) -> dict[str, NameBlock]:
    """Return lead id -> its block; where one exceeds the cap, only the people with the lead's initial."""
    cap = policy.max_block_records
    keyed = {
        lead.dievio_lead_id: (key, family_name[0])
        for lead in leads
        if (key := getattr(lead.keys, kind)) and (family_name := lead.keys.ln)
    }
    whole = matches.read_blocks(connection, kind, block_keys={key for key, _ in keyed.values()}, max_records=cap + 1)
    oversized = {key for key, records in whole.items() if len(records) > cap}
    parts = matches.read_initial_blocks(
        connection, kind, pairs={pair for pair in keyed.values() if pair[0] in oversized}, max_records=cap
    )
    return {
        lead_id: NameBlock(records=parts.get(pair, []), is_cut=True)
        if pair[0] in oversized
        else NameBlock(records=whole.get(pair[0], []))
        for lead_id, pair in keyed.items()
    }


def _summarize(counts: Sequence[Mapping[str, Any]], *, leads: int, cut_blocks: int) -> MatchSummary:
    by_grade, by_rule, by_reason = Counter[str](), Counter[str](), Counter[str]()
    for row in counts:
        by_grade[row["grade"]] += row["leads"]
        by_reason[row["reason_code"]] += row["leads"]
        if row["rule"] is not None:
            by_rule[row["rule"]] += row["leads"]
    return MatchSummary(
        leads=leads,
        certain=by_grade[MatchGrade.CERTAIN],
        possible=by_grade[MatchGrade.POSSIBLE],
        none=by_grade[MatchGrade.NONE],
        claimed_twice=by_reason[MatchReason.TARGET_CLAIMED_TWICE],
        cut_blocks=cut_blocks,
        by_rule=by_rule,
        by_reason=by_reason,
    )
