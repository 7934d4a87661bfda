"""An emulated provider of contact data beside Dievio: people matched in bulk, by profile or by name and employer.

No vendor's API: it has the conventions that Dievio does not have and others of the field do. Ten items a call with a
reference that is echoed, answers in no particular order, other key names, confidence from 0 to 100 under its own key,
one credit a match, and limit headers without `Retry-After`.
"""

from lead_pipeline.sandbox.contact_api.app import DEFAULT_API_KEY, create_app

__all__ = ["DEFAULT_API_KEY", "create_app"]
