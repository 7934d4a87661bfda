"""Use cases: load, ask the domain, act, record. Nightly run, command line and later entrances all call these."""
