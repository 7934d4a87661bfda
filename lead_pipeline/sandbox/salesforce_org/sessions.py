"""Access and refresh tokens, kept across restarts.

Belongs here: issuing, finding, revoking. The OAuth conversation itself: oauth.py.
"""

import secrets
from datetime import datetime, timedelta
from typing import Final

from lead_pipeline.sandbox.salesforce_org.store import Store
from lead_pipeline.sandbox.salesforce_org.values import format_moment

_RANDOM_BYTES: Final = 48


class Sessions:
    """The tokens of one org.

    Args:
        store: where they are kept.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, tuple[str, str | None]] = {}

    def issue(self, user_id: str, *, org_id: str, now: datetime, lifetime_seconds: int | None) -> str:
        """Make an access token of a user.

        Args:
            user_id: whom it acts for.
            org_id: shown at its head, as in real tokens.
            now: the moment from which it lives.
            lifetime_seconds: how long; None for ever.
        """
        token = f"{org_id[:15]}!AQ{secrets.token_urlsafe(_RANDOM_BYTES).replace('-', '.')}"
        expires_at = None if lifetime_seconds is None else format_moment(now + timedelta(seconds=lifetime_seconds))
        self._keep(token, "access", user_id=user_id, expires_at=expires_at)
        return token

    def issue_refresh(self, user_id: str) -> str:
        """Make a refresh token of a user."""
        token = f"5Aep{secrets.token_urlsafe(_RANDOM_BYTES)}"
        self._keep(token, "refresh", user_id=user_id, expires_at=None)
        return token

    def find(self, token: str, now_text: str) -> str | None:
        """The user id behind an access token that has not expired."""
        entry = self._known.get(token)
        if entry is None:
            row = self._store.one(
                "SELECT user_id, expires_at FROM sandbox_token WHERE token = ? AND kind = 'access'", [token]
            )
            if row is None:
                return None
            entry = self._known[token] = (str(row[0]), row[1])
        user_id, expires_at = entry
        return user_id if expires_at is None or now_text < expires_at else None

    def find_refresh(self, token: str) -> str | None:
        """The user id behind a refresh token."""
        row = self._store.one("SELECT user_id FROM sandbox_token WHERE token = ? AND kind = 'refresh'", [token])
        return None if row is None else str(row[0])

    def revoke(self, token: str) -> bool:
        """Forget a token; says whether it existed."""
        self._known.pop(token, None)
        return self._store.run("DELETE FROM sandbox_token WHERE token = ?", [token]) > 0

    def end_all_of(self, user_id: str) -> None:
        """Forget every token of a user, as when it is deactivated."""
        self._known.clear()
        self._store.run("DELETE FROM sandbox_token WHERE user_id = ?", [user_id])

    def forget_cached(self) -> None:
        """Read tokens from the store again (after a reset)."""
        self._known.clear()

    def _keep(self, token: str, kind: str, *, user_id: str, expires_at: str | None) -> None:
        self._store.run("INSERT INTO sandbox_token VALUES (?, ?, ?, ?)", [token, kind, user_id, expires_at])
