"""One run of everything that tries the write path, for `make reliability`; the last line is JSON.

    python -m lead_pipeline_tests.reliability_figures --seeds 2000 --kills 40 --postgres-restarts 2

Seeded simulation with its breakages first, then kills of real processes and of Postgres. The exit code is not 0 when a
promise was broken, a breakage was not seen, a fault came too seldom for the run to count, or a kill missed its moment.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence

import click

KEYS = ("seeds", "faults", "crashes", "kills", "violations", "sabotages_caught", "sabotages")

Summary = Mapping[str, float]


@click.command()
@click.option("--seeds", default=2_000, show_default=True, help="Stories of the simulation.")
@click.option("--kills", default=40, show_default=True, help="Nights that are killed; 0 leaves them out.")
@click.option("--postgres-restarts", default=2, show_default=True, help="Deaths of Postgres under a night.")
def main(seeds: int, kills: int, postgres_restarts: int) -> None:
    """Try the write path and say what was seen."""
    simulated, code = run_part(["lead_pipeline_tests.simulation", "--seeds", str(seeds), "--baselines"])
    killed: Summary = {}
    kill_code = 0
    if kills or postgres_restarts:
        options = ["--kills", str(kills), "--postgres-restarts", str(postgres_restarts)]
        killed, kill_code = run_part(["lead_pipeline_tests.reliability", *options])
    click.echo(json.dumps(join(simulated, killed)))
    sys.exit(max(abs(code), abs(kill_code)))


def join(simulated: Summary, killed: Summary) -> dict[str, int]:
    """Add up what the two parts saw."""
    return {key: int(simulated.get(key, 0) + killed.get(key, 0)) for key in KEYS}


def run_part(command: Sequence[str]) -> tuple[Summary, int]:
    """Run a module, pass on what it says, and return the summary of its last line with its exit code."""
    process = subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.PIPE, text=True)  # our own modules
    last = ""
    for line in process.stdout or ():
        click.echo(line, nl=False)
        last = line.strip() or last
    code = process.wait()
    try:
        summary: Summary = json.loads(last)
    except ValueError:
        return {}, code or 1
    return summary, code


if __name__ == "__main__":
    main()
