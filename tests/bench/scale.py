"""Rows 6, 7 and 8: a hundred thousand tenants: to go on, to hold, to plan. Quick runs are smaller, and say so."""

import sys
from dataclasses import dataclass

from tests.bench.api import Api, serving
from tests.bench.child import Child, Ended
from tests.bench.rollout import UNPACED, Rollout
from tests.bench.row import Mode, Row, median
from tests.bench.settings import Settings

_MEGABYTE = 2**20
_KILLED = -9
_LEAST = 25  # tenants an account: fewer are looked at one by one, and a plan would pass for a wave
_RESUME_SECONDS, _RESUME_MEGABYTES = 1.0, 50.0
_MEMORY_GOAL = 1.5
_PLAN_SECONDS, _PLAN_MEGABYTES = 10.0, 300.0
_RESUME, _APPLY = ("resume", "rollout.yaml"), ("apply", "rollout.yaml", "--yes")
_SIZE = 1024  # bytes of the template: what is measured is the number of tenants


@dataclass(frozen=True, slots=True)
class _Crowd:
    """So many tenants in so many accounts, at the server."""

    mode: Mode
    api: Api
    tenants: int
    accounts: int

    def placed(self) -> Rollout:
        """Return the rollout where nothing was deployed yet."""
        place = self.mode.place / f"of-{self.tenants}"
        rollout = Rollout(place, self.api.url, self.tenants, self.accounts, rate=UNPACED).write()
        self.api.begin(Settings(self.accounts, rollout.each, size=_SIZE))
        return rollout

    def begun(self) -> Rollout:
        """Return the rollout with its first requests sent and its deployer killed."""
        rollout = self.placed()
        self.life(rollout, *_APPLY)
        return rollout

    def life(self, rollout: Rollout, *command: str) -> tuple[float, Ended]:
        """Go on until the first tenant's request, and be killed there: seconds from start to it, and the cost."""
        self.api.begin(Settings(self.accounts, rollout.each, size=_SIZE, fresh=False))
        child = rollout.start(*command)
        self.api.wait_for(1, child)
        child.kill()
        ended = child.end(_KILLED)
        return self.api.figures().first - child.started, ended


def resume(mode: Mode) -> Row:
    """Measure how long a large rollout takes to go on, beyond what a small one in as many accounts takes."""
    accounts, tenants = mode.pick(4, 40), mode.pick(5_000, 100_000)
    with serving() as one, serving() as other:
        small, large = _Crowd(mode, one, accounts * _LEAST, accounts), _Crowd(mode, other, tenants, accounts)
        few, many = small.begun(), large.begun()
        lives = [
            (small.life(few, *_RESUME), large.life(many, *_RESUME), large.life(many, *_APPLY))
            for _ in range(mode.pick(2, 5))
        ]
    seconds = [many[0] - few[0] for few, many, _ in lives]
    memory = [(many[1].peak - few[1].peak) / _MEGABYTE for few, many, _ in lives]
    return Row(
        6,
        f"resume of {tenants} tenants in {accounts} accounts, to the first tenant's request",
        {
            "s above start-up": seconds,
            "MB above start-up": memory,
            "start-up, s": [few[0] for few, *_ in lives],
            "apply instead of resume, s above start-up": [again[0] - few[0] for few, _, again in lives],
        },
        f"<= {_RESUME_SECONDS:g} s, <= {_RESUME_MEGABYTES:g} MB above start-up",
        median(seconds) <= _RESUME_SECONDS and median(memory) <= _RESUME_MEGABYTES,
        f"start-up: the same of a rollout of {small.tenants} tenants; apply reads the tenants again and compares them",
    )


def memory(mode: Mode) -> Row:
    """Measure the peak memory of an apply against that of a hundredth of the tenants."""
    accounts, words = 20, mode.pick(("--timeout", "1s"), ())
    with serving() as api:
        peaks = [
            _Crowd(mode, api, tenants, accounts).placed().apply("--quiet", *words, codes=(0, 5)).peak / _MEGABYTE
            for tenants in (1000, mode.pick(5_000, 100_000))
        ]
    return Row(
        7,
        f"peak memory, {mode.pick(5_000, 100_000)} tenants / 1000, in {accounts} accounts",
        {"ratio": [peaks[1] / peaks[0]], "MB": [peaks[1]], "MB of 1000": [peaks[0]]},
        f"ratio <= {_MEMORY_GOAL}",
        peaks[1] / peaks[0] <= _MEMORY_GOAL,
        mode.pick("plan, 1 s of work and the summary, not the whole wave", ""),
    )


def plan(mode: Mode) -> Row:
    """Measure a plan from CSV, less what the same requests cost a bare loop."""
    tenants, accounts = mode.pick(10_000, 100_000), 200
    with serving() as api:
        crowd = _Crowd(mode, api, tenants, accounts)
        rollout = crowd.placed()

        def pair() -> tuple[Ended, Ended]:
            ours = rollout.start("plan", "rollout.yaml").end()
            words = [sys.executable, "-m", "tests.bench.bare", "read", api.url, str(accounts)]
            return ours, Child(words, place=mode.place).end()

        pairs = [pair() for _ in range(mode.pick(1, 3))]
    seconds = [ours.cpu - bare.cpu for ours, bare in pairs]
    peaks = [ours.peak / _MEGABYTE for ours, _ in pairs]
    return Row(
        8,
        f"plan of {tenants} tenants from CSV in {accounts} accounts",
        {"CPU s, API aside": seconds, "MB": peaks, "CPU s of the API": [bare.cpu for _, bare in pairs]},
        f"<= {_PLAN_SECONDS:g} s, <= {_PLAN_MEGABYTES:g} MB",
        median(seconds) <= _PLAN_SECONDS and median(peaks) <= _PLAN_MEGABYTES,
        "API aside: less the CPU of a bare loop that reads and decodes the same lists",
    )
