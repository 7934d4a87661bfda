import io
import json

from rich.console import Console

from lead_pipeline_tests.bench.contestants import Contestant
from lead_pipeline_tests.bench.measurements import Result, RunMeasurement
from lead_pipeline_tests.bench.org_speed import OrgSpeed
from lead_pipeline_tests.bench.tables import print_org_speed, print_results, print_routes, print_verdicts, to_json
from lead_pipeline_tests.bench.verdicts import judge_calls, judge_org_speed

SPEED = OrgSpeed(
    org_leads=100_000,
    load_rows_per_second=20_000.0,
    start_seconds=1.2,
    query_page_ms=60.0,
    slowest_query_page_ms=80.0,
    ingest_rows_per_second=5_000.0,
    creates_per_second=400.0,
)


def _result(contestant: Contestant, *, leads: int, calls: int, problem: str | None = None) -> Result:
    run = RunMeasurement(
        calls={"GET /query": calls},
        startup_cpu_seconds=1.0,
        cpu_seconds=leads / 1_000,
        database_cpu_seconds=None,
        wall_seconds=leads / 500,
        credits=leads,
        written=leads,
        refused=0,
        problem=problem,
    )
    return Result(contestant=contestant, leads=leads, first=run, missing=0)


RESULTS = [
    _result(Contestant.PIPELINE, leads=1_000, calls=20),
    _result(Contestant.PIPELINE, leads=10_000, calls=24),
    _result(Contestant.NAIVE_LOOP, leads=10_000, calls=20_001, problem="it stopped [here]"),
]


def test_every_figure_is_in_the_json_line() -> None:
    document = json.loads(json.dumps(to_json(RESULTS, SPEED, [judge_calls(RESULTS)])))

    assert [item["first"]["total_calls"] for item in document["results"]] == [20, 24, 20_001]
    assert document["results"][2]["ratios"]["calls"] == 20_001 / 24
    assert document["cpu_growth"]["pipeline"] == {"ratio": 1.0, "marginal_ms_per_lead": 1.0}
    assert [verdict["is_kept"] for verdict in document["verdicts"]] == [True]
    assert document["org_speed"]["creates_per_second"] == 400.0


def test_the_tables_show_calls_ratios_routes_and_problems() -> None:
    text = io.StringIO()
    console = Console(file=text, width=140)

    print_results(console, RESULTS)
    print_routes(console, RESULTS)
    print_org_speed(console, SPEED)
    print_verdicts(console, judge_org_speed(SPEED))

    for part in (
        "PASS: 400 measured",
        "NOT MEASURED: a page",
        "20,001",
        "833.38",
        "GET /query",
        "it stopped [here]",
        "5,000",
        "1.000 ms CPU",
    ):
        assert part in text.getvalue()
