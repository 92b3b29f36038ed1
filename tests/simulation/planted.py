"""Rules of safety switched off one at a time: a simulation that does not notice is blind."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from deployer.domain import decide, moves
from deployer.domain.documents import Document
from deployer.domain.lifecycle import Event, State, StepKind
from deployer.domain.plan import Planned
from deployer.engine import birth, configure, desk
from deployer.engine.desk import Case, Desk
from deployer.engine.keeping import Leases
from deployer.engine.rebuilding import Rebuilding
from deployer.engine.result import Moved, Result
from deployer.engine.unsealing import Secrets
from deployer.integrator.wire import NotSent, Unknown
from deployer.journal import claims, entering, postgres
from deployer.journal.connection import Connection
from tests.simulation import journal as simulated
from tests.simulation import network, run
from tests.simulation.weather import Bent

_FOR_EVER = 1e9  # seconds


@dataclass(frozen=True, slots=True)
class Bug:
    """A rule that is left out, the runs in which that is most likely to matter, and how many seeds find it."""

    rule: str
    without: Callable[[], AbstractContextManager[object]]
    bent: Bent
    seeds: int


@contextmanager
def _late_intents() -> Iterator[None]:
    """Send before the intent is durable."""

    async def intend(case: Case, facts: dict[str, Any]) -> float:
        event = Event.INTEND if case.step.state is State.READY else Event.RESTAMP
        moment = case._desk.clock.moment()  # noqa: SLF001 - as what it takes the place of
        entry = case._entry(event, case.step.meet(event, facts, intent=moment), facts, None)  # noqa: SLF001 - as above
        case._desk.journal.note(entry)  # noqa: SLF001 - as above
        case._take(entry)  # noqa: SLF001 - as above
        return 10.0

    with patch.object(desk.Case, "intend", intend), patch.object(simulated, "LINGER", 5.0):
        yield


@contextmanager
def _sure_of_silence() -> Iterator[None]:
    """Take a request whose answer was lost for one that never left."""
    send = network.send

    async def sent(*words: Any, **options: Any) -> object:  # noqa: ANN401 - as what it takes the place of
        answer = await send(*words, **options)
        return NotSent(answer.reason) if isinstance(answer, Unknown) else answer

    with patch.object(run, "send", sent):
        yield


@contextmanager
def _no_marker() -> Iterator[None]:
    """Give a clone the tenant's name alone."""
    with patch.object(birth, "birth_name", lambda name, _: name):
        yield


@contextmanager
def _valid_for_ever() -> Iterator[None]:
    """Send however old the intent is."""
    intend = desk.Case.intend

    async def intended(case: Case, facts: dict[str, Any]) -> float:
        await intend(case, facts)
        return _FOR_EVER

    with patch.object(desk.Case, "intend", intended):
        yield


@contextmanager
def _impatient() -> Iterator[None]:
    """Take for absent what is not listed at once."""
    with patch.object(moves, "settle_time", lambda *_: 0.0):
        yield


@contextmanager
def _unguarded() -> Iterator[None]:
    """Look neither at the lease nor at the intent's age before the write."""
    with _valid_for_ever(), patch.object(postgres._Claimed, "demand", lambda *_: None):  # noqa: SLF001 - to plant a bug
        yield


@contextmanager
def _sent_again() -> Iterator[None]:
    """Send again by itself where a connection is reset, as HTTP libraries do."""
    send = network.send

    async def sent(session: Any, request: Any, **options: Any) -> object:  # noqa: ANN401 - as what it takes the place of
        answer = await send(session, request, **options)
        return await send(session, request, **options) if isinstance(answer, Unknown) else answer

    with patch.object(run, "send", sent):
        yield


@contextmanager
def _unfenced() -> Iterator[None]:
    """Write whoever has the account by now, and whatever became of the tenant meanwhile."""
    write = entering._write  # noqa: SLF001 - to plant a bug

    def written(connection: Connection, changes: Any) -> list[int]:  # noqa: ANN401 - as what it takes the place of
        write(connection, changes)
        return [len(rows) for _, rows in changes]

    with (
        patch.object(entering, "_write", written),
        patch.object(claims, "beat", lambda *_: None),
        patch.object(claims, "_END", "SELECT ?, ?"),
        patch.object(claims, "_locked", lambda *_: True),
    ):
        yield


@contextmanager
def _blind() -> Iterator[None]:
    """Clone without a look at what is there."""

    async def begin(desk: Desk, case: Case) -> Result:
        return await birth._send(desk, case, ())  # noqa: SLF001 - to plant a bug

    with patch.object(birth, "begin", begin):
        yield


