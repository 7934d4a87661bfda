"""The org under contract: the sandbox's own, or the one named by --base-url and --token."""

from collections.abc import Iterator

import httpx
import pytest

from lead_pipeline.sandbox.salesforce_org import create_app
from lead_pipeline.sandbox.serving import ServerThread

LEAD = "/services/data/v66.0/sobjects/Lead"


@pytest.fixture(scope="session")
def org(request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    """A client of the org under contract, logged in."""
    base_url, token = request.config.getoption("--base-url"), request.config.getoption("--token")
    if base_url is not None:
        with httpx.Client(base_url=base_url, headers={"Authorization": f"Bearer {token}"}, timeout=60) as foreign:
            _require_session(foreign)
            yield foreign
        return
    with ServerThread(create_app()) as server, httpx.Client(base_url=server.base_url) as client:
        issued = client.post("/_sandbox/tokens", json={"user": "admin"}).json()
        client.headers["Authorization"] = f"Bearer {issued['access_token']}"
        yield client


@pytest.fixture(scope="session")
def writable_org(org: httpx.Client, request: pytest.FixtureRequest) -> httpx.Client:
    """The same org, where records may be made."""
    config = request.config
    if config.getoption("--base-url") is not None and not config.getoption("--allow-writes"):
        pytest.skip("records are made in a foreign org only with --allow-writes")
    lead = org.get(f"{LEAD}/describe").json()
    if not (lead["createable"] and lead["deletable"]):
        pytest.skip("the token's user may not create leads and delete them again")
    return org


def _require_session(org: httpx.Client) -> None:
    """End the run when the org cannot be reached or refuses the token: every test would say so otherwise."""
    try:
        status = org.get(f"{LEAD}/describe").status_code
    except httpx.HTTPError as error:
        pytest.exit(f"--base-url {org.base_url} does not answer ({type(error).__name__})", returncode=4)
    if status == httpx.codes.UNAUTHORIZED:
        pytest.exit("the org refuses --token: give a valid access token of a user with API access", returncode=4)
