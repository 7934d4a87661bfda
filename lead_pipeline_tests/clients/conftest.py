"""The sandbox org as foreign clients meet it, and the npm packages they come in."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lead_pipeline.sandbox.salesforce_org import Org, create_app
from lead_pipeline.sandbox.serving import LOOPBACK, ServerThread

HERE = Path(__file__).parent
INSTALL_TIMEOUT_SECONDS = 900
BIG_TABLE_ROWS = 4_500
PLAIN_NAME = {"name": "Name", "type": "string", "length": 80}
OWNER = {"name": "OwnerId", "type": "reference", "reference_to": ["User"], "relationship": "Owner"}
EXTERNAL_ID = {"name": "ExtId__c", "type": "string", "length": 20, "external_id": True}


@dataclass(frozen=True)
class Target:
    """Where the org listens, and a token of its admin."""

    base_url: str
    token: str


def seeded_org(org: Org) -> str:
    """Add the tables that client test suites use and return a token."""
    org.change_schema("UpsertTable__c", {"prefix": "a00", "fields": [PLAIN_NAME, EXTERNAL_ID]})
    org.change_schema("BigTable__c", {"prefix": "a01", "fields": [PLAIN_NAME, OWNER]})
    org.load("BigTable__c", [{"Name": f"row {place:05}"} for place in range(BIG_TABLE_ROWS)])
    admin = org.find_user("admin")
    assert admin is not None
    return org.sessions.issue(admin.user_id, org_id=org.id, now=org.clock.now(), lifetime_seconds=None)


@pytest.fixture
def target() -> Iterator[Target]:
    app = create_app()
    token = seeded_org(app.state.org)
    with ServerThread(app) as server:
        yield Target(server.base_url, token)


@pytest.fixture
def tls_target(certificate: Path) -> Iterator[Target]:
    app = create_app()
    token = seeded_org(app.state.org)
    with ServerThread(app, tls_certificate=str(certificate)) as server:
        yield Target(server.base_url, token)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PEM file with a key and a certificate for the loopback address."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, LOOPBACK)])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(LOOPBACK))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "loopback.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + built.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The installed clients."""
    return install_packages(HERE)


def install_packages(source: Path) -> Path:
    """Return the folder of the npm packages that a lock file names, kept between runs while it stays the same.

    The lock names every package with its checksum and no registry: npm takes them from the one it is set up for. After
    a change of package.json, `npm install --package-lock-only --omit-lockfile-registry-resolved` writes it anew.

    Args:
        source: Folder of package.json and lock file.
    """
    texts = {name: (source / name).read_bytes() for name in ("package.json", "package-lock.json")}
    fingerprint = hashlib.sha256(b"".join(texts.values())).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"sandbox-clients-{fingerprint}"
    modules, is_complete = folder / "node_modules", folder / "complete"
    if not is_complete.exists():
        npm = shutil.which("npm")
        if npm is None or shutil.which("node") is None:
            pytest.skip("the JavaScript clients come from npm: install Node.js with npm to run them")
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_bytes(text)
        command = [npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        try:
            subprocess.run(command, cwd=folder, check=True, timeout=INSTALL_TIMEOUT_SECONDS)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as failure:
            pytest.skip(f"npm could not install the JavaScript clients here: {failure}")
        is_complete.touch()
    return modules


@dataclass(frozen=True)
class SfCli:
    """The sf command line, logged in."""

    environment: dict[str, str]

    def run(self, *arguments: str) -> dict[str, Any]:
        """Run a command with --json and return its result."""
        done = subprocess.run(
            ["sf", *arguments, "--json"], env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )
        answer: dict[str, Any] = json.loads(done.stdout)
        assert answer["status"] == 0, answer
        return answer


@pytest.fixture
def sf_cli(node_modules: Path, target: Target, tmp_path: Path) -> SfCli:
    """The sf command line with a home of its own, logged in by access token."""
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "PATH": f"{node_modules / '.bin'}{os.pathsep}{os.environ['PATH']}",
        "SF_ACCESS_TOKEN": target.token,
        "SF_AUTOUPDATE_DISABLE": "true",
        "SF_DISABLE_LOG_FILE": "true",
        "SF_DISABLE_TELEMETRY": "true",
        "SF_USE_GENERIC_UNIX_KEYCHAIN": "true",
    }
    cli = SfCli(environment)
    cli.run("org", "login", "access-token", "--instance-url", target.base_url, "--no-prompt", "--set-default")
    return cli
