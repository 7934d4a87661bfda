"""The command line: `lead-pipeline`. Each group of commands is a module, loaded when one of its commands is called.

Exit codes: 0 fine, 1 error, 2 changes present (`plan`), 3 gate failed, 4 configuration invalid, 5 partial (`--strict`).
"""

from lead_pipeline.apps.cli.main import main

__all__ = ["main"]
