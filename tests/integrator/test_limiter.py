"""The limiter under a clock that jumps: rate, order, pauses and cancellation, exactly."""

import asyncio
from contextlib import AsyncExitStack
from itertools import pairwise

import anyio
import pytest

from deployer.domain.adaptive import Turn, steady, unknown
from deployer.domain.pacing import Bucket
from deployer.integrator.limiter import Crowd, Limiter
from tests.clockwork import BACKEND, ClockworkLoop

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> object:
    return BACKEND


def limiter(rate: float = 10.0, burst: float = 1.0, in_flight: int = 100) -> Limiter:
    return Limiter(steady(Bucket(rate, burst, burst, 0.0)), in_flight)


def now() -> float:
    return asyncio.get_running_loop().time()


async def token(pacer: Limiter, *, poll: bool = False) -> Turn:
    """Take a turn and be done at once."""
    async with pacer.turn(poll=poll) as turn:
        return turn


async def turns(pacer: Limiter, count: int) -> list[tuple[int, float]]:
    """Return who got a token when, of so many that ask in order."""
    came: list[tuple[int, float]] = []

    async def ask(number: int) -> None:
        async with pacer.turn():
            came.append((number, now()))

    async with anyio.create_task_group() as group:
        for number in range(count):
            group.start_soon(ask, number)
    return came


async def test_tokens_come_in_the_order_they_were_asked_for() -> None:
    came = await turns(limiter(), 50)
    assert [number for number, _ in came] == list(range(50))


async def test_who_comes_while_the_loop_was_too_busy_to_serve_the_queue_does_not_get_ahead_of_it() -> None:
    pacer = limiter(rate=10.0)
    await token(pacer)
    first = asyncio.ensure_future(token(pacer))
    await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ClockworkLoop)
    loop.be_busy(0.1)
    await token(pacer)
    assert first.done()
    assert now() == pytest.approx(0.2)


async def test_after_the_burst_the_rate_is_kept_to_the_token() -> None:
    pacer = limiter(rate=100.0, burst=20.0)
    moments = [moment for _, moment in await turns(pacer, 520)]
    assert moments[19] == 0.0
    assert moments[-1] == pytest.approx(5.0)
    assert all(later - earlier == pytest.approx(0.01) for earlier, later in pairwise(moments[20:]))
    assert (pacer.sent, pacer.rate) == (520, 100.0)


async def test_what_is_ready_is_what_the_bucket_holds_now() -> None:
    pacer = limiter(rate=10.0, burst=5.0)
    assert pacer.ready == 5.0
    await turns(pacer, 5)
    assert pacer.ready == 0.0
    await asyncio.sleep(0.2)
    assert pacer.ready == pytest.approx(2.0)


async def test_a_pause_holds_everybody_and_then_starts_without_a_burst() -> None:
    pacer = limiter(rate=10.0, burst=5.0)
    pacer.pause(await token(pacer), 3.0)
    assert (pacer.throttled, pacer.paused_for) == (1, 3.0)
    moments = [moment for _, moment in await turns(pacer, 3)]
    assert moments == pytest.approx([3.0, 3.0 + 1 / 7, 3.0 + 2 / 7], abs=0.01)
    assert pacer.paused_for == 0.0


async def test_a_pause_reaches_those_who_wait_already_and_a_shorter_one_changes_nothing() -> None:
    pacer = limiter(rate=10.0)
    turn = await token(pacer)
    asyncio.get_running_loop().call_at(0.05, pacer.pause, turn, 2.0)
    asyncio.get_running_loop().call_at(0.06, pacer.pause, turn, 0.5)
    moments = [moment for _, moment in await turns(pacer, 2)]
    assert moments == pytest.approx([2.05, 2.05 + 1 / 7], abs=0.01)


async def test_repeated_pauses_of_no_length_give_no_extra_tokens() -> None:
    pacer = limiter(rate=10.0)
    for _ in range(10):
        pacer.pause(await token(pacer), 0.0)
    assert now() >= 0.9


