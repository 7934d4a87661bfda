"""One run of everything that tries the write path, for `make reliability`; the last line is JSON.

    python -m lead_pipeline_tests.reliability_figures --seeds 2000 --kills 40 --postgres-restarts 2

Seeded simulation with its breakages first, then kills of real processes and of Postgres. Before the last line stands
the table of docs/reliability.md. The exit code is not 0 when a promise was broken, a breakage was not seen, a fault
came too seldom for the run to count, or fewer stories or deaths came about than were asked for.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

KEYS = ("seeds", "faults", "crashes", "kills", "postgres_restarts", "violations", "sabotages_caught", "sabotages")

Summary = Mapping[str, Any]  # the last line of a part; `table` holds its rows for people


@click.command()
@click.option("--seeds", default=2_000, show_default=True, help="Stories of the simulation.")
@click.option("--kills", default=40, show_default=True, help="Nights that are killed; 0 leaves them out.")
@click.option("--postgres-restarts", default=2, show_default=True, help="Deaths of Postgres under a night.")
@click.option("--workers", default=2, show_default=True, help="Processes that play stories side by side.")
def main(seeds: int, kills: int, postgres_restarts: int, workers: int) -> None:
    """Try the write path and say what was seen."""
    options = ["--seeds", str(seeds), "--workers", str(workers), "--baselines"]
    simulated, code = run_part(["lead_pipeline_tests.simulation", *options])
    killed: Summary = {}
    kill_code = 0
    if kills or postgres_restarts:
        options = ["--kills", str(kills), "--postgres-restarts", str(postgres_restarts)]
        killed, kill_code = run_part(["lead_pipeline_tests.reliability", *options])
    for line in draw_table(simulated, killed):
        click.echo(line)
    figures = join(simulated, killed)
    shortfalls = list(find_shortfalls(figures, seeds=seeds, kills=kills, postgres_restarts=postgres_restarts))
    for line in shortfalls:
        click.echo(f"NOT ENOUGH: {line}")
    click.echo(json.dumps(figures))
    sys.exit(max(abs(code), abs(kill_code), len(shortfalls) and 1))


def join(simulated: Summary, killed: Summary) -> dict[str, int]:
    """Add up what the two parts saw."""
    return {key: int(simulated.get(key, 0) + killed.get(key, 0)) for key in KEYS}


def draw_table(*parts: Summary) -> Iterator[str]:
    """Return the lines of the table in docs/reliability.md."""
    yield "\n| Figure | Value |\n|---|---|"
    for part in parts:
        for name, text in part.get("table", ()):
            yield f"| {name} | {text} |"
    yield ""


def find_shortfalls(figures: Mapping[str, int], **asked: int) -> Iterator[str]:
    """Return in words what is missing from a run in which all is well."""
    for key, count in asked.items():
        if figures[key] < count:
            yield f"{figures[key]:,} {key.replace('_', ' ')} of {count:,} that were asked for"
    if figures["sabotages_caught"] < figures["sabotages"] or not figures["sabotages"]:
        yield f"{figures['sabotages_caught']} of {figures['sabotages']} breakages were seen"
    if figures["violations"]:
        yield f"{figures['violations']:,} times a promise was broken"


def run_part(command: Sequence[str]) -> tuple[Summary, int]:
    """Run a module, pass on what it says except its last line, and return the summary that it is and the exit code."""
    waiting = ""
    with subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.PIPE, text=True) as process:  # our own
        for line in process.stdout or ():
            click.echo(waiting, nl=False)
            waiting = line
        code = process.wait()
    try:
        summary: Summary = json.loads(waiting)
    except ValueError:
        click.echo(waiting, nl=False)
        return {}, code or 1
    return summary, code


if __name__ == "__main__":
    main()
