"""The time that an emulated system believes in. Waiting in real time is the business of whoever waits."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta


class SandboxClock:
    """A clock that shows real time until it is set; then it goes on ticking from there, or stands still when frozen."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offset = timedelta(0)
        self._frozen_at: datetime | None = None

    def now(self) -> datetime:
        """Return the present moment of the sandbox, aware, in UTC."""
        with self._lock:
            return self._now()

    def set(self, moment: datetime, *, frozen: bool = False) -> None:
        """Move the clock to `moment`.

        Args:
            moment: An aware datetime of any zone.
            frozen: Whether the clock stands still from now on.

        Raises:
            ValueError: `moment` carries no time zone.
        """
        if moment.tzinfo is None:
            raise ValueError("The sandbox clock takes moments with a time zone, for instance 2026-01-31T06:00:00Z")
        moment = moment.astimezone(UTC)
        with self._lock:
            self._offset = moment - datetime.now(UTC)
            self._frozen_at = moment if frozen else None

    def advance(self, step: timedelta) -> None:
        """Move the clock on by `step`; a frozen clock stays frozen."""
        with self._lock:
            self._offset += step
            if self._frozen_at is not None:
                self._frozen_at += step

    def reset(self) -> None:
        """Go back to real time."""
        with self._lock:
            self._offset = timedelta(0)
            self._frozen_at = None

    @property
    def is_frozen(self) -> bool:
        """Whether the clock stands still."""
        return self._frozen_at is not None

    def _now(self) -> datetime:
        return self._frozen_at if self._frozen_at is not None else datetime.now(UTC) + self._offset
