"""The rules of the product: pure functions over frozen values; no network, database, clock, randomness or Dagster."""
