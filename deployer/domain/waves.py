"""Waves: ordered slices of a rollout's tenants, each with its bounds; who is in which, and how much may go wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import ceil, floor
from typing import Final

Amount = int | str
"""A number, or a percentage such as "20%"."""

REST: Final = "rest"


@dataclass(frozen=True, slots=True)
class Evidence:
    """How much more often than those not yet changed the changed may fail, as a part of 1, and from how many jobs."""

    margin: float
    jobs: int


@dataclass(frozen=True, slots=True)
class Checks:
    """What is checked of a wave: that its flows are as they were written, their jobs since, what a command says."""

    equal: bool = False
    errors: int | None = None
    evidence: Evidence | None = None
    command: str = ""
    open_errors: int | None = None

    def __bool__(self) -> bool:
        """Tell whether anything is checked."""
        return self != Checks()


def titled(name: str) -> str:
    """Return what a wave is called in a sentence: one without a name of its own is called wave already."""
    return name if name.startswith("wave") else f"wave {name}"


@dataclass(frozen=True, slots=True)
class Stage:
    """A wave as it is asked for. Without `size` it takes every tenant that `selects`, so that none may be in two."""

    name: str
    size: Amount | None = None
    selects: bool = False
    concurrency: Amount | None = None
    tolerance: Amount = 0
    approve: bool = False
    bake: tuple[float, float] = (0.0, 0.0)
    checks: Checks = field(default_factory=Checks)


@dataclass(frozen=True, slots=True)
class Wave:
    """A wave with its tenants counted. `bake` is the least and the longest wait after it, in seconds."""

    name: str
    size: int
    concurrency: int
    tolerance: int
    approve: bool = False
    bake: tuple[float, float] = (0.0, 0.0)
    checks: Checks = field(default_factory=Checks)

    def is_broken(self, failures: int) -> bool:
        """Tell whether more tenants failed than are tolerated: then nothing more is begun."""
        return failures > self.tolerance

    def room(self, failures: int, in_flight: int, *, strict: bool) -> int:
        """Return how many more tenants may begin now."""
        if self.is_broken(failures):
            return 0
        most = min(self.concurrency, self.tolerance + 1 - failures) if strict else self.concurrency
        return max(0, most - in_flight)

    def worst(self, *, strict: bool) -> int:
        """Return the most tenants that can fail in this wave."""
        return min(self.size, self.tolerance + (1 if strict else self.concurrency))


class AllotmentError(ValueError):
    """A tenant, by its number among those with work, that is in no wave or in two."""

    def __init__(self, tenant: int, waves: Sequence[str]) -> None:
        self.tenant = tenant
        self.waves = waves
        super().__init__()


def blast_radius(waves: Sequence[Wave], *, strict: bool) -> int:
    """Return the most tenants that can fail before the rollout stops: what is tolerated before a wave, and its worst.

    A wrong value that the API takes is no failure, and is not counted.
    """
    most = tolerated = 0
    for wave in waves:
        most = max(most, tolerated + wave.worst(strict=strict))
        tolerated += min(wave.size, wave.tolerance)
    return most


def stages_of(sizes: Sequence[Amount], total: int, model: Stage) -> list[Stage]:
    """Return stages of such sizes like `model`; the last size repeats until every tenant has its wave."""
    counts: list[int] = []
    left = total
    while left > 0:
        counts.append(min(left, _share_of(sizes[min(len(counts), len(sizes) - 1)], total)))
        left -= counts[-1]
    return [replace(model, name=f"wave {number}", size=count) for number, count in enumerate(counts, 1)]


def allot(stages: Sequence[Stage], picks: Sequence[int]) -> tuple[list[int], tuple[Wave, ...]]:
    """Return the wave of each tenant, counted from 1, and the waves that have any.

    `picks` has for each tenant with work, in the order of the list, a bit for every stage that its labels match. Each
    goes to the first stage that takes it and has room. Raise AllotmentError for a tenant claimed by two, or by none.
    """
    room = [_room(stage, len(picks)) for stage in stages]
    whole = [index for index, stage in enumerate(stages) if stage.size is None]
    taken, begin = [], 0
    for tenant, pick in enumerate(picks):
        claims = [index for index in whole if pick >> index & 1]
        while begin < len(stages) and not room[begin]:
            begin += 1
        taker = _taker(stages, room, pick, begin)
        if len(claims) > 1 or taker is None:
            raise AllotmentError(tenant, [stages[index].name for index in claims])
        room[taker] -= 1
        taken.append(taker)
    return _counted(stages, taken)


def _taker(stages: Sequence[Stage], room: Sequence[int], pick: int, begin: int) -> int | None:
    for index in range(begin, len(stages)):
        if room[index] and (not stages[index].selects or pick >> index & 1):
            return index
    return None


def _counted(stages: Sequence[Stage], taken: Sequence[int]) -> tuple[list[int], tuple[Wave, ...]]:
    sizes = [0] * len(stages)
    for index in taken:
        sizes[index] += 1
    used = [index for index, size in enumerate(sizes) if size]
    numbers = {index: number for number, index in enumerate(used, 1)}
    return [numbers[index] for index in taken], tuple(_wave(stages[index], sizes[index]) for index in used)


def _wave(stage: Stage, size: int) -> Wave:
    concurrency = size if stage.concurrency is None else max(1, floor(_part_of(stage.concurrency, size)))
    tolerance = floor(_part_of(stage.tolerance, size))
    return Wave(stage.name, size, concurrency, tolerance, stage.approve, stage.bake, stage.checks)


def _room(stage: Stage, total: int) -> int:
    return total if stage.size is None or stage.size == REST else _share_of(stage.size, total)


def _share_of(amount: Amount, total: int) -> int:
    return ceil(_part_of(amount, total))


def _part_of(amount: Amount, total: int) -> Fraction:
    """Return an amount of so many, exactly: as floats, 29 % of 100 are more than 29."""
    return Fraction(amount[:-1]) * total / 100 if isinstance(amount, str) else Fraction(amount)
