"""How long a rollout took against the ideal: what rate, latency and bounds allow at best.

Waves add up, and what lies between them is left out: bakes, approvals, times in which nobody went on.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deployer.domain.documents import at
from deployer.domain.ideal import Demand, Limits, least_seconds, paced_seconds
from deployer.domain.pacing import IN_FLIGHT, with_margin
from deployer.domain.plan import Plan
from deployer.domain.samples import Latencies, Sample, added, quantile
from deployer.report.pace import limit_of
from deployer.report.spans import Axis, Interval, total, within
from deployer.report.tracks import Frame


@dataclass(slots=True)
class Chains:
    """What the tenants of one account in one wave had to do one after the other, in seconds; `jobs` are waited for."""

    longest: float = 0.0
    calls: float = 0.0
    jobs: float = 0.0
    steps: int = 0
    most_steps: int = 0

    def add(self, calls: float, jobs: float, steps: int) -> None:
        """Count one tenant."""
        self.longest = max(self.longest, calls + jobs)
        self.most_steps = max(self.most_steps, steps)
        self.calls += calls
        self.jobs += jobs
        self.steps += steps


@dataclass(frozen=True, slots=True)
class Efforts:
    """The facts of an efficiency: chains by wave and account, and from when to when each wave was moved.

    `underway` are the times of a wave in which any tenant was, and not only those who wait for a person.
    """

    chains: Mapping[tuple[int, str], Chains]
    moved: Mapping[int, Interval]
    axis: Axis
    underway: Mapping[int, Sequence[Interval]] = field(default_factory=dict)

    def seconds(self, wave: int) -> float:
        """Return how long a wave was under way, without what the axis cuts out."""
        begin, end = self.moved[wave]
        spans = within(self.underway.get(wave, [(begin, end)]), begin, end)
        return total(spans) - sum(total(within(spans, *cut)) for cut in self.axis.cuts)


def efficiency_view(plan: Plan, efforts: Efforts, samples: Sequence[Sample], frame: Frame) -> dict[str, Any] | None:
    """Return the ideal and the actual seconds; None where nothing was sampled, or nothing was moved."""
    if not samples or not efforts.moved:
        return None
    limits = {account: _limits(plan, account, samples) for account in {each.account for each in samples}}
    waves = [_wave(plan, number, efforts, samples, frame, limits) for number in sorted(efforts.moved)]
    whole = max(
        paced_seconds(Demand(_asked(found)), limits[account]) for account, found in _by_account(samples).items()
    )
    ideal, actual = max(whole, sum(wave["ideal_seconds"] for wave in waves)), sum(w["actual_seconds"] for w in waves)
    return {
        "ideal_seconds": round(ideal, 3),
        "actual_seconds": round(actual, 3),
        "efficiency": _part(ideal, actual),
        "waves": waves,
    }


def _wave(
    plan: Plan,
    number: int,
    efforts: Efforts,
    samples: Iterable[Sample],
    frame: Frame,
    limits: Mapping[str, Limits],
) -> dict[str, Any]:
    bounds = dict(_bounds(plan, number, efforts, _during(samples, frame, efforts.moved, number), limits))
    bound = max(bounds, key=lambda name: bounds[name], default="")
    ideal = bounds.get(bound, 0.0)
    actual = efforts.seconds(number)
    return {
        "wave": plan.waves[number - 1].name if number else None,
        "ideal_seconds": round(ideal, 3),
        "actual_seconds": round(actual, 3),
        "efficiency": _part(ideal, actual),
        "bound": bound,
    }


def _bounds(
    plan: Plan, number: int, efforts: Efforts, samples: Iterable[Sample], limits: Mapping[str, Limits]
) -> Iterator[tuple[str, float]]:
    """Yield what each bound demands of a wave: that of the account which needs longest."""
    found: dict[str, float] = defaultdict(float)
    everything = 0.0
    for account, theirs in _by_account(samples).items():
        chains, reading = efforts.chains.get((number, account), Chains()), _reading(theirs)
        longest = chains.longest + chains.most_steps * reading
        calls = chains.calls + chains.steps * reading
        everything += calls + chains.jobs
        paced = Demand(_asked(theirs), last=reading)
        found["rate"] = max(found["rate"], paced_seconds(paced, limits[account]))
        found["longest tenant"] = max(found["longest tenant"], longest)
        slots = least_seconds(Demand(0, 0.0, 0.0, calls), limits[account])
        found["requests in flight"] = max(found["requests in flight"], slots)
    if number:
        found["concurrency"] = everything / plan.waves[number - 1].concurrency
    yield from found.items()


def _during(samples: Iterable[Sample], frame: Frame, moved: Mapping[int, Interval], number: int) -> list[Sample]:
    """Return the samples of a wave: those that began after the wave before had ended, and before it had itself."""
    begin = moved[number - 1][1] if number - 1 in moved else float("-inf")
    end = moved[number][1] if number + 1 in moved else float("inf")
    return [each for each in samples if begin < frame.since(each.at) + each.seconds / 2 <= end]


def _limits(plan: Plan, account: str, samples: Iterable[Sample]) -> Limits:
    """Return what bounds an account as it was configured; where the limit was looked for, what was aimed at mostly."""
    rate = at(plan.settings, ("accounts", account, "rate"))
    given = rate if isinstance(rate, dict) else {}
    most = given.get("in_flight")
    in_flight = int(most) if isinstance(most, int | float) else IN_FLIGHT
    if given.get("per_second") == "auto":
        ours = [each for each in samples if each.account == account]
        aimed = sum(each.limit * each.seconds for each in ours) / sum(each.seconds for each in ours)
        return Limits(max(aimed, 1e-9), 1.0, in_flight)
    limit = limit_of(plan.settings, account)
    bucket = with_margin(limit.per_second, limit.burst, limit.share)
    return Limits(bucket.rate, bucket.burst, in_flight)


def _by_account(samples: Iterable[Sample]) -> dict[str, list[Sample]]:
    found: dict[str, list[Sample]] = defaultdict(list)
    for each in samples:
        found[each.account].append(each)
    return found


def _asked(samples: Iterable[Sample]) -> int:
    """Return how many requests were needed: those that were refused add nothing to the ideal."""
    return sum(each.requests - each.throttled for each in samples)


def _reading(samples: Iterable[Sample]) -> float:
    """Return how long reading takes, of which each step needs one before its call."""
    counts: list[Latencies] = [
        latencies for each in samples for call, latencies in each.latency.items() if call in {"read", "list"}
    ]
    return quantile(added(counts), 0.5) or 0.0


def _part(ideal: float, actual: float) -> float | None:
    """Return the efficiency; what ideal was made of is measured, and may come out a little above."""
    return round(min(1.0, ideal / actual), 4) if actual > 0 else None
