"""An emulated Salesforce org: a real HTTP server that Salesforce clients take for Salesforce.

Start it with `create_app` and the server of `lead_pipeline.sandbox.serving`; seed it with `Org.load`.
"""

from lead_pipeline.sandbox.salesforce_org.app import create_app
from lead_pipeline.sandbox.salesforce_org.ids import make_id
from lead_pipeline.sandbox.salesforce_org.oauth import ConnectedApp
from lead_pipeline.sandbox.salesforce_org.org import Caller, Org, SchemaChangeError

__all__ = ["Caller", "ConnectedApp", "Org", "SchemaChangeError", "create_app", "make_id"]