async def test_a_waiter_that_is_cancelled_costs_no_token() -> None:
    pacer = limiter(rate=10.0)
    await token(pacer)
    waiting = [asyncio.ensure_future(token(pacer)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.wait(waiting)
    assert now() == pytest.approx(0.2)
    assert pacer.sent == 3


async def test_a_token_whose_taker_is_cancelled_at_that_moment_goes_to_the_next() -> None:
    pacer = Limiter(steady(Bucket(10.0, 1.0, 1.0, 0.0)), 8, Crowd(1))
    await token(pacer)
    first, second = (asyncio.ensure_future(token(pacer)) for _ in range(2))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_at(0.1, first.cancel)  # runs right after the timer that gave the turn
    await asyncio.wait([first, second])
    assert first.cancelled()
    assert now() == pytest.approx(0.1)
    assert pacer.sent == 2


async def test_slots_cap_what_is_in_flight_and_are_given_in_order() -> None:
    pacer = limiter(in_flight=2)
    entered: list[int] = []

    async def hold(number: int) -> None:
        async with pacer.slot():
            entered.append(number)
            assert pacer.in_flight <= 2
            await asyncio.sleep(1)

    async with anyio.create_task_group() as group:
        for number in range(6):
            group.start_soon(hold, number)
    assert entered == list(range(6))
    assert (now(), pacer.in_flight) == (3.0, 0)


async def test_a_cancelled_waiter_and_a_cancelled_holder_lose_no_slot() -> None:
    pacer = limiter(in_flight=1)

    async def hold() -> None:
        async with pacer.slot():
            await asyncio.sleep(10)

    holder, waiter, last = (asyncio.ensure_future(hold()) for _ in range(3))
    await asyncio.sleep(1)
    waiter.cancel()
    holder.cancel()
    await asyncio.wait([holder, waiter, last])
    assert (now(), pacer.in_flight) == (11.0, 0)


async def test_calls_that_take_minutes_do_not_keep_the_rate_from_being_used() -> None:
    pacer = limiter(rate=300.0, in_flight=512)

    async def clone() -> None:
        async with pacer.slot(), pacer.turn():
            await asyncio.sleep(60)

    async with anyio.create_task_group() as group:
        for _ in range(600):
            group.start_soon(clone)
        await asyncio.sleep(1.0)
        assert pacer.sent == pytest.approx(300, abs=2)
        await asyncio.sleep(1.0)
        assert (pacer.sent, pacer.in_flight) == (512, 512)
        await asyncio.sleep(60.0)
        assert (pacer.sent, pacer.slots) == (600, 512)


async def test_slots_are_as_many_as_rate_and_latency_ask_for() -> None:
    pacer = limiter(rate=100.0, in_flight=512)

    async def get() -> None:
        async with pacer.slot(), pacer.turn():
            await asyncio.sleep(0.4)

    async with anyio.create_task_group() as group:
        for _ in range(1000):
            group.start_soon(get)
        await asyncio.sleep(5.0)
        assert pacer.in_flight == pacer.slots == 60
    assert now() == pytest.approx(999 / 100 + 0.4, abs=0.05)


async def test_a_further_worker_helps_while_nobody_waits_and_a_slot_can_be_had() -> None:
    pacer = limiter(rate=10.0, in_flight=2)
    helps = [pacer.wants_more]
    async with pacer.slot():
        await token(pacer)
        helps.append(pacer.wants_more)
        waits = asyncio.ensure_future(token(pacer))
        await asyncio.sleep(0)
        helps.append(pacer.wants_more)
        await waits
        async with pacer.slot():
            helps.append(pacer.wants_more)
    assert helps == [True, True, False, False]


async def test_workers_beyond_an_accounts_share_are_for_those_that_hold_requests() -> None:
    crowd = Crowd(40)
    one, other = (Limiter(steady(Bucket(1000.0, 1.0, 1.0, 0.0)), 100, crowd) for _ in range(2))

    with one.telling(lambda: None):
        alone = one.may_have_more(39), one.may_have_more(40)
        with other.telling(lambda: None):
            shared = one.may_have_more(19), one.may_have_more(20)
            async with AsyncExitStack() as held:
                for _ in range(10):
                    await held.enter_async_context(one.slot())
                    await held.enter_async_context(one.turn())
                held_by_half = one.may_have_more(20), one.may_have_more(21)
        again = one.may_have_more(39)

    assert (alone, shared, held_by_half, again) == ((True, False), (True, False), (True, False), True)
    assert not one.may_have_more(100)


async def test_requests_go_before_polls_and_polls_do_not_wait_for_ever() -> None:
    pacer = limiter(rate=10.0)
    await token(pacer)
    order: list[str] = []

    async def ask(kind: str) -> None:
        async with pacer.turn(poll=kind == "poll"):
            order.append(kind)

    async with anyio.create_task_group() as group:
        for kind in ["poll"] * 3 + ["request"] * 20:
            group.start_soon(ask, kind)
    assert order[:9] == ["request"] * 8 + ["poll"]
    assert sorted(order[9:18]) == ["poll"] + ["request"] * 8


async def test_a_rate_that_is_not_used_does_not_grow() -> None:
    pacer = Limiter(unknown(), 100)
    for _ in range(20):
        await token(pacer)
        await asyncio.sleep(1.0)
    assert pacer.rate == pytest.approx(60.0, rel=0.1)


async def test_a_rate_that_is_used_grows() -> None:
    pacer = Limiter(unknown(), 100)
    await turns(pacer, 200)
    assert pacer.rate > 120


@pytest.mark.parametrize("busy", [0.0, 0.015])
async def test_the_rate_is_kept_while_the_loop_is_busy(busy: float) -> None:
    pacer = limiter(rate=300.0, burst=6.0)
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ClockworkLoop)
    came: list[float] = []

    async def ask() -> None:
        async with pacer.turn():
            came.append(now())
        if len(came) % 20 == 0:
            loop.be_busy(busy)

    async with anyio.create_task_group() as group:
        for _ in range(3000):
            group.start_soon(ask)
    assert len(came) / came[-1] >= 0.995 * 300
    steady = came[20:]
    worst = max(sum(start <= moment < start + 1 for moment in steady[n : n + 400]) for n, start in enumerate(steady))
    assert worst <= 1.04 * 300 + 1


async def test_accounts_together_have_no_more_on_the_wire_than_is_allowed_and_take_turns() -> None:
    crowd = Crowd(2)
    order: list[str] = []
    together = 0

    async def call(name: str, pacer: Limiter) -> None:
        nonlocal together
        async with pacer.slot(), pacer.turn():
            together += 1
            assert together <= 2
            order.append(name)
            await asyncio.sleep(1.0)
            together -= 1

    async with anyio.create_task_group() as group:
        for name in "ab":
            pacer = Limiter(steady(Bucket(1000.0, 10.0, 10.0, 0.0)), 8, crowd)
            for _ in range(4):
                group.start_soon(call, name, pacer)
    assert now() == 4.0
    assert order[2:] in (list("bababb"), list("bbabab"), list("bbaabb"), list("ababbb"))


async def test_an_account_that_is_paused_keeps_no_place_from_the_others() -> None:
    crowd = Crowd(1)
    paused, other = (Limiter(steady(Bucket(10.0, 1.0, 1.0, 0.0)), 8, crowd) for _ in range(2))
    paused.pause(await token(paused), 100.0)
    waits = asyncio.ensure_future(token(paused))
    await asyncio.sleep(0)
    await token(other)
    assert now() < 1.0
    await waits


async def test_whoever_is_cancelled_while_others_fill_the_wire_leaves_no_place_taken() -> None:
    crowd = Crowd(1)
    one, other = (Limiter(steady(Bucket(10.0, 1.0, 1.0, 0.0)), 8, crowd) for _ in range(2))
    async with one.turn():
        waits = asyncio.ensure_future(token(other))
        await asyncio.sleep(0.5)
        waits.cancel()
    await asyncio.wait([waits])
    await token(one)
    await token(other)
    assert other.sent == 1
