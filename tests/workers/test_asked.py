"""What workers ask, and how long a rollout takes by that, as somebody knows it who only reads the journal."""

import pytest

from deployer.domain.samples import Sample
from deployer.report.forecast import Lane
from deployer.workers.asked import Asked
from tests.report.play import Play, Played, errors, waves

SPAN = 10.0  # seconds of a sample


class Watched(Play):
    """A rollout of which steps are known when a tenant rests, and requests when a span of time is over."""

    def __init__(self, played: Played) -> None:
        super().__init__(played)
        self.known = Asked()
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


def sample(requests: int, *, account: str = "us", seconds: float = SPAN, throttled: int = 0) -> Sample:
    return Sample(account, "2026-03-01T10:00:00.000Z", seconds, requests, throttled, in_flight=4, limit=20.0)


def test_what_is_sent_goes_on_as_it_did_until_it_is_told_or_nothing_is_told_any_more() -> None:
    asked = Asked()
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
    asked.add([sample(30, seconds=0.01)], 0.0)
    assert asked.budget(60.0).sent == 60


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
