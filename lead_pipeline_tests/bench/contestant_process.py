"""Runs one contestant in a process of its own and measures that process alone.

A process each, so that no contestant finds the imports, connections or caches of another. What a contestant does is in
`contestants`; what the org counted meanwhile is asked by `comparison`.
"""

from __future__ import annotations

import cProfile
import importlib
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from lead_pipeline_tests.bench.contestants import Contestant, ContestantModule, ContestantTask, RowCounts

PROJECT_ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 900  # ten times what the slowest contestant takes on a free machine
ERROR_TAIL_CHARACTERS = 2_000

_MODULES = {
    Contestant.PIPELINE: "nightly_job",
    Contestant.NAIVE_LOOP: "naive_loop",
    Contestant.BLIND_UPSERT: "blind_upsert",
}


class ContestantFailedError(RuntimeError):
    """The process of a contestant ended without an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessAnswer:
    """What one process measured of itself.

    Attributes:
        startup_cpu_seconds: From the start of the process until the first row could be asked for.
        cpu_seconds: For the run itself, all threads of the process.
        wall_seconds: For the run itself.
        counts: How the run says it ended.
    """

    startup_cpu_seconds: float
    cpu_seconds: float
    wall_seconds: float
    counts: RowCounts


def run_in_process(contestant: Contestant, task: ContestantTask, *, profile: Path | None = None) -> ProcessAnswer:
    """Run a contestant once and return its measurements.

    Args:
        contestant: Who runs.
        task: What it has to do and where.
        profile: File for the statistics of cProfile; profiling makes the run itself slower.

    Raises:
        ContestantFailedError: The process crashed or took too long.
    """
    answer_file = Path(task.home) / "answer.json"
    answer_file.unlink(missing_ok=True)
    arguments = [contestant.value, json.dumps(asdict(task)), str(answer_file), *([str(profile)] if profile else [])]
    try:
        ended = subprocess.run(
            [sys.executable, "-m", __name__, *arguments],
            cwd=PROJECT_ROOT,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ContestantFailedError(f"{contestant} took longer than {TIMEOUT_SECONDS} seconds") from None
    if ended.returncode or not answer_file.exists():
        tail = ended.stderr[-ERROR_TAIL_CHARACTERS:]
        raise ContestantFailedError(f"{contestant} ended with exit code {ended.returncode}:\n{tail}")
    document = json.loads(answer_file.read_text())
    return ProcessAnswer(**{**document, "counts": RowCounts(**document["counts"])})


def measure(contestant: Contestant, task: ContestantTask, *, profile: Path | None) -> ProcessAnswer:
    """Prepare and run a contestant in the present process."""
    module = importlib.import_module(f"lead_pipeline_tests.bench.contestants.{_MODULES[contestant]}")
    work = cast("ContestantModule", module).prepare(task)
    profiler = cProfile.Profile() if profile else None
    startup_cpu = time.process_time()
    started = time.perf_counter()
    if profiler:
        profiler.runcall(work.run)
    else:
        work.run()
    wall = time.perf_counter() - started
    cpu = time.process_time() - startup_cpu
    if profiler and profile:
        profiler.dump_stats(profile)
    return ProcessAnswer(startup_cpu_seconds=startup_cpu, cpu_seconds=cpu, wall_seconds=wall, counts=work.count())


def main(arguments: list[str]) -> None:
    """Run as the child: contestant, task, answer file and perhaps a profile file."""
    name, task, answer_file, *profiles = arguments
    profile = Path(profiles[0]) if profiles else None
    answer = measure(Contestant(name), ContestantTask(**json.loads(task)), profile=profile)
    Path(answer_file).write_text(json.dumps(asdict(answer)))


if __name__ == "__main__":
    main(sys.argv[1:])
