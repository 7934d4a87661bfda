"""CPU time of a Postgres server: what a client that leans on its database would otherwise hide."""

from __future__ import annotations

import os
from pathlib import Path

PROC = Path("/proc")
_PARENT, _USER, _SYSTEM, _CHILDREN_USER, _CHILDREN_SYSTEM = 1, 11, 12, 13, 14
"""Fields of /proc/<pid>/stat after the name in brackets (proc(5) counts from the process number, here is 3 less)."""


def read_cpu_seconds(postmaster: int) -> float | None:
    """Return user and system time of a server with all its sessions, ended ones included; None without /proc."""
    if not PROC.joinpath(str(postmaster)).exists():
        return None
    own = _read_stat(postmaster)
    sessions = [stat for pid in _process_ids() if (stat := _read_stat(pid)) and int(stat[_PARENT]) == postmaster]
    ticks = sum(int(own[place]) for place in (_USER, _SYSTEM, _CHILDREN_USER, _CHILDREN_SYSTEM))
    ticks += sum(int(stat[_USER]) + int(stat[_SYSTEM]) for stat in sessions)
    return ticks / os.sysconf("SC_CLK_TCK")


def _process_ids() -> list[int]:
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]


def _read_stat(pid: int) -> list[str]:
    """Return the fields behind the name, which may itself hold blanks and brackets; none for an ended process."""
    try:
        text = PROC.joinpath(str(pid), "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()
