"""A rollout in a directory of its own, and the real `deployer` command at work on it."""

import csv
import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.bench.child import Child, Ended
from tests.bench.world import KEPT, MAPPED, TEMPLATE, identify, token_of

UNPACED: Final = {"per_second": 100_000.0, "burst": 100_000}
SHORT: Final = {"settle": "600ms", "lag": "100ms", "intent": "500ms", "clone_timeout": "1500ms", "timeout": "1500ms"}
"""Safety that a kill test can wait for: it holds, since the server applies what it got within a clone's latency."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """`tenants` in all, spread over `accounts`; `rate` and `run` as the manifest has them.

    `journal` is the address of a database, if it is in one.
    """

    place: Path
    url: str
    tenants: int
    accounts: int = 1
    rate: Mapping[str, Any] = field(default_factory=lambda: UNPACED)
    run: Mapping[str, Any] | None = None
    safety: Mapping[str, str] | None = None
    journal: str = ""

    def write(self) -> "Rollout":
        """Write the manifest and the tenants' file where nothing was rolled out yet."""
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir(parents=True)
        optional = {"run": self.run, "safety": self.safety}
        manifest = {
            "name": "bench",
            "template": {"flow": TEMPLATE},
            "accounts": {_name(number): self._account(number) for number in range(self.accounts)},
            "tenants": "tenants.csv",
            "flow": _FLOW,
            **{key: value for key, value in optional.items() if value},
        }
        (self.place / "rollout.yaml").write_text(json.dumps(manifest), "utf-8")  # JSON is YAML
        with (self.place / "tenants.csv").open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["tenant", "account", "integration", "name", "region", "timezone", "connection"])
            rows.writerows(_row(*divmod(number, self.each), number) for number in range(self.tenants))
        return self

    @property
    def each(self) -> int:
        """Return how many tenants an account has at most."""
        return -(-self.tenants // self.accounts)

    def _account(self, number: int) -> dict[str, Any]:
        return {
            "url": self.url,
            "token": f"env:{_variable(number)}",
            "connections": {MAPPED: "${tenant.values.connection}", KEPT: "keep"},
            "rate": dict(self.rate),
        }

    def start(self, *words: str, planted: str = "", name: str = "") -> Child:
        """Start `deployer` with these words, or with a part of it switched off; `name` begins those of its output."""
        module = ["tests.bench.planted", planted] if planted else ["deployer"]
        tokens = {_variable(number): token_of(number) for number in range(self.accounts)}
        state = {"XDG_STATE_HOME": str(self.place / "state"), "HOME": str(self.place)}
        shared = {"DEPLOYER_JOURNAL": self.journal} if self.journal else {}
        command = [sys.executable, "-m", *module, *words]
        return Child(command, place=self.place, env={**tokens, **state, **shared}, name=name)

    def apply(self, *words: str, codes: tuple[int, ...] = (), planted: str = "") -> Ended:
        """Apply to the end."""
        return self.start("apply", "rollout.yaml", "--yes", *words, planted=planted).end(*codes)


_FLOW: Final = {
    "name": "Order sync: ${tenant.values.name}",
    "timezone": "${tenant.values.timezone}",
    "schedule": "5 * * * *",
    "disabled": False,
    "settings": {"region": "${tenant.values.region}", "batchSize": 200},
}
_PLACES: Final = (("us-east", "America/New_York"), ("eu-central", "Europe/Berlin"), ("us-west", "America/Los_Angeles"))


def _name(account: int) -> str:
    return f"account-{account:06d}"


def _variable(account: int) -> str:
    return f"BENCH_TOKEN_{account:06d}"


def _row(account: int, place: int, number: int) -> list[str]:
    integration, connection = (identify(kind, account, place) for kind in ("integrations", "connections"))
    region, timezone = _PLACES[number % len(_PLACES)]
    return [f"tenant-{number:06d}", _name(account), integration, f"Company {number}", region, timezone, connection]
