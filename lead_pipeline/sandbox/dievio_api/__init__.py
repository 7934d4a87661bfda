"""An emulated Dievio: both documented endpoints, with every undocumented choice behind a switch.

What the product makes of the answers is not known here. Lead status, roster and webhooks are no part of Dievio's API
and live in `lead_platform_api`.
"""

from lead_pipeline.sandbox.dievio_api.app import DEFAULT_API_KEY, create_app
from lead_pipeline.sandbox.dievio_api.people import Person
from lead_pipeline.sandbox.dievio_api.switches import Switches

__all__ = ["DEFAULT_API_KEY", "Person", "Switches", "create_app"]
