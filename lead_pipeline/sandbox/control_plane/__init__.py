"""What every emulated system shares: a clock that can be set, a ledger of requests, scripted faults and their routes.

How one system answers belongs to that system's package (`dievio_api`, `salesforce_org`, `lead_platform_api`).
"""

from lead_pipeline.sandbox.control_plane.clock import SandboxClock
from lead_pipeline.sandbox.control_plane.faults import FaultBook, FaultKind, FaultRule, FiredFault, InvalidFaultError
from lead_pipeline.sandbox.control_plane.ledger import RequestLedger
from lead_pipeline.sandbox.control_plane.middleware import ControlPlaneMiddleware
from lead_pipeline.sandbox.control_plane.plane import ControlPlane, fired_faults, route_namer
from lead_pipeline.sandbox.control_plane.routes import control_routes

__all__ = [
    "ControlPlane",
    "ControlPlaneMiddleware",
    "FaultBook",
    "FaultKind",
    "FaultRule",
    "FiredFault",
    "InvalidFaultError",
    "RequestLedger",
    "SandboxClock",
    "control_routes",
    "fired_faults",
    "route_namer",
]
