"""What workers ask, and how long a rollout takes by that, as somebody knows it who only reads the journal."""

from collections import deque
from collections.abc import Iterator
from operator import attrgetter, itemgetter

import pytest

from deployer.domain.deployment import Status
from deployer.domain.documents import Document
from deployer.domain.lifecycle import State, StepKind
from deployer.domain.samples import Sample
from deployer.report.forecast import Lane
from deployer.report.tally import Budget
from deployer.telemetry.events import Event
from deployer.workers.asked import Asked
from tests.report.play import Play, Played, errors, waves
from tests.report.spread import Seen, Spread, moved, rested, turns

SPAN = 10.0  # seconds of a sample
_LOOK = 0.5  # seconds between two looks of somebody who looks on


class Watched(Play):
    """A rollout of which steps are known when a tenant rests, and requests when a span of time is over."""

    def __init__(self, played: Played) -> None:
        super().__init__(played)
        self.known = Asked()
        self.known.working(["us"], waiting=0)
        self._sampled, self._before = 0.0, 0

    def stepped(self, tenant: int, step: int) -> None:
        """Tell nothing yet."""

    def rested(self, tenant: int) -> None:
        for step in range(1, len(self.played.steps) + 1):
            super().stepped(tenant, step)
        super().rested(tenant)

    def asked(self) -> tuple[int, float]:
        if self.looked - self._sampled >= SPAN:
            self.known.add([sample(self.sent - self._before)], self.looked)
            self._sampled, self._before = self.looked, self.sent
        return self.known.budget(self.looked).sent, 0.0


def sample(
    requests: int, *, account: str = "us", seconds: float = SPAN, throttled: int = 0, limit: float = 20.0
) -> Sample:
    return Sample(account, "2026-03-01T10:00:00.000Z", seconds, requests, throttled, in_flight=4, limit=limit)


def test_what_is_sent_goes_on_as_it_did_until_it_is_told_or_nothing_is_told_any_more() -> None:
    asked = Asked()
    asked.working(["us", "eu"], waiting=1)
    asked.add([sample(100), sample(50, account="eu", throttled=3)], 100.0)
    sent = [asked.budget(100.0 + seconds).sent for seconds in (0.0, 4.0, 10.0, 60.0)]
    assert sent == [150, 210, 300, 300]
    asked.add([sample(80)], 110.0)
    assert asked.budget(110.0).sent == 280
    assert asked.budget(110.0).lanes == {"us": Lane(0, 20.0), "eu": Lane(1, 20.0)}
    assert (asked.budget(110.0).rate, asked.budget(110.0).throttled) == (40.0, 3)
    assert [asked.budget(at).in_flight for at in (110.0, 115.0, 130.0)] == [8, 4, 0]


def test_a_short_span_does_not_say_for_long_how_it_goes_on() -> None:
    asked = Asked()
    asked.working(["us"], waiting=0)
    asked.add([sample(30, seconds=0.01)], 0.0)
    assert asked.budget(60.0).sent == 60


def test_an_account_that_nobody_is_at_any_more_is_asked_nothing() -> None:
    asked = Asked()
    asked.working(["us", "eu"], waiting=1)
    asked.add([sample(100), sample(100, account="eu")], 0.0)
    assert asked.budget(5.0).sent == 300
    asked.working(["eu"], waiting=0)
    assert asked.budget(5.0).sent == 250
    assert (asked.budget(5.0).at_once, asked.budget(5.0).at_work) == (2, {"eu"})


def test_before_anything_is_told_nothing_is_known() -> None:
    assert Asked().budget(5.0).rate == 0.0


@pytest.mark.parametrize(
    "played",
    [
        Played(tenants=2000),
        Played(tenants=2000, at_once=80, rate=40.0),
        Played(tenants=2000, rate=300.0, machine=20.0),
        Played(rate=300.0, tenants=2000, job=5.0, at_once=50),
        Played(rate=40.0, course=waves(1, 5, 800, 1194, bake=30.0), tenants=2000),
    ],
    ids=["steady", "many at once", "slow workers", "jobs", "waves that bake"],
)
def test_what_is_forecast_of_workers_is_near_what_comes(played: Played) -> None:
    assert [round(error, 2) for error in errors(Watched(played), (0.25, 0.5, 0.75)) if abs(error) > 0.2] == []


class Handed(Seen):
    """A rollout of several accounts that workers hand over to each other, as somebody sees it who looks on."""

    def __post_init__(self) -> None:
        self.asked, self._looked = Asked(), -_LOOK
        self._written = deque(sorted(self._samples(), key=itemgetter(0)))
        super().__post_init__()

    def look(self) -> None:
        if self.now - self._looked >= _LOOK:
            self._looked = self.now
            at_work = [turn.account for turn in self.turns if turn.taken <= self.now < turn.ended]
            self.asked.working(at_work, waiting=sum(turn.queued <= self.now < turn.taken for turn in self.turns))
            while self._written and self._written[0][0] <= self.now:
                self.asked.add([self._written.popleft()[1]], self.now)
            super().look()
            self.tally.see(Event("rollout.counted", "", {"counts": self._counts()}))

    def budget(self) -> Budget:
        return self.asked.budget(self.now)

    def news(self) -> Iterator[tuple[float, list[Event]]]:
        """Tell of a tenant's steps when it rests."""
        for turn in self.turns:
            for at, name in turn.rests:
                steps = [moved(turn.account, name, State.DONE, step) for step in (StepKind.CLONE, StepKind.CONFIGURE)]
                yield at, [*steps, rested(turn.account, name)]

    def _counts(self) -> Document:
        begun, done = (
            sum(at <= self.now for turn in self.turns for at, _ in each(turn))
            for each in (attrgetter("begins"), attrgetter("rests"))
        )
        counts = dict.fromkeys(Status, 0) | {Status.DONE: done, Status.RUNNING: begun - done}
        return {**counts, Status.PENDING: self.tally.total - begun}

    def _samples(self) -> Iterator[tuple[float, Sample]]:
        """Yield what a meter tells of each account that is at work, and when: the last of it as that ends."""
        for turn in turns(self.spread):
            sends = deque(turn.sends)
            while sends:
                at = sends[0]
                span = max(1.0, min(SPAN, 0.1 * (at - turn.begun)))
                counted = [sends.popleft() for _ in [each for each in sends if each < at + span]]
                told = sends[0] if sends else turn.ended
                yield (
                    told,
                    sample(len(counted), account=turn.account, seconds=min(span, told - at), limit=self.spread.rate),
                )


@pytest.mark.parametrize(
    "spread",
    [
        Spread([{"us": 200, "eu": 200}]),
        Spread([{"us": 100, "eu": 250}]),
        Spread([dict.fromkeys("abcdefghijkl", 50)], at_once=2, pause=1.5),
        Spread([dict.fromkeys("abcd", 300)], at_once=2, pause=1.5),
        Spread([{"a": 100, "b": 100, "c": 100, "d": 300}], at_once=2, pause=1.5),
        Spread([{"us": 10}, {"us": 150}, {"us": 140, "eu": 300}], pause=1.5),
        Spread([dict.fromkeys("abcdef", 5), dict.fromkeys("abcdef", 100)], at_once=2, pause=1.5),
    ],
    ids=[
        "at once",
        "one is last",
        "in turns",
        "long turns",
        "the last begins late",
        "few in the first waves",
        "waves in turns",
    ],
)
def test_what_is_forecast_of_accounts_that_are_handed_over_is_near_what_comes(spread: Spread) -> None:
    assert Handed(spread).off() == []
