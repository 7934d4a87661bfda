"""An emulated lead platform: leads, agents and signed webhooks, as a counterpart for pushing changes back.

No vendor's API: Dievio documents no write access, so this is the neutral form that the product's port speaks. It has a
path prefix of its own, so that nobody takes it for Dievio's.
"""

from lead_pipeline.sandbox.lead_platform_api.app import DEFAULT_TOKEN, create_app
from lead_pipeline.sandbox.lead_platform_api.signatures import sign_event

__all__ = ["DEFAULT_TOKEN", "create_app", "sign_event"]
