"""Plans and rollouts to be shown, and a stream and a clock to show them with."""

import io
from dataclasses import replace

from deployer.domain.deployment import Deployment, Moment, Step
from deployer.domain.documents import MISSING, Value
from deployer.domain.lifecycle import State, StepKind
from deployer.domain.merge3 import Change, Verdict
from deployer.domain.plan import Action, Plan, Planned, PlannedAccount
from deployer.report.tally import Budget
from tests.factories import CREATE, UPDATE, crowd, deployment, path, plan, planned

DIGEST = "7f3ac1" + "0" * 58


def change(dotted: str, live: Value, desired: Value, verdict: Verdict = Verdict.UPDATE) -> Change:
    return Change(path(dotted), live, desired, verdict)


def account(name: str = "main", *, user: str = "user1", revision: str = "7f3ac1" + "0" * 58) -> PlannedAccount:
    return PlannedAccount(
        name, "https://api.integrator.io", user, "5f0000000000000000000001", "Order sync", revision, 1
    )


def sample() -> Plan:
    """Return a plan with one tenant of every kind, and one that left the manifest."""
    acme = [
        change("name", "Order sync", "Order sync: acme"),
        change("schedule", MISSING, "? 0 2 ? * *"),
        change("timezone", MISSING, "America/New_York"),
        change("settings.batchSize", 100, 200),
    ]
    tenants = [
        replace(planned("acme", changes=acme), connections={"a": "b", "c": "d"}),
        planned("globex", action=Action.UPDATE, steps=UPDATE, changes=[change("settings.batchSize", 100, 200)]),
        _blocked("initech", 'connection "NetSuite EU" not found; did you mean "NetSuite (EU)"?'),
        planned(
            "umbrella", action=Action.NO_CHANGE, steps=(), changes=[change("disabled", True, False, Verdict.DRIFT)]
        ),
        planned("hooli", action=Action.NO_CHANGE, steps=()),
    ]
    settings = {"accounts": {"main": {"rate": {"per_second": None, "burst": None, "share": 0.5}}}}
    made = replace(plan(*tenants), settings=settings, absent=("stark",))  # type: ignore[arg-type]  # JSON
    return replace(made, accounts={"main": account()})


def _blocked(name: str, reason: str) -> Planned:
    return planned(name, action=Action.BLOCKED, steps=(), reason=reason)


def creations(count: int) -> Plan:
    return plan(*crowd(count))


def at_rest(name: str, state: State, *, code: str = "", message: str = "", remedy: str = "mend it") -> Deployment:
    """Return a tenant whose one step ended like this; with a code, for that reason."""
    error = {"code": code, "status": 422, "field": "timezone", "message": message, "remedy": remedy}
    step = Step(StepKind.CONFIGURE, state, 1, Moment("boot", 10.0), {"error": error} if code else {"flow": "f1"})  # type: ignore[dict-item]  # JSON
    return deployment(step, of=planned(name, action=Action.UPDATE, steps=UPDATE))


def untouched(name: str, *, action: Action = Action.UPDATE, reason: str = "") -> Deployment:
    steps = {Action.UPDATE: UPDATE, Action.CREATE: CREATE}.get(action, ())
    return deployment(of=planned(name, action=action, steps=steps, reason=reason))


class Seconds:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = 10.0

    def __call__(self) -> float:
        return self.now

    def moment(self) -> Moment:
        return Moment("boot", self.now)

    def utc(self) -> str:
        return "2026-03-01T10:00:00.000Z"


class Budgets:
    """Budgets that a test fills."""

    def __init__(self) -> None:
        self.now = Budget(sent=0, throttled=0, in_flight=0, paused_for=0.0, rate=296.0)

    def __call__(self) -> Budget:
        return self.now


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True
