"""What is rolled out in a simulated run: plans that the real planner made, once for all runs."""

import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import anyio
import pytest

from deployer.api import library
from deployer.domain.plan import Plan
from deployer.domain.tenants import Tenant
from deployer.engine.load import Loaded
from deployer.engine.plans import SavedPlan
from deployer.engine.tenants import Tenants
from deployer.simulator import Customer, stable_id
from tests.engine.stage import EU, US, Stage, staged

SIZES = (1, 2, 3)  # tenants of each account
API = "http://127.0.0.1:1"
SECRET = "hidden-4711"  # begins every secret, and is in nothing that is kept or told
_KEY = "SECRETS_KEY"
_OWN = "SECRET_OF_"  # begins the variable that holds a tenant's, and the integration's id ends it


@dataclass(frozen=True, slots=True)
class Scenario:
    """A kind of rollout: its plan, who is to have which flow at the end, and what it was planned from."""

    name: str
    plan: Plan
    tenants: Mapping[str, Customer]
    runs: bool
    listed: tuple[Tenant, ...]
    manifest: Loaded

    @property
    def loaded(self) -> Loaded:
        """Return the manifest with a list of tenants that no other process reads, as it is a file."""
        tenants = Tenants()
        for tenant in self.listed:
            tenants.add(tenant)
        return replace(self.manifest, tenants=tenants)

    @property
    def environment(self) -> dict[str, str]:
        """Return where the secrets are."""
        return _environment(self.tenants.values())

    @property
    def canaries(self) -> Mapping[str, Collection[str]]:
        """Return what is each tenant's alone."""
        kinds = (("integrations", ""), ("connections", "GitHub"), ("connections", "Slack"))
        return {
            tenant: (secret(who), who.name, *(who.id(kind, name) if name else who.id(kind) for kind, name in kinds))
            for tenant, who in self.tenants.items()
        }

    @property
    def saved(self) -> SavedPlan:
        """Return the plan as it is when it was saved: a rollout begins with that."""
        return SavedPlan(self.plan, "0" * 64, Path())


def secret(who: Customer) -> str:
    """Return what is in the settings of a tenant's flow, and nowhere else."""
    return f"{SECRET} of {who.id('integrations')}"


def _environment(tenants: Iterable[Customer]) -> dict[str, str]:
    return {_KEY: "0123456789abcdef" * 4, **{f"{_OWN}{who.id('integrations')}": secret(who) for who in tenants}}


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
        stage.manifest["secrets"] = {"key": f"env:{_KEY}", "values": {"own": f"env:{_OWN}${{tenant.integration}}"}}
        KINDS[name](stage)
        stage.manifest["flow"]["settings"]["auth"] = "${secret.own}"
        stage.write()
        loaded = library.load(stage.directory / "rollout.yaml")
        with patch.dict(os.environ, _environment(stage.tenants.values())):
            saved = anyio.run(library.plan, loaded)
        accounts = {name: replace(account, base_url=API) for name, account in saved.plan.accounts.items()}
        plan = replace(saved.plan, tenants=tuple(saved.plan.tenants), accounts=accounts)
        assert {planned.action.value for planned in plan.tenants} == {"create"}, plan
        listed = tuple(replace(tenant, where=Path(tenant.where).name) for tenant in loaded.tenants)
        return Scenario(name, plan, dict(stage.tenants), name == "run", listed, replace(loaded, tenants=Tenants()))


@contextmanager
def _stage() -> Iterator[Stage]:
    monkeypatch = pytest.MonkeyPatch()
    with TemporaryDirectory() as directory, staged(Path(directory), monkeypatch) as stage:
        yield stage
    monkeypatch.undo()
