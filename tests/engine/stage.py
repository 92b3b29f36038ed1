"""A directory with a manifest and tenants, a simulator beside it, and the command line as a person types it."""

import csv
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal

from deployer.cli import main as run_command
from deployer.simulator import Customer, Knobs, Rule, Simulator, seed, serving, stable_id, token_of
from deployer.simulator.ledger import Arrival, Ledger
from deployer.simulator.templates import ORCHESTRATED, SIMPLE
from deployer.simulator.world import Document, iso

US, EU = "acme-us", "acme-eu"
SAFETY = {"settle": "300ms", "lag": "100ms", "intent": "500ms", "clone_timeout": "1s", "timeout": "1s"}
SYSTEMS = {"GitHub": "github", "Slack": "slack", "Usage API": "usage_api", "CRM": "crm"}
CUSTOMERS = 26
SOON = 10  # seconds after which something that should come is taken not to come


def template(account: str = US, name: str = SIMPLE) -> str:
    return stable_id(account, "flows", name)


def connections(account: str, *systems: str) -> dict[str, str]:
    """Map what a template uses to what each tenant has."""
    columns = {system: SYSTEMS[system] for system in systems}
    return {
        stable_id(account, "connections", f"Templates {system}"): f"${{tenant.values.{column}}}"
        for system, column in columns.items()
    }


def new_manifest(url: str) -> dict[str, Any]:
    return {
        "name": "order-sync",
        "template": {"flow": template()},
        "accounts": {US: {"url": url, "token": "env:US_TOKEN", "connections": connections(US, "GitHub", "Slack")}},
        "tenants": "tenants.csv",
        "flow": {
            "name": "Orders: ${tenant.values.name}",
            "timezone": "${tenant.values.timezone}",
            "schedule": "5 * * * *",
            "disabled": False,
            "settings": {"region": "${tenant.values.region}", "batchSize": 200},
        },
        "safety": dict(SAFETY),
    }


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that ended: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.out)

    @property
    def tenants(self) -> dict[str, Any]:
        return {tenant["tenant"]: tenant for tenant in self.document["tenants"]}


class WatchedLedger(Ledger):
    """A ledger that tells of each arrival."""

    def __init__(self) -> None:
        super().__init__()
        self.changed = Condition()

    def arrive(self, *, time: float, route: str, method: str, path: str, account: str | None) -> Arrival:
        with self.changed:
            arrival = super().arrive(time=time, route=route, method=method, path=path, account=account)
            self.changed.notify_all()
        return arrival


