"""The places on the wire that all accounts share, and whom an account tells that it could use one more worker."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from deployer.domain.adaptive import Turn, recalled, steady, unknown
from deployer.domain.pacing import Bucket
from deployer.integrator.limiter import Crowd, Limiter
from tests.clockwork import BACKEND

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> object:
    return BACKEND


def limiter(rate: float = 10.0, burst: float = 1.0, in_flight: int = 100, crowd: Crowd | None = None) -> Limiter:
    return Limiter(steady(Bucket(rate, burst, burst, 0.0)), in_flight, crowd)


def now() -> float:
    return asyncio.get_running_loop().time()


async def token(pacer: Limiter, *, poll: bool = False, seconds: float = 0.0) -> Turn:
    """Take a turn and be on the wire for so long."""
    async with pacer.turn(poll=poll) as turn:
        await asyncio.sleep(seconds)
        return turn


@pytest.mark.parametrize(
    ("most", "members", "share"), [(1024, 0, 1024), (1024, 1, 1024), (1024, 3, 341), (100, 50, 8), (16, 2, 8)]
)
async def test_a_share_is_an_equal_part_of_all_places_and_never_less_than_8(
    most: int, members: int, share: int
) -> None:
    crowd = Crowd(most)
    crowd.members = members
    assert crowd.share == share


async def test_an_account_hires_no_more_than_its_cap_however_large_its_share() -> None:
    pacer = limiter(in_flight=10)
    assert [pacer.may_have_more(workers) for workers in (9, 10, 11)] == [True, False, False]


async def test_who_hires_no_more_is_no_member_any_more() -> None:
    crowd = Crowd()
    with limiter(crowd=crowd).telling(lambda: None):
        with limiter(crowd=crowd).telling(lambda: None):
            assert crowd.members == 2
        assert crowd.members == 1
    assert crowd.members == 0


async def test_there_are_1024_places_unless_others_are_said() -> None:
    assert Crowd().share == 1024


async def test_who_waits_longest_for_a_place_is_called_once_and_the_next_if_he_takes_none() -> None:
    crowd = Crowd(1)
    calls: list[str] = []

    def takes(name: str) -> Callable[[], None]:
        return lambda: calls.append(name) if crowd.enter(again[name]) else None

    again: dict[str, Callable[[], None]] = {"b": takes("b"), "c": lambda: calls.append("c"), "d": takes("d")}
    assert crowd.enter(lambda: None)
    assert [crowd.enter(again[name]) for name in "bbcd"] == [False] * 4
    crowd.leave()
    assert calls == ["b"]
    crowd.leave()
    assert calls == ["b", "c", "d"]
    crowd.leave()
    assert [crowd.enter(lambda: None), crowd.enter(lambda: None)] == [True, False]


async def test_eager_is_told_whenever_one_more_worker_would_help_until_its_block_ends() -> None:
    pacer = limiter(rate=10.0, in_flight=2)
    told: list[float] = []
    with pacer.telling(lambda: told.append(now())):
        await token(pacer)
        waiting = [asyncio.ensure_future(token(pacer)) for _ in range(2)]
        await asyncio.wait(waiting)
        assert told == pytest.approx([0.0, 0.2])  # not while somebody waited
        async with pacer.slot(), pacer.slot():
            await token(pacer)  # no slot could be had
    await token(pacer)
    assert len(told) == 2


@pytest.mark.parametrize("poll", [False, True])
async def test_no_further_worker_helps_while_a_request_or_a_poll_waits(poll: bool) -> None:
    pacer = limiter(rate=10.0)
    await token(pacer)
    waits = asyncio.ensure_future(token(pacer, poll=poll))
    await asyncio.sleep(0)
    assert not pacer.wants_more
    await waits
    assert pacer.wants_more


async def test_no_further_worker_helps_while_somebody_waits_for_a_slot() -> None:
    pacer = limiter(in_flight=20)

    async def hold() -> None:
        async with pacer.slot():
            await asyncio.sleep(1.0)

    holders = [asyncio.ensure_future(hold()) for _ in range(9)]
    await asyncio.sleep(0.5)
    assert (pacer.in_flight, pacer.slots, pacer.wants_more) == (8, 8, False)
    await asyncio.wait(holders)


@pytest.mark.parametrize(
    ("cap", "latencies", "slots"),
    [
        (100, [], 8),
        (100, [0.1], 8),
        (100, [1.0], 15),
        (100, [1.0, 3.0], 17),  # 1.1 s
        (100, [0.61], 10),  # 9.15 of them, rounded up
        (12, [1.0], 12),
        (5, [], 5),
    ],
)
async def test_slots_follow_the_mean_latency_between_the_fewest_and_the_cap(
    cap: int, latencies: list[float], slots: int
) -> None:
    pacer = limiter(rate=10.0, in_flight=cap)
    for seconds in latencies:
        await token(pacer, seconds=seconds)
    assert pacer.slots == slots


async def test_a_slot_whose_taker_is_cancelled_at_that_moment_goes_to_the_next() -> None:
    pacer = limiter(in_flight=1)
    entered: list[str] = []

    async def hold(name: str) -> None:
        async with pacer.slot():
            entered.append(name)
            await asyncio.sleep(1.0)

    async with AsyncExitStack() as held:
        await held.enter_async_context(pacer.slot())
        first, second = (asyncio.ensure_future(hold(name)) for name in ("first", "second"))
        await asyncio.sleep(0.5)
    first.cancel()  # the slot was given to it a moment ago
    await asyncio.wait([first, second])
    assert entered == ["second"]
    assert (now(), pacer.in_flight) == (1.5, 0)


async def test_who_waits_for_a_slot_while_all_holders_are_on_the_wire_gets_one_more_up_to_the_cap() -> None:
    pacer = limiter(rate=1000.0, burst=100.0, in_flight=10)
    for _ in range(3):
        await token(pacer)  # who has left the wire is not on it any more
    async with AsyncExitStack() as held:
        for _ in range(8):
            await held.enter_async_context(pacer.slot())
            await held.enter_async_context(pacer.turn())
        waits = [asyncio.ensure_future(held.enter_async_context(pacer.slot())) for _ in range(2)]
        await asyncio.sleep(0.1)
        assert pacer.in_flight == 9  # the ninth is not on the wire
        await held.enter_async_context(pacer.turn())
        await asyncio.sleep(0.1)
        assert pacer.in_flight == 10
        await held.enter_async_context(pacer.turn())
        last = asyncio.ensure_future(held.enter_async_context(pacer.slot()))
        await asyncio.sleep(0.1)
        assert (pacer.in_flight, last.done()) == (10, False)
        last.cancel()
        await asyncio.wait([*waits, last])
    assert pacer.in_flight == 0


async def test_a_new_limiter_has_sent_nothing_was_refused_nothing_and_waits_for_nothing() -> None:
    pacer = limiter(rate=10.0, in_flight=7)
    assert (pacer.sent, pacer.throttled, pacer.in_flight, pacer.cap) == (0, 0, 0, 7)
    assert (pacer.rate, pacer.found, pacer.paused_for) == (10.0, None, 0.0)


async def test_a_limit_that_was_found_earlier_is_told() -> None:
    assert Limiter(recalled(unknown(), 40.0), 8).found == 40.0


async def test_a_bucket_that_another_left_empty_is_begun_with_what_flowed_in_since() -> None:
    await asyncio.sleep(100.0)
    pacer = limiter(rate=10.0, burst=50.0)
    pacer.taken_over(0.25)
    moments = [(await token(pacer)).at for _ in range(4)]
    assert moments == pytest.approx([100.0, 100.0, 100.05, 100.15])


async def test_polls_wait_until_8_requests_went_and_then_one_goes_and_the_count_begins_anew() -> None:
    pacer = limiter(rate=10.0)
    await token(pacer)
    order = ""

    async def ask(kind: str) -> None:
        nonlocal order
        async with pacer.turn(poll=kind == "p"):
            order += kind

    for kind in "p" + "r" * 8:
        asyncio.ensure_future(ask(kind))  # noqa: RUF006 - the loop is run until all have come
    await asyncio.sleep(0.45)
    assert order == "rrrr"
    await asyncio.sleep(1.0)
    assert order == "rrrrrrrrp"
    for kind in "r" * 3 + "p" + "r" * 9:
        asyncio.ensure_future(ask(kind))  # noqa: RUF006 - as above
    await asyncio.sleep(5.0)
    assert order == "rrrrrrrrp" + "r" + "r" * 8 + "p" + "r" * 3  # the first went before that poll came


async def test_8_requests_go_before_the_very_first_poll() -> None:
    pacer = limiter(rate=10.0)
    pacer.taken_over(0.0)
    order = ""

    async def ask(kind: str) -> None:
        nonlocal order
        async with pacer.turn(poll=True) if kind == "p" else pacer.turn():
            order += kind

    for kind in "p" + "r" * 10:
        asyncio.ensure_future(ask(kind))  # noqa: RUF006 - the loop is run until all have come
    await asyncio.sleep(2.0)
    assert order == "rrrrrrrrprr"


async def test_a_poll_that_is_cancelled_after_8_requests_went_before_it_keeps_the_others_from_nothing() -> None:
    pacer = limiter(rate=10.0)
    pacer.taken_over(0.0)
    poll = asyncio.ensure_future(token(pacer, poll=True))
    requests = [asyncio.ensure_future(token(pacer)) for _ in range(10)]
    await asyncio.sleep(0.85)
    poll.cancel()
    turns = await asyncio.gather(*requests)
    assert [turn.at for turn in turns[-2:]] == pytest.approx([0.9, 1.0])


async def test_a_rate_grows_from_the_first_wait_on() -> None:
    pacer = Limiter(unknown(), 100)
    await token(pacer)
    await token(pacer)
    assert pacer.rate == pytest.approx(60 * 4 ** (1 / 60), rel=1e-6)


async def test_requests_that_no_poll_waited_for_do_not_count_against_those_that_wait() -> None:
    pacer = limiter(rate=10.0)
    for _ in range(8):
        await token(pacer)
    order = ""

    async def ask(kind: str) -> None:
        nonlocal order
        async with pacer.turn(poll=kind == "p"):
            order += kind

    for kind in "prr":
        asyncio.ensure_future(ask(kind))  # noqa: RUF006 - the loop is run until all have come
    await asyncio.sleep(1.0)
    assert order == "rrp"


async def test_only_the_time_in_which_somebody_waited_makes_a_rate_grow_and_no_pause_does() -> None:
    pacer = Limiter(replace(unknown(), bucket=Bucket(60.0, 1.2, 1.0, 0.0)), 100)
    await asyncio.sleep(50.0)
    first = await token(pacer)
    assert pacer.rate == 60.0
    await token(pacer)
    waited = 1 / 60 - 0.2 / 60
    assert pacer.rate == pytest.approx(60 * 4**waited, rel=0.02)
    pacer.pause(first, 10.0)
    slower = pacer.rate
    await token(pacer)
    assert now() >= 60.0
    assert pacer.rate == pytest.approx(slower, rel=0.02)


async def test_a_place_that_is_left_is_given_back_whatever_the_request_came_to() -> None:
    crowd = Crowd(1)
    pacer = limiter(rate=1000.0, crowd=crowd)
    for _ in range(3):
        with pytest.raises(OSError, match="reset"):
            async with pacer.turn():
                raise OSError("reset")
    await token(pacer)
    assert pacer.sent == 4
