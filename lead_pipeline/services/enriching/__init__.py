"""Asking enrichment providers, within a budget: the one path of nightly run, refresh, intake and single look-ups."""
