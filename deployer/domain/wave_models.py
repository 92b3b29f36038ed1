"""Waves as a manifest writes them: `sizes`, the last of which repeats, or `each` wave with what it takes."""

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    StrictInt,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from deployer.domain.editor import written
from deployer.domain.model import Duration, Part, Positive, Share
from deployer.domain.scalars import Name
from deployer.domain.selection import Labels, have, label_selector, labels
from deployer.domain.waves import REST, Amount, Checks, Evidence, Stage, Wave, allot, stages_of

_NUMBER: Final = re.compile(r"[0-9]{1,15}")
_PERCENT: Final = re.compile(r"[0-9]+(\.[0-9]+)?%")
_MOST: Final = 60  # waves that are written one by one


def _amount(value: object) -> object:
    """Read a number or a percentage, however an editor or an environment variable writes it."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and _PERCENT.fullmatch(value) and float(value[:-1]) <= 100:  # noqa: PLR2004 - per cent
        return value
    raise ValueError('must be a number of tenants, or a percentage such as "20%"')


def _some(value: Amount) -> Amount:
    if value == 0 or (isinstance(value, str) and value != REST and float(value[:-1]) == 0):
        raise ValueError("must be more than 0")
    return value


def _command(text: str) -> str:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ValueError(f"cannot be read as a command: {error}") from None
    if not words:
        raise ValueError("must name a command")
    return text


def _size(value: object) -> object:
    return value if value == REST else _amount(value)


_WRITTEN: Final = {"anyOf": [{"type": "integer", "minimum": 0}, written(rf"^{_PERCENT.pattern}$|^rest$|\$\{{")]}
AnyAmount = Annotated[int | str, BeforeValidator(_amount), WithJsonSchema(_WRITTEN)]
SomeAmount = Annotated[int | str, BeforeValidator(_amount), AfterValidator(_some), WithJsonSchema(_WRITTEN)]
Size = Annotated[int | str, BeforeValidator(_size), AfterValidator(_some), WithJsonSchema(_WRITTEN)]


class Bake(Part):
    """How long to wait after a wave before the next may begin."""

    min: Duration = 0.0
    max: Duration | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.max is not None and self.max < self.min:
            raise ValueError("max must not be less than min")
        return self


class EvidenceEntry(Part):
    """How much worse than those not yet changed the changed may be."""

    margin: Share = 0.05
    jobs: Positive = 5


class Verify(Part):
    """What is checked before the next wave may begin."""

    equal: StrictBool = False
    errors: Annotated[StrictInt, Field(ge=0)] | None = None
    open_errors: Annotated[StrictInt, Field(ge=0)] | None = None
    evidence: EvidenceEntry | None = None
    command: Annotated[str, AfterValidator(_command)] | None = None

    @property
    def checks(self) -> Checks:
        """Return the checks as values."""
        evidence = Evidence(self.evidence.margin, self.evidence.jobs) if self.evidence else None
        return Checks(self.equal, self.errors, evidence, self.command or "", self.open_errors)


class WaveEntry(Part):
    """One wave; what it does not say, all of them say."""

    name: Name | None = None
    select: Annotated[str, AfterValidator(label_selector)] | None = None
    size: Size | None = None
    concurrency: SomeAmount | None = None
    tolerance: AnyAmount | None = None
    verify: Verify | None = None
    bake: Bake | None = None
    approve: StrictBool | None = None

    @model_validator(mode="after")
    def _takes_somebody(self) -> Self:
        if self.select is None and self.size is None:
            raise ValueError(f"needs select, size, or both; the last may have size: {REST}")
        return self


def _listed(value: object) -> object:
    return {"each": value} if isinstance(value, list | tuple) else value


class Waves(Part):
    """The waves of a rollout, in order."""

    mode: Literal["soft", "strict"] = "soft"
    sizes: tuple[SomeAmount, ...] | None = None
    each: tuple[WaveEntry, ...] | None = None
    concurrency: SomeAmount | None = None
    tolerance: AnyAmount = 0
    verify: Verify = Verify()
    bake: Bake = Bake()
    approve: StrictBool = False

    @field_validator("sizes", "each")
    @classmethod
    def _some_and_not_too_many(cls, value: tuple[object, ...] | None) -> tuple[object, ...] | None:
        if value is not None and not 1 <= len(value) <= _MOST:
            raise ValueError(f"must have between 1 and {_MOST} entries")
        return value

    @model_validator(mode="after")
    def _in_one_form(self) -> Self:
        if (self.sizes is None) == (self.each is None):
            raise ValueError("takes either sizes or each")
        names = [entry.name for entry in self.each or () if entry.name is not None]
        if len(set(names)) < len(names):
            raise ValueError("each needs a name of its own")
        if any(entry.size == REST for entry in (self.each or ())[:-1]):
            raise ValueError(f"size: {REST} belongs to the last wave only")
        return self

    @property
    def strict(self) -> bool:
        """Tell whether never more than one tenant beyond the tolerated may fail."""
        return self.mode == "strict"

    @property
    def selectors(self) -> Sequence[Labels | None]:
        """Return, for each wave, the labels that its tenants have; None where any will do."""
        return [labels(entry.select.split(",")) if entry.select else None for entry in self.each or ()]

    def stages(self, total: int) -> Sequence[Stage]:
        """Return what to allot so many tenants to."""
        if self.sizes is not None:
            return stages_of(self.sizes, total, self._stage(WaveEntry(size=REST), ""))
        return [self._stage(entry, f"wave {number}") for number, entry in enumerate(self.each or (), 1)]

    def allot(self, picks: Sequence[int]) -> tuple[list[int], tuple[Wave, ...]]:
        """Return the wave of each tenant, and the waves; raise AllotmentError for one in two of them, or in none."""
        return allot(self.stages(len(picks)), picks)

    def _stage(self, entry: WaveEntry, name: str) -> Stage:
        bake = self.bake if entry.bake is None else entry.bake
        return Stage(
            entry.name or name,
            entry.size,
            selects=entry.select is not None,
            concurrency=self.concurrency if entry.concurrency is None else entry.concurrency,
            tolerance=self.tolerance if entry.tolerance is None else entry.tolerance,
            approve=self.approve if entry.approve is None else entry.approve,
            bake=(bake.min, bake.min if bake.max is None else bake.max),
            checks=(self.verify if entry.verify is None else entry.verify).checks,
        )


WavesOrList = Annotated[Waves, BeforeValidator(_listed)]


def picked(selectors: Sequence[Labels | None], carried: Mapping[str, str]) -> int:
    """Return a bit for every wave whose selector these labels match."""
    return sum(1 << index for index, wanted in enumerate(selectors) if wanted is not None and have(wanted, carried))
