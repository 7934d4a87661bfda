"""What RevOps sees after a night: Dagit on the state that the command line left, asked by GraphQL and by a browser."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from lead_pipeline.sandbox.embedded_postgres import child_server, ensure_database
from lead_pipeline.services.gates import GATES
from lead_pipeline_tests.end_to_end.browser import open_page
from lead_pipeline_tests.end_to_end.dagit import Dagit, open_web_server
from lead_pipeline_tests.end_to_end.nights import YESTERDAY
from lead_pipeline_tests.end_to_end.small_worlds import open_small_world

LEADS = 12
GRAPH_PAGE = "/asset-groups?expanded="  # groups that are not named there hide their assets
CHECK = "sync_salesforce__readback__record_count"
CHECK_PAGE = f"/assets/sync_salesforce__readback?view=checks&checkDetail={CHECK}"
NODE = "foreignObject"  # what the graph draws an asset in
FIRST_LETTERS, LAST_LETTERS = 3, 5  # left of a name that the graph shortens in its middle


@pytest.fixture(scope="module")
def dagit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dagit]:
    """One night was run; Dagit looks at it."""
    root = tmp_path_factory.mktemp("dagit")
    with child_server() as server:
        ensure_database(server, "leads")
        with open_small_world(root, server.dsn("leads"), leads=LEADS) as world:
            ran = world.run("run", "--date", YESTERDAY)
            assert ran.returncode == 0, ran.stderr
            with open_web_server(world.environment, root / "web_server.log") as opened:
                yield opened


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with open_page() as opened:
        yield opened


def test_dagit_shows_every_gate_and_whether_it_blocks(dagit: Dagit) -> None:
    checks = [check for node in dagit.assets().values() for check in node["assetChecksOrError"]["checks"]]

    shown = {check["name"]: check["blocking"] for check in checks}

    assert {name: gate.is_blocking for name, gate in GATES.items()}.items() <= shown.items()


def test_a_launched_backfill_waits_for_the_daemon(dagit: Dagit) -> None:
    backfill_id = dagit.launch_backfill([YESTERDAY])

    assert dagit.backfill(backfill_id).status == "REQUESTED"


@pytest.mark.browser
def test_the_asset_graph_opens_in_a_browser_with_every_asset(dagit: Dagit, page: Page) -> None:
    assets = dagit.assets()
    groups = sorted({node["groupName"] for node in assets.values()})

    page.goto(dagit.url + GRAPH_PAGE + ",".join(f"global@global:{group}" for group in groups))

    for name in assets:
        shortened = re.compile(f"^{name[:FIRST_LETTERS]}.*{name[-LAST_LETTERS:]}$")
        expect(page.locator(NODE).get_by_text(shortened)).to_be_visible()


@pytest.mark.browser
def test_a_check_page_says_in_words_what_the_gate_found(dagit: Dagit, page: Page) -> None:
    page.goto(dagit.url + CHECK_PAGE)

    for text in (GATES[CHECK].title, "This is a blocking asset check.", f"All {LEADS} leads passed.", YESTERDAY):
        expect(page.get_by_text(text)).to_be_visible()
