"""What the workers are let loose on: many accounts, an API that knows which worker called, and what they are to do."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web

from deployer.simulator import Customer, Knobs, World, seed
from deployer.simulator.ledger import Arrival
from deployer.simulator.routes import Route
from deployer.simulator.world import Account
from tests.canaries.inspection import InspectedSimulator
from tests.canaries.marks import key, marked, owners, secret, token
from tests.canaries.search import SECRETS
from tests.engine.stage import connections, template

SAFETY = {"settle": "300ms", "lag": "100ms", "intent": "2s", "clone_timeout": "2s", "timeout": "2s"}


class WatchedSimulator(InspectedSimulator):
    """A simulator whose accounts have a token for each worker: `callers` says who made each request."""

    def __init__(self, accounts: Sequence[str], tenants: int, knobs: Knobs) -> None:
        super().__init__(_world(accounts, tenants), knobs, owners(rows(accounts, tenants)))
        self.callers: dict[int, str] = {}
        self._accounts = _Tokens(self._accounts)

    def _arrive(self, request: web.BaseRequest) -> tuple[Arrival, Route | None, Account | None]:
        arrival, route, account = super()._arrive(request)
        self.callers[arrival.n] = request.headers.get("Authorization", "").rpartition("~")[2]
        return arrival, route, account


def _world(accounts: Sequence[str], tenants: int) -> World:
    world = seed(accounts, tenants)
    for account in world.accounts.values():
        account.token = token(account.name)
    return world


class _Tokens(dict[str, Account]):
    """Accounts by token, whatever worker's it is."""

    def get(self, token: str, default: Account | None = None) -> Account | None:  # type: ignore[override]
        return super().get(token.partition("~")[0], default)


def names(accounts: int) -> list[str]:
    return [f"a{number}-us" for number in range(accounts)]


def tokens(accounts: Sequence[str], worker: str) -> dict[str, str]:
    """Return the environment that has a worker's own token of each account."""
    return {variable(name): f"{token(name)}~{worker}" for name in accounts}


def rows(accounts: Sequence[str], tenants: int) -> list[dict[str, str]]:
    """Return the list of so many tenants in each account."""
    return [marked({**Customer(name, n).row(), "tenant": f"{name}-{n}"}) for name in accounts for n in range(tenants)]


def variable(account: str) -> str:
    return f"TOKEN_{account.upper().replace('-', '_')}"


def write(folder: Path, url: str, accounts: Sequence[str], tenants: int, waves: Sequence[int | str]) -> None:
    """Write a manifest for so many tenants in each account, and their list."""
    folder.mkdir(parents=True)
    with (folder / "tenants.csv").open("w", newline="", encoding="utf-8") as file:
        everybody = rows(accounts, tenants)
        lines = csv.DictWriter(file, list(everybody[0]))
        lines.writeheader()
        lines.writerows(everybody)
    _keep_secrets(folder / SECRETS, everybody)
    manifest = {
        "name": "order-sync",
        "template": {"flow": template(accounts[0])},
        "accounts": {
            name: {
                "url": url,
                "token": f"env:{variable(name)}",
                "template": template(name),
                "connections": connections(name, "GitHub", "Slack"),
                "rate": {"per_second": 20, "burst": 20},
            }
            for name in accounts
        },
        "tenants": "tenants.csv",
        "secrets": {
            "key": f"file:{SECRETS}/key",
            "values": {"own": f"file:{SECRETS}/${{tenant.integration}}"},
        },
        "flow": {
            "name": "Orders: ${tenant.values.name}",
            "disabled": False,
            "settings": {"batchSize": 200, "apiKey": "${secret.own}"},
        },
        "integration": {"settings": {"owner": "${tenant.values.name}"}},
        "exports": {"GitHub events": {"settings": {"password": "${secret.own}"}}},
        "imports": {"Slack message": {"settings": {"channel": "#${tenant.values.name}"}}},
        "waves": {"sizes": list(waves), "tolerance": "50%"},
        "safety": SAFETY,
    }
    (folder / "rollout.yaml").write_text(json.dumps(manifest), "utf-8")


def _keep_secrets(folder: Path, everybody: Sequence[dict[str, str]]) -> None:
    """Write the key and each tenant's secret to files of their own."""
    folder.mkdir(mode=0o700)
    for name, text in {"key": key(), **{row["integration"]: secret(row) for row in everybody}}.items():
        (folder / name).touch(0o600)
        (folder / name).write_text(text, "utf-8")
