"""Postgres dies under a running night: its postmaster is killed and started again, or it has no space left to write.

The night itself lives on and has to end in order; what must hold afterwards is the same as after its own death.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from lead_pipeline_tests.reliability.crash_points import Moment
from lead_pipeline_tests.reliability.evidence import find_breaches
from lead_pipeline_tests.reliability.kills import (
    LONGEST_CALL_SECONDS,
    Disturbance,
    KillResult,
    KillRun,
    WritePath,
    disturb,
    edit_at_death,
    find_repeated_work,
    list_runs,
    settle,
    take_census,
)
from lead_pipeline_tests.reliability.laboratory import Experiment, Laboratory
from lead_pipeline_tests.reliability.worlds import build_small_world

FILLER_BYTES: Final = 1_800  # of each filler row: from 2,000 on Postgres would compress them to nothing
FILLER_ROWS: Final = 11_000  # 20 MB in all, for a segment of the write-ahead log (16 MB) has to fit below the limit

# Closed writes of another batch: they fill the table to the size at which the disk shall be full.
_FILL_INTENTS = """
INSERT INTO write_intent (op_id, batch_id, run_id, dievio_lead_id, person_key, purpose, kind, object_name, payload,
                          payload_sha256, before, mapping_version, attempt, state)
SELECT gen_random_uuid(), 'filler', 'filler', 'filler', 'filler', 'sync', 'insert', 'Lead', '{}',
       repeat('x', %s::integer), '{}', '1', 1, 'void'
FROM generate_series(1, %s::integer)
"""


def list_postgres_deaths(laboratory: Laboratory) -> list[KillRun]:
    """Return every moment of a night with lost answers."""
    disturbance = Disturbance.RESET_AFTER_COMMIT
    return list_runs(WritePath.CALLS, disturbance, take_census(laboratory, WritePath.CALLS, disturbance))


def play_postgres_death(laboratory: Laboratory, run: KillRun) -> KillResult:
    """Kill Postgres at a moment of a night, start it again, and let later nights put everything right."""
    assert laboratory.postgres.is_durable
    with laboratory.experiment(build_small_world(), limits=run.path.limits) as experiment:
        disturb(experiment, run.disturbance, late_seconds=run.late_seconds)
        ended = experiment.run(death=run.death, victim=laboratory.postgres.pid)
        was_killed = ended is not None and ended.passed.get(run.death.place, 0) >= run.death.nth
        died_at = time.monotonic()
        laboratory.postgres.restart()
        edit_at_death(experiment)
        experiment.end_faults()
        passes, waited, last = settle(experiment)
        recovery_seconds = time.monotonic() - died_at + waited
        experiment.advance(LONGEST_CALL_SECONDS)
        breaches = [] if ended is not None else ["the night did not end in order"]
        breaches += [f"not settled after {passes} passes: {last.error}"] if not last.is_complete else []
        charged = experiment.rows_charged()
        breaches += find_repeated_work(experiment)
        bought_again = experiment.rows_charged() - charged
        breaches += find_breaches(experiment)
    return KillResult(
        run=run,
        was_killed=was_killed,
        passes=passes,
        recovery_seconds=recovery_seconds,
        bought_again=bought_again,
        breaches=tuple(breaches),
    )


@contextmanager
def full_disk(experiment: Experiment) -> Iterator[None]:
    """Let the table of write intents grow no more: whoever extends its file meets the end of the disk."""
    experiment.ask(f"{_FILL_INTENTS} RETURNING 1", FILLER_BYTES, FILLER_ROWS)
    [size] = experiment.ask("SELECT pg_relation_size('write_intent') AS bytes")
    _restart_limited(experiment.laboratory, file_bytes=size["bytes"])
    try:
        yield
    finally:
        experiment.laboratory.postgres.restart()


def _restart_limited(laboratory: Laboratory, *, file_bytes: int) -> None:
    """Start Postgres again so that none of its files can grow beyond a size; it inherits the limit from us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, hard))
    try:
        laboratory.postgres.restart()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def count_intents(experiment: Experiment) -> int:
    """Return how many writes the batch has committed."""
    [row] = experiment.ask("SELECT count(*) AS n FROM write_intent WHERE batch_id <> 'filler'")
    return int(row["n"])


def moment_in_write(point: str, nth: int) -> KillRun:
    """Return a death in the midst of the writes."""
    return KillRun(WritePath.CALLS, Moment(f"write.{point}", nth), Disturbance.NONE)
