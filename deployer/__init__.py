"""Deploy one integrator.io flow to many tenants: planned, resumable, and never twice.

import deployer

loaded = deployer.load("rollout.yaml")
plan = await deployer.plan(loaded)
async with deployer.apply(loaded, plan=plan.digest) as events:
    async for event in events:
        print(event.at, event.name, event.fields)
print((await deployer.status(loaded)).counts)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from deployer.version import __version__

if TYPE_CHECKING:
    from deployer.api.library import (
        Event,
        Loaded,
        Office,
        Rolling,
        SavedPlan,
        Scope,
        Standing,
        apply,
        load,
        plan,
        scope_of,
        status,
    )

__all__ = [
    "Event",
    "Loaded",
    "Office",
    "Rolling",
    "SavedPlan",
    "Scope",
    "Standing",
    "__version__",
    "apply",
    "load",
    "plan",
    "scope_of",
    "status",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever has the name
    """Import what is asked for, and not before: the command line's help needs none of it."""
    if name in __all__:
        return getattr(import_module("deployer.api.library"), name)
    raise AttributeError(f"module 'deployer' has no attribute {name!r}")
