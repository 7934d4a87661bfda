"""Who looks after which case, as the database knows it. What the rules say is `domain/ownership`."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from lead_pipeline.domain.ownership import OwnerRules
from lead_pipeline.store.queries import load_queries


def save_owner_rules(connection: psycopg.Connection[Any], rules: OwnerRules) -> None:
    """Keep the configured owners; cases that are open already stay with whom they have."""
    load_queries("owners").replace_owner_rules(connection, rules=Jsonb(rules.as_subjects()))
