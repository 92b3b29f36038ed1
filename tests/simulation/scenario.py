"""What is rolled out in a simulated run: plans that the real planner made, once for all runs."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import pytest

from deployer.api import library
from deployer.domain.plan import Plan
from deployer.engine.plans import SavedPlan
from deployer.simulator import Customer, stable_id
from tests.engine.stage import EU, US, Stage, staged

SIZES = (1, 2, 3)  # tenants of each account
API = "http://127.0.0.1:1"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A kind of rollout: its plan, and who is to have which flow at the end."""

    name: str
    plan: Plan
    tenants: Mapping[str, Customer]
    runs: bool

    @property
    def canaries(self) -> Mapping[str, Collection[str]]:
        """Return what is each tenant's alone."""
        kinds = (("integrations", ""), ("connections", "GitHub"), ("connections", "Slack"))
        return {
            tenant: (who.name, *(who.id(kind, name) if name else who.id(kind) for kind, name in kinds))
            for tenant, who in self.tenants.items()
        }

    @property
    def saved(self) -> SavedPlan:
        """Return the plan as it is when it was saved: a rollout begins with that."""
        return SavedPlan(self.plan, "0" * 64, Path())


def _scheduled(_: Stage) -> None:
    """Clone and configure, and let the platform start the flow."""


def _run(stage: Stage) -> None:
    """Clone, configure, run and follow."""
    stage.run_flows(timeout="1h")


def _created(stage: Stage) -> None:
    """Create from a file."""
    for entry in stage.manifest["accounts"].values():
        entry.pop("connections")
        entry.pop("template", None)
    stage.manifest["template"] = {"file": "flow.json", "id": "events"}
    document: dict[str, Any] = {
        "name": "Events",
        "_exportId": "${tenant.values.export}",
        "_importId": "${tenant.values.import}",
        "wizardState": "done",
    }
    stage.columns = {
        name: {
            "export": stable_id(who.account, "exports", "GitHub events"),
            "import": stable_id(who.account, "imports", "Slack message"),
        }
        for name, who in stage.tenants.items()
    }
    stage.directory.mkdir(exist_ok=True)
    (stage.directory / "flow.json").write_text(json.dumps(document), "utf-8")


def _waves(stage: Stage) -> None:
    """Clone and configure a few at a time."""
    stage.manifest["waves"] = {"sizes": [1, "100%"]}


KINDS: Mapping[str, Callable[[Stage], None]] = {
    "run": _run,
    "scheduled": _scheduled,
    "created": _created,
    "waves": _waves,
}


@cache
def scenario(name: str, size: int) -> Scenario:
    """Plan a kind of rollout to so many tenants of each account."""
    with _stage() as stage:
        stage.add_account()
        del stage.manifest["safety"]
        stage.tenants = {f"{account}-{n}": Customer(account, n) for account in (US, EU) for n in range(size)}
        KINDS[name](stage)
        stage.write()
        saved = anyio.run(library.plan, library.load(stage.directory / "rollout.yaml"))
        accounts = {name: replace(account, base_url=API) for name, account in saved.plan.accounts.items()}
        plan = replace(saved.plan, tenants=tuple(saved.plan.tenants), accounts=accounts)
        assert {planned.action.value for planned in plan.tenants} == {"create"}, plan
        return Scenario(name, plan, dict(stage.tenants), name == "run")


@contextmanager
def _stage() -> Iterator[Stage]:
    patch = pytest.MonkeyPatch()
    with TemporaryDirectory() as directory, staged(Path(directory), patch) as stage:
        yield stage
    patch.undo()
