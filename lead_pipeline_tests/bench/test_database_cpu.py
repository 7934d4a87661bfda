import os
import subprocess
import sys

import pytest

from lead_pipeline_tests.bench.database_cpu import PROC, read_cpu_seconds

WORK = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"


@pytest.mark.skipif(not PROC.joinpath("self").exists(), reason="needs /proc")
def test_the_time_of_ended_children_counts() -> None:
    before = read_cpu_seconds(os.getpid())
    subprocess.run([sys.executable, "-c", WORK], check=True)
    after = read_cpu_seconds(os.getpid())

    assert before is not None
    assert after is not None
    assert after - before >= 0.25


def test_a_process_that_is_not_there_has_no_time() -> None:
    assert read_cpu_seconds(2**22 + 1) is None
