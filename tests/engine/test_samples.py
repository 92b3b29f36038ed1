"""What a rollout asked of each account is in its journal when it has ended."""

import os
from collections import Counter
from collections.abc import Sequence

import anyio
import pytest

from deployer.api.places import journal_home
from deployer.domain.samples import Call, Sample
from deployer.simulator import Customer, Rule
from tests.engine.stage import EU, US, Stage


def samples(stage: Stage) -> Sequence[Sample]:
    async def read() -> Sequence[Sample]:
        home = journal_home(stage.directory / "rollout.yaml", os.environ.get("DEPLOYER_JOURNAL"))
        async with home.open(read_only=True) as journal:
            [rollout] = await journal.rollouts(limit=1)
            return await journal.samples(rollout.id)

    return anyio.run(read)


def answers(found: Sequence[Sample]) -> Counter[Call]:
    total: Counter[Call] = Counter()
    for sample in found:
        total.update({call: sum(counts.values()) for call, counts in sample.latency.items()})
    return total


@pytest.mark.anywhere
def test_every_request_of_the_rollout_is_counted_with_its_account(stage: Stage) -> None:
    stage.add_account()
    stage.tenants = {f"tenant-{number}": Customer((US, EU)[number % 2], number) for number in range(6)}
    stage.run_flows()
    stage.befall(Rule(route="flows.put", action="refuse", status=429, headers={"Retry-After": "0.05"}, times=1))
    ended = stage.apply()
    assert ended.code == 0, ended.err

    found = samples(stage)
    assert {sample.account for sample in found} == {US, EU}
    total = answers(found)
    assert [total[Call.CLONE], total[Call.WRITE], total[Call.RUN]] == [6, 6, 6]
    assert stage.sent("flows.put") == 7
    assert sum(sample.throttled for sample in found) == 1
    assert sum(sample.requests for sample in found) == sum(total.values()) + 1
    assert 0.0 < sum(sample.paused for sample in found) <= 0.06
    assert all(0 < sample.seconds < 10 and sample.in_flight and sample.limit for sample in found)


def test_where_nothing_is_left_to_do_nothing_is_sampled(stage: Stage) -> None:
    assert stage.apply().code == 0
    assert samples(stage)
    assert stage.apply().code == 0
    assert samples(stage) == []