@dataclass
class Stage:
    """One user's directory. `manifest`, `tenants` and `columns` are written down before each command."""

    directory: Path
    simulator: Simulator
    ledger: WatchedLedger
    url: str
    manifest: dict[str, Any]
    environment: Mapping[str, str]
    tenants: dict[str, Customer] = field(
        default_factory=lambda: {name: Customer(US, n) for n, name in enumerate(("acme", "globex", "initech"))}
    )
    columns: dict[str, dict[str, str]] = field(default_factory=dict)

    def write(self) -> None:
        rows = [{**who.row(), "tenant": name, **self.columns.get(name, {})} for name, who in self.tenants.items()]
        text = io.StringIO()
        writer = csv.DictWriter(text, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)
        self.directory.mkdir(exist_ok=True)
        (self.directory / "tenants.csv").write_text(text.getvalue(), "utf-8")
        (self.directory / "rollout.yaml").write_text(json.dumps(self.manifest, indent=2), "utf-8")  # JSON is YAML

    def run(self, *words: str) -> Ended:
        """Type a command in the directory."""
        self.write()
        out, err = io.StringIO(), io.StringIO()
        before = Path.cwd()
        os.chdir(self.directory)
        try:
            with redirect_stdout(out), redirect_stderr(err):
                code = run_command(words)
        finally:
            os.chdir(before)
        return Ended(code, out.getvalue(), err.getvalue())

    def apply(self, *options: str) -> Ended:
        return self.run("apply", "--yes", "--json", *options)

    def plan(self, *options: str) -> dict[str, Any]:
        """Return the tenants of `plan --json`."""
        ended = self.run("plan", "--json", *options)
        assert ended.code in {0, 1, 3}, ended.err  # 1 and 3 are of blocked tenants
        return ended.tenants

    @contextmanager
    def started(self, *words: str) -> "Iterator[subprocess.Popen[str]]":
        """Start a command as a process of its own; one that is left running is killed."""
        self.write()
        command = [sys.executable, "-m", "deployer", *words]
        environment = {**os.environ, **self.environment}
        with subprocess.Popen(
            command,
            cwd=self.directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def await_requests(self, route: str, count: int = 1) -> None:
        """Return once so many requests of a route have arrived."""
        with self.ledger.changed:
            assert self.ledger.changed.wait_for(lambda: self.sent(route) >= count, timeout=SOON), f"no {route} came"

    def befall(self, *rules: Rule) -> None:
        self.simulator.faults.install(rules)

    def mend(self) -> None:
        self.simulator.faults.clear()

    def forget_requests(self) -> None:
        self.ledger.arrivals.clear()

    def sent(self, route: str) -> int:
        return sum(arrival.route == route for arrival in self.ledger.arrivals)

    @property
    def writes(self) -> list[str]:
        """Return the routes of every request that was no read."""
        return [arrival.route for arrival in self.ledger.arrivals if arrival.method != "GET"]

    def effects(self, kind: str, name: str | None = None) -> list[Document]:
        """Return what was done to a tenant's flows, or to anybody's."""
        ids = {flow["_id"] for flow in self.flows(name)} if name else set()
        return [
            effect
            for effect in self.simulator.world.effects
            if effect["kind"] == kind and (name is None or effect.get("id") in ids)
        ]

    def integration(self, name: str = "acme") -> str:
        return self.tenants[name].id("integrations")

    def flows(self, name: str = "acme") -> list[Document]:
        who = self.tenants[name]
        return self.simulator.world.accounts[who.account].flows(who.id("integrations"))

    def flow(self, name: str = "acme") -> Document:
        """Return the one flow of a tenant; two, or none, fail the test."""
        [flow] = self.flows(name)
        return flow

    def edit(self, name: str = "acme", /, **fields: object) -> None:
        """Let somebody else change a tenant's flow."""
        account, flow = self.tenants[name].account, self.flow(name)
        edited = {**flow, **fields, "lastModified": iso(time.time() + 1)}
        self.simulator.world.accounts[account].keep("flows", edited)
        self.note_edit(account, "flows", flow["_id"])

    def note_edit(self, account: str, kind: str, id_: str) -> None:
        """Let the audit log tell that somebody else changed something."""
        world = self.simulator.world
        world.note("edit", n=0, account=world.accounts[account], now=time.time() + 1, resource=kind, id=id_)

    def keep(self, name: str, flow: Document) -> None:
        """Let somebody else make a flow for a tenant."""
        account = self.simulator.world.accounts[self.tenants[name].account]
        account.keep("flows", {**flow, "_integrationId": self.integration(name)})

    def drop(self, name: str = "acme") -> None:
        """Let somebody else delete a tenant's flow."""
        self.simulator.world.accounts[self.tenants[name].account].drop("flows", self.flow(name)["_id"])

    def status(self) -> dict[str, Any]:
        return self.run("status", "--json").tenants

    def add_account(self, account: str = EU) -> None:
        """Let the manifest have a second account; its tenants have to be added."""
        entry = {
            "url": self.url,
            "token": "env:EU_TOKEN",
            "template": template(account),
            "connections": connections(account, "GitHub", "Slack"),
        }
        self.manifest["accounts"][account] = entry

    def one_at_a_time(self, tenants: int) -> None:
        """Let so many tenants be rolled out, each when the one before is done with its call."""
        self.tenants = {f"tenant-{number}": Customer(US, number) for number in range(tenants)}
        self.manifest["accounts"][US]["rate"] = {"in_flight": 1}

    def refuse(self, name: str, *, route: str = "flows.put", status: int = 422, code: str = "invalid_field") -> None:
        """Let every call of a route that concerns a tenant be refused."""
        self.befall(Rule(action="refuse", route=route, id=self.integration(name), status=status, code=code))

    def run_flows(self, **settings: object) -> None:
        """Let the manifest run each flow and follow it; nothing else starts them."""
        del self.manifest["flow"]["schedule"]
        self.manifest["run"] = {"trigger": True, "follow": True, "timeout": "20s", **settings}

    def use_orchestrated(self) -> None:
        """Let the manifest roll out the flow with two page generators."""
        self.manifest["template"] = {"flow": template(name=ORCHESTRATED)}
        self.manifest["accounts"][US]["connections"] = connections(US, "Usage API", "CRM")


@contextmanager
def staged(directory: Path, patch: pytest.MonkeyPatch, knobs: Knobs | None = None) -> Iterator[Stage]:
    """Serve a simulator from a thread and give the user's environment to this process."""
    simulator = Simulator(seed([US, EU], CUSTOMERS), knobs or Knobs(job_duration=0.0))
    simulator.ledger = ledger = WatchedLedger()
    environment = {
        "US_TOKEN": token_of(US),
        "EU_TOKEN": token_of(EU),
        "XDG_STATE_HOME": str(directory / "state"),
        "COLUMNS": "200",
    }
    for name, value in environment.items():
        patch.setenv(name, value)
    patch.delenv("CI", raising=False)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(serving(simulator)) as url:
        yield Stage(directory / "work", simulator, ledger, url, new_manifest(url), environment)
