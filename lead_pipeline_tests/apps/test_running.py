"""How far `run` lets a batch through, from the options of the command to what the graph is told."""

import pytest
from click.testing import CliRunner

from lead_pipeline.apps.cli.running import choose_step, run
from lead_pipeline.apps.nightly import build_run_config
from lead_pipeline.defs.assets.decisions import ScopeConfig
from lead_pipeline.domain.sampling import ScopeKind
from lead_pipeline.services.choose_leads import EVERYTHING, ScopeStep


def test_two_steps_at_once_are_refused() -> None:
    ended = CliRunner().invoke(run, ["--sample", "--limit", "5"])

    assert ended.exit_code == 2
    assert "--sample and --limit are two steps" in ended.output


@pytest.mark.parametrize(
    ("sample_leads", "further_leads", "step"),
    [
        (None, None, EVERYTHING),
        (200, None, ScopeStep(kind=ScopeKind.SAMPLE, size=200)),
        (None, 5, ScopeStep(kind=ScopeKind.LIMIT, size=5)),
    ],
)
def test_the_graph_is_told_the_step_that_the_command_line_names(
    sample_leads: int | None, further_leads: int | None, step: ScopeStep
) -> None:
    chosen = choose_step(sample_leads, further_leads)

    told = build_run_config(is_repull=False, step=chosen)["ops"]["core_leads__sync_plan"]["config"]

    assert ScopeConfig(**told).step() == chosen == step
