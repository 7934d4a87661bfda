"""The command line of the benchmark: what to measure, in what order, and how to show it."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from lead_pipeline.sandbox.embedded_postgres import child_server
from lead_pipeline.sandbox.embedded_postgres.processes import read_pid_file
from lead_pipeline_tests.bench.comparison import Laboratory, measure_contestant
from lead_pipeline_tests.bench.contestant_process import ContestantFailedError
from lead_pipeline_tests.bench.contestants import Contestant
from lead_pipeline_tests.bench.database_cpu import read_cpu_seconds
from lead_pipeline_tests.bench.enrichment_growth import EnrichmentSpeed, in_turns, measure_enrichment
from lead_pipeline_tests.bench.measurements import Result
from lead_pipeline_tests.bench.org_speed import OrgSpeed, measure_org_speed
from lead_pipeline_tests.bench.sandbox import BenchSandbox
from lead_pipeline_tests.bench.tables import (
    enrichment_json,
    print_enrichment,
    print_org_speed,
    print_results,
    print_routes,
    print_verdicts,
    to_json,
)
from lead_pipeline_tests.bench.verdicts import judge_calls, judge_growth, judge_org_speed

DEFAULT_SIZES = (1_000, 10_000)
DEFAULT_ORG_LEADS = 100_000
DEFAULT_SECOND_RUN_LIMIT = 1_000  # the loop's second run takes as long as its first; what it shows is there at any size
PAGE_COLUMNS = 120  # where no terminal tells its width
MALFUNCTION = 1
TERMINATED = 128 + signal.SIGTERM


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return 0 unless something could not be measured."""
    options = _parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))  # so that servers are stopped on the way out
    console = Console(quiet=options.json_only, width=None if sys.stdout.isatty() else PAGE_COLUMNS)
    with tempfile.TemporaryDirectory(prefix="lead_pipeline_bench_") as directory:
        home = Path(directory)
        results, failures, enrichment = _compare(options, home=home, console=console)
        speed = _measure_speed(options, home=home, console=console)
    print_results(console, results)
    if options.verbose:
        print_routes(console, results)
    if enrichment:
        print_enrichment(console, enrichment)
    if speed is not None:
        print_org_speed(console, speed)
    verdicts = [judge_calls(results), judge_growth(enrichment), *judge_org_speed(speed)]
    print_verdicts(console, verdicts)
    for failure in failures:
        sys.stderr.write(f"error: {failure}\n")
    sys.stdout.write(json.dumps(to_json(results, speed, verdicts) | {"enrichment": enrichment_json(enrichment)}) + "\n")
    return MALFUNCTION if failures or any(result.problems for result in results) else 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m lead_pipeline_tests.bench",
        description="Calls and CPU per lead of the nightly job beside two common designs, on the sandbox.",
    )
    parser.add_argument("--sizes", type=_numbers, default=DEFAULT_SIZES, help="new leads, such as 1000,10000")
    parser.add_argument(
        "--enrichment-sizes", type=_numbers_or_none, default=DEFAULT_SIZES, help="leads to enrich; 0: skip"
    )
    parser.add_argument("--contestants", type=_contestants, default=tuple(Contestant), help="comma-separated names")
    parser.add_argument("--existing-leads", type=int, default=1_000, help="other people's leads in the org before")
    parser.add_argument(
        "--second-run-limit",
        type=int,
        default=DEFAULT_SECOND_RUN_LIMIT,
        help="largest size at which the same rows are delivered again",
    )
    parser.add_argument("--org-leads", type=int, default=DEFAULT_ORG_LEADS, help="org size for its speed; 0: skip")
    parser.add_argument("--profiles", type=Path, help="directory for cProfile statistics; slows the runs down")
    parser.add_argument("--verbose", action="store_true", help="show the org's requests by route")
    parser.add_argument("--json-only", action="store_true", help="print the JSON line alone")
    return parser.parse_args(arguments)


def _numbers(text: str) -> tuple[int, ...]:
    numbers = tuple(int(part) for part in text.split(","))
    if min(numbers) < 1:
        raise argparse.ArgumentTypeError("sizes are at least 1")
    return numbers


def _numbers_or_none(text: str) -> tuple[int, ...]:
    return () if text == "0" else _numbers(text)


def _contestants(text: str) -> tuple[Contestant, ...]:
    return tuple(Contestant(part) for part in text.split(","))


def _compare(
    options: argparse.Namespace, *, home: Path, console: Console
) -> tuple[list[Result], list[str], list[EnrichmentSpeed]]:
    """Measure enrichment, then every contestant at every size; one that crashes does not stop the others."""
    speeds: list[EnrichmentSpeed] = []
    results: list[Result] = []
    failures: list[str] = []
    with _open_laboratory(options, home) as laboratory:
        for leads in in_turns(options.enrichment_sizes) if options.enrichment_sizes else ():
            console.print(f"measuring enrichment at {leads:,} leads …", style="dim")
            speeds.append(
                measure_enrichment(
                    laboratory.sandbox,
                    laboratory.postgres,
                    leads=leads,
                    read_database_cpu=laboratory.read_database_cpu,
                )
            )
        for leads in options.sizes:
            for contestant in options.contestants:
                console.print(f"measuring {contestant} at {leads:,} leads …", style="dim")
                try:
                    results.append(measure_contestant(laboratory, contestant, leads=leads))
                except ContestantFailedError as error:
                    failures.append(str(error))
    return results, failures, speeds


@contextmanager
def _open_laboratory(options: argparse.Namespace, home: Path) -> Iterator[Laboratory]:
    """Start sandbox and Postgres, and stop them at the end."""
    if options.profiles:
        options.profiles.mkdir(parents=True, exist_ok=True)
    # The server gives its directory to its own user, so it cannot lie inside ours.
    with tempfile.TemporaryDirectory(prefix="lead_pipeline_bench_pg_") as database_directory:
        root = Path(database_directory)
        with child_server(root, durable=True) as postgres, BenchSandbox(home / "sandbox") as sandbox:
            postmaster = read_pid_file(root / "data")
            yield Laboratory(
                sandbox=sandbox,
                postgres=postgres,
                read_database_cpu=lambda: read_cpu_seconds(postmaster.pid) if postmaster else None,
                home=home,
                existing_leads=options.existing_leads,
                second_run_limit=options.second_run_limit,
                profiles=options.profiles,
            )


def _measure_speed(options: argparse.Namespace, *, home: Path, console: Console) -> OrgSpeed | None:
    if not options.org_leads:
        return None
    console.print(f"measuring the org itself with {options.org_leads:,} leads …", style="dim")
    return measure_org_speed(home / "org_speed", org_leads=options.org_leads)


if __name__ == "__main__":
    sys.exit(main())