@contextmanager
def _rivals() -> Iterator[None]:
    """Let two work on an account at a time, each with a journal; that is in how the run is bent."""
    yield


@contextmanager
def _unverified() -> Iterator[None]:
    """Take a PUT whose answer was lost for done."""

    async def recover(_: Desk, case: Case, __: float) -> Result:
        case.tell(Event.FOUND, {})
        return Moved(case.deployment)

    with patch.object(configure, "recover", recover):
        yield


@contextmanager
def _hasty() -> Iterator[None]:
    """Rebuild a journal while calls may be on their way that it does not know of."""

    async def wait_out(_: Rebuilding, leases: Leases) -> None:
        for lease in leases.values():
            lease.dead = frozenset()

    with patch.object(Rebuilding, "_wait_out", wait_out):
        yield


@contextmanager
def _run_again() -> Iterator[None]:
    """Run what is found as it is wanted, whoever may have run it before."""
    acted = decide._Decision._acted  # noqa: SLF001 - to plant a bug

    def again(decision: Any, planned: Planned, **options: Any) -> Planned:  # noqa: ANN401 - as what it takes the place of
        found = acted(decision, planned, **options)
        return found if found.steps else replace(found, steps=(StepKind.RUN,))

    with patch.object(decide._Decision, "_acted", again):  # noqa: SLF001 - as above
        yield


@contextmanager
def _unsealed() -> Iterator[None]:
    """Keep a secret as it was read."""
    with patch.object(Secrets, "sealed", lambda _, outcome: outcome):
        yield


@contextmanager
def _mixed_up() -> Iterator[None]:
    """Give a clone the connections of whoever was cloned before."""
    before: list[dict[str, str]] = []
    body_of = birth.birth_body

    def mixed(planned: Planned, template_name: str, *, rollout: str) -> Document:
        body = body_of(planned, template_name, rollout=rollout)
        before.append(dict(planned.connections))
        return {**body, "connectionMap": dict(before[-2])} if len(before) > 1 and planned.connections else body

    with patch.object(birth, "birth_body", mixed):
        yield


BUGS: Mapping[str, Bug] = {
    bug.rule: bug
    for bug in (
        Bug("R1", _late_intents, Bent({"kill": 0.1, "silent": 0.2}, alone=True), 200),
        Bug("R2", _sure_of_silence, Bent({"silent": 0.2}), 100),
        Bug("R3", _no_marker, Bent({"silent": 0.2}), 100),
        Bug("R4", _valid_for_ever, Bent({"still": 0.3, "late": 0.4}, alone=True), 1000),
        Bug("R5", _impatient, Bent({"late": 0.3}), 200),
        Bug(
            "R6",
            _unguarded,
            Bent({"kill": 0.0, "still": 0.5, "late": 0.5, "silent": 0.3, "slow": 0.3}, alone=False),
            100,
        ),
        Bug("R7", _sent_again, Bent({"silent": 0.2}), 100),
        Bug("R8", _unfenced, Bent({"still": 0.3}, alone=False), 1000),
        Bug("R9", _blind, Bent({"lost": 0.5}, alone=True), 200),
        Bug("R10", _rivals, Bent(alone=True, rivals=True), 100),
        Bug("values", _mixed_up, Bent(kind="scheduled"), 20),
        Bug("rebuild", _hasty, Bent({"lost": 0.5, "late": 0.4}, alone=True, rebuilt=True), 200),
        Bug("runs", _run_again, Bent({"lost": 0.5}, alone=True, rebuilt=True, kind="run"), 50),
        Bug("secrets", _unsealed, Bent(kind="scheduled"), 20),
        Bug("R11", _unverified, Bent({"vanish": 0.3}, kind="run"), 200),
    )
}


ASSUMPTIONS: Mapping[str, Bent] = {
    "settle": Bent({"late": 0.3}, beyond=8.0),  # the API applies a request later than S
    "lag": Bent({"vanish": 0.2, "silent": 0.2}, beyond=30.0),  # a list shows a flow later than V
    "once": Bent({"doubled": 0.2}),  # a request is applied once
    # a stop between the last check and the write
    "gap": Bent({"gap": 0.3, "silent": 0.2, "slow": 0.2}, alone=False, kind="created"),
}
"""What is promised only as long as it holds: where it is broken, a copy too many comes, and a sweep names it."""


def found_by(bug: Bug) -> int | None:
    """Return the first seed that finds a bug; None if none of those that should does."""
    with ExitStack() as stack:
        stack.enter_context(bug.without())
        return next((number for number in range(bug.seeds) if run.simulate(number, bug.bent).broken), None)
