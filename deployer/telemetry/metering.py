"""Metrics, measured once for whoever reads them: a collector, or Prometheus. Nothing is counted by tenant."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, TypeAlias

from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.util.types import AttributeValue

from deployer.domain.deployment import Status
from deployer.telemetry.events import Event
from deployer.telemetry.observing import Budget, Call, Observer, Work
from deployer.telemetry.tracing import SCHEMA
from deployer.version import __version__

# As the conventions advise for http.client.request.duration and db.client.operation.duration.
_REQUESTS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_COMMITS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
_FIRINGS: Final[Mapping[str, str]] = {
    "schedule.ended": "ended",
    "schedule.failed": "failed",
    "schedule.skipped": "skipped",
}


_Observe: TypeAlias = Callable[[CallbackOptions], Iterable[Observation]]


class Metering(Observer):
    """Measures what it sees."""

    def __init__(self, provider: MeterProvider) -> None:
        self._visited: list[Mapping[str, Budget]] = []
        self._closed: defaultdict[tuple[str, str], float] = defaultdict(float)  # what budgets came to that are gone
        self._rollouts: dict[str, Counter[Status]] = {}
        self._at_work: Counter[str] = Counter()  # a worker may do several things of one rollout
        self._last: Counter[Status] = Counter()  # of the rollout that ended last: a file is read after that
        meter = provider.get_meter("deployer", __version__, SCHEMA)
        self._requests = meter.create_histogram(
            "http.client.request.duration",
            "s",
            "Duration of HTTP client requests.",
            explicit_bucket_boundaries_advisory=_REQUESTS,
        )
        self._commits = meter.create_histogram(
            "db.client.operation.duration",
            "s",
            "How long the journal takes to commit.",
            explicit_bucket_boundaries_advisory=_COMMITS,
        )
        self._rests = meter.create_counter("deployer.tenant.rests", "{tenant}", "Tenants that came to rest.")
        self._ends = meter.create_counter("deployer.rollout.ends", "{rollout}", "Rollouts by what they came to.")
        self._firings = meter.create_counter("deployer.schedule.firings", "{firing}", "Times by what became of them.")
        self._observe(meter)

    def _observe(self, meter: Meter) -> None:
        """Have read, whenever somebody asks, what is known anyway."""
        active = self._now(lambda budget: budget.on_the_wire)
        limit = self._now(lambda budget: budget.rate)
        throttled = self._sums("throttled", lambda budget: budget.throttled)
        paused = self._sums("paused", lambda budget: budget.paused)
        said = "Requests that are not answered yet."
        meter.create_observable_up_down_counter("http.client.active_requests", [active], "{request}", said)
        said = "Requests a second that are aimed at."
        meter.create_observable_gauge("deployer.account.limit", [limit], "{request}/s", said)
        said = "Requests that were answered with 429."
        meter.create_observable_counter("deployer.account.throttled", [throttled], "{request}", said)
        said = "How long nothing could start for that."
        meter.create_observable_counter("deployer.account.paused", [paused], "s", said)
        said = "Tenants by status of what is rolled out, or was last."
        meter.create_observable_gauge("deployer.rollout.tenants", [self._standing], "{tenant}", said)

    @contextmanager
    def visiting(self, name: str, budgets: Mapping[str, Budget]) -> Iterator[None]:  # noqa: ARG002 - for spans
        """Read the budgets of accounts whenever they are asked for."""
        self._visited.append(budgets)
        try:
            yield
        finally:
            self._visited.remove(budgets)
            for account, budget in _each(budgets):
                self._closed["throttled", account] += budget.throttled
                self._closed["paused", account] += budget.paused

    @contextmanager
    def carrying(self, work: Work) -> Iterator[None]:
        """Know how many tenants of a rollout stand where."""
        self._at_work[work.rollout] += 1
        counts = self._rollouts.setdefault(work.rollout, Counter(work.counts))
        try:
            yield
        finally:
            self._at_work[work.rollout] -= 1
            if not self._at_work[work.rollout]:
                del self._rollouts[work.rollout]
                self._last = counts

    def told(self, event: Event) -> None:
        """Count tenants and firings."""
        fields = event.fields
        if event.name == "step.moved":
            counts = self._rollouts.get(str(fields["rollout"]))
            if counts is not None and fields["was"] != fields["status"]:
                counts[Status(str(fields["was"]))] -= 1
                counts[Status(str(fields["status"]))] += 1
        elif event.name == "tenant.rested":
            self._rests.add(1, {"deployer.tenant.status": str(fields["status"])})
        elif event.name == "rollout.ended":
            self._ends.add(1, {"deployer.rollout.outcome": str(fields["outcome"])})
        elif event.name in _FIRINGS:
            result = {"deployer.firing.result": _FIRINGS[event.name], "deployer.schedule.name": str(fields["schedule"])}
            self._firings.add(1, result)

    def called(self, call: Call) -> None:
        """Measure a request that just ended."""
        about: dict[str, AttributeValue] = {
            "http.request.method": call.method,
            "server.address": call.host,
            "server.port": call.port,
            "url.template": call.template,
            "deployer.call.outcome": call.outcome,
        }
        if call.status is not None:
            about["http.response.status_code"] = call.status
        if call.error is not None:
            about["error.type"] = call.error
        self._requests.record(call.seconds, about)

    def committed(self, database: str, seconds: float) -> None:
        """Measure a commit of the journal."""
        self._commits.record(seconds, {"db.system.name": database, "db.operation.name": "COMMIT"})

    def _now(self, read: Callable[[Budget], float]) -> _Observe:
        """Return what reads something of every budget that is open."""
        return lambda _: _observations({}, self._read(read))

    def _sums(self, what: str, read: Callable[[Budget], float]) -> _Observe:
        """Return what reads something of every budget that there was."""

        def observe(_: CallbackOptions) -> Iterable[Observation]:
            closed = {account: total for (kind, account), total in [*self._closed.items()] if kind == what}
            return _observations(closed, self._read(read))

        return observe

    def _read(self, read: Callable[[Budget], float]) -> Iterable[tuple[str, float]]:
        return [(account, read(budget)) for budgets in [*self._visited] for account, budget in _each(budgets)]

    def _standing(self, _: CallbackOptions) -> Iterable[Observation]:
        found: Counter[Status] = Counter()
        for counts in [*self._rollouts.values()] or [self._last]:
            found.update(counts)
        return [Observation(found[status], {"deployer.tenant.status": status.value}) for status in Status]


def _each(budgets: Mapping[str, Budget]) -> Iterable[tuple[str, Budget]]:
    """Return each budget once, under the first of the accounts that have it together."""
    first = {id(budget): (account, budget) for account, budget in reversed([*budgets.items()])}
    return first.values()


def _observations(begun: Mapping[str, float], found: Iterable[tuple[str, float]]) -> Iterable[Observation]:
    sums = dict(begun)
    for account, value in found:
        sums[account] = sums.get(account, 0) + value
    return [Observation(value, {"deployer.account.name": account}) for account, value in sums.items()]
