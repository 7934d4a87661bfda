"""What the commands that run a night refuse before anything is connected."""

from click.testing import CliRunner

from lead_pipeline.apps.cli.running import run


def test_two_steps_at_once_are_refused() -> None:
    ended = CliRunner().invoke(run, ["--sample", "--limit", "5"])

    assert ended.exit_code == 2
    assert "--sample and --limit are two steps" in ended.output
