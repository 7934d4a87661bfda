"""The one type that all troubles of starting and stopping sandbox servers share, so that a caller can show them.

What an emulated system answers to a wrong request is no trouble of the sandbox and lives with that system.
"""

from __future__ import annotations


class SandboxError(Exception):
    """A sandbox server cannot be started, stopped or found; the message is one line with the repair."""
