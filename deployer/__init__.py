"""Deploy one integrator.io flow to many tenants: planned, resumable, and never twice."""

__version__ = "0.1.0"
