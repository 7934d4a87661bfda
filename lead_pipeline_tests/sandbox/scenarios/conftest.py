import pytest

from lead_pipeline.sandbox.scenarios.demo import build_demo_scenario
from lead_pipeline.sandbox.scenarios.scenario import DemoScenario


@pytest.fixture(scope="session")
def demo() -> DemoScenario:
    return build_demo_scenario()
