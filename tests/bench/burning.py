"""A limiter in a process of its own, measured while others burn the CPU: `python -m tests.bench.burning SECONDS`.

Prints JSON: the rate reached of the rate configured, the worst second above it in requests, turns out of order.
"""

import asyncio
import json
import sys
from itertools import pairwise
from typing import Final

from deployer.domain.manifest import Account, Rate
from deployer.domain.pacing import with_margin
from deployer.engine.accounts import new_limiter
from tests.bench.ideal import worst_second

PER_SECOND: Final = 250.0
BURST: Final = 16  # so little that what is caught up after a delay is 0.04 s of the rate
_WAITING: Final = 300


async def _measured(seconds: float) -> dict[str, float]:
    limits = Account(region="us", token="env:T", rate=Rate(per_second=PER_SECOND, burst=BURST))
    limiter, loop = new_limiter(limits), asyncio.get_running_loop()
    for _ in range(BURST + 1):
        async with limiter.turn():
            pass  # what is measured is the rate, not the full bucket it begins with
    end = loop.time() + seconds
    moments: list[float] = []
    asked: list[int] = []

    async def ask() -> None:
        while loop.time() < end:
            number = len(asked)
            asked.append(number)
            async with limiter.turn():
                moments.append(loop.time())
                served.append(number)

    served: list[int] = []
    async with asyncio.TaskGroup() as group:
        for _ in range(_WAITING):
            group.create_task(ask())
    within = [moment for moment in moments if moment <= end]
    rate = with_margin(PER_SECOND, BURST).rate
    reached = (len(within) - 1) / (within[-1] - within[0])
    disorder = sum(one > other for one, other in pairwise(served))
    return {"rate": reached / rate, "worst": worst_second(within) / rate, "of": rate, "disorder": disorder}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(_measured(float(sys.argv[1])))))
