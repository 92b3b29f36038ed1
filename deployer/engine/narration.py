"""What a rollout does, told as events."""

from collections.abc import Callable

from deployer.domain.deployment import OPEN, Deployment
from deployer.domain.documents import Document
from deployer.domain.waves import Wave
from deployer.engine.clock import Clock
from deployer.telemetry.events import Event


class Narrator:
    """A watcher that makes events of what it sees: every step that moves, every tenant that waits or comes to rest."""

    def __init__(
        self, clock: Clock, tell: Callable[[Event], None], taken: Callable[[Deployment], None] | None = None
    ) -> None:
        self._clock = clock
        self._tell = tell
        self._taken = taken

    def taken(self, deployment: Deployment) -> None:
        """Pass it on: it is no event, since nothing has happened yet."""
        if self._taken is not None:
            self._taken(deployment)

    def moved(self, before: Deployment, after: Deployment) -> None:
        """Tell of the steps that changed, and of the tenant if it rests now."""
        tenant = _tenant(after)
        for old, new in zip(before.steps, after.steps, strict=True):
            if old is new:
                continue
            step: Document = {**tenant, "step": new.kind.value}
            state: Document = {"state": new.state.value, "attempt": new.attempts}
            self._say("step.moved", {**step, **state, "was": before.status.value, "status": after.status.value})
            if surplus := new.facts.get("surplus"):
                self._say("surplus.found", {**step, "flows": surplus})
            if strayed := new.facts.get("strayed"):
                self._say("fields.strayed", {**step, "fields": strayed})
        if after.status not in OPEN and before.status in OPEN:
            rest: Document = {"status": after.status.value, "flow": after.flow, "error": after.error}
            self._say("tenant.rested", {**tenant, **rest, "seconds": self._seconds(after)})

    def waiting(self, deployment: Deployment, seconds: float, why: str) -> None:
        """Tell that a tenant is put aside."""
        self._say("step.waiting", {**_tenant(deployment), "seconds": round(seconds, 3), "why": why})

    def held(self, account: str, seconds: float, why: str) -> None:
        """Tell that an account waits before it begins."""
        self._say("account.waiting", {"account": account, "seconds": round(seconds, 3), "why": why})

    def halted(self, account: str, cause: str) -> None:
        """Tell that an account stopped."""
        self._say("account.halted", {"account": account, "cause": cause})

    def wave(self, event: str, number: int, wave: Wave, **more: str | float) -> None:
        """Tell how far a wave is."""
        self._say(f"wave.{event}", {"wave": number, "name": wave.name, "tenants": wave.size, **more})

    def _seconds(self, deployment: Deployment) -> float | None:
        """Return how long ago a deployment's first call was intended; None where none was on this boot."""
        now = self._clock.moment()
        intents = [step.intent.at for step in deployment.steps if step.intent and step.intent.boot == now.boot]
        return round(max(0.0, now.at - min(intents)), 3) if intents else None

    def _say(self, name: str, fields: Document) -> None:
        self._tell(Event(name, self._clock.utc(), fields))


def _tenant(deployment: Deployment) -> Document:
    planned = deployment.planned
    return {"rollout": deployment.rollout, "tenant": planned.tenant, "account": planned.account}
