"""Saved plans: content-addressed files of their owner's alone, a line a tenant, found by a prefix of their digest."""

import json
import os
import re
import tempfile
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice, repeat
from pathlib import Path
from typing import BinaryIO, Final

from deployer.domain.documents import canonical
from deployer.domain.plan import Plan, Planned, Totals
from deployer.domain.plan_records import (
    PLAN_FORMAT,
    Digest,
    decided_in,
    in_wave,
    plan_from,
    plan_record,
    planned_line,
    planned_of,
)
from deployer.domain.waves import AllotmentError, Wave
from deployer.engine.spool import Spool
from deployer.errors import GuardError, UsageError

EXPIRY = timedelta(days=7)
FOLDER = "plans"  # beside the journal
_PREFIX = re.compile(r"(?:plan:)?([0-9a-f]{6,64})")
_ABSENT: Final = -1
_HEAD_END: Final = b',"tenants":[\n'  # what follows are lines, so that nobody has to read the document whole
_END: Final = b'],"lines":"%b"}\n'  # with the fingerprint of the lines, whose stamps the digest leaves out
_LAST: Final = b"]"  # what no line of a tenant begins with


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan in a file. Its tenants are read from there, line by line, whenever they are gone through."""

    plan: Plan
    digest: str
    path: Path


@dataclass(frozen=True, slots=True)
class _Lines(Collection[Planned]):
    """The tenants of a plan file."""

    path: Path
    start: int
    size: int

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[Planned]:
        return map(planned_of, _lines(self.path, self.start))

    def __contains__(self, planned: object) -> bool:
        return any(each == planned for each in self)


def _lines(path: Path, start: int) -> Iterator[bytes]:
    """Yield the line of each tenant, without the comma that parts it from the next."""
    with path.open("rb") as file:
        file.seek(start)
        for line in file:
            if line.startswith(_LAST):
                return
            yield line.rstrip(b",\n")


Allotment = Callable[[Sequence[int]], tuple[Iterable[int] | None, tuple[Wave, ...]]]
"""Gives each pick its wave, counted from 1, and the waves; None and none where there are none."""


class Draft:
    """A plan in the making: tenants come account by account, and lie in the order of the manifest's list at the end.

    They wait in a spool; what is kept of each is where it begins there.
    """

    def __init__(
        self, size: int, watch: Callable[[int, Planned], None], allotted: Allotment = lambda _: (None, ())
    ) -> None:
        self.totals = Totals()
        self._allotted = allotted
        self._places = array("q", [_ABSENT]) * size
        self._picks = array("q", [_ABSENT]) * size  # the waves that may take each tenant with work
        self._watch = watch
        self._spool = Spool()

    def add(self, place: int, planned: Planned, pick: int = 0) -> None:
        """Take a decided tenant in, once; `pick` tells its waves apart."""
        if planned.steps:
            self._picks[place] = pick
        self._places[place] = self._spool.add(planned_line(planned).encode())
        self.totals.add(planned)
        self._watch(place, planned)

    def save(self, directory: Path, head: Plan) -> SavedPlan:
        """Write the plan whole or not at all, under its digest; `head` is what is known besides the tenants."""
        numbers, waves = self._waves()
        head = replace(head, totals=self.totals, waves=waves)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=directory)  # which makes it 0600
        try:
            with os.fdopen(descriptor, "wb", buffering=1 << 20) as file:
                digest = self._write(file, head, numbers)
            path = Path(name).replace(directory / f"{digest}.json")
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
        saved = _opened(path, digest)
        # In the manifest's order, which a text with sorted keys forgets.
        return replace(saved, plan=replace(saved.plan, accounts=head.accounts))

    def _write(self, file: BinaryIO, head: Plan, numbers: Iterable[int] | None) -> str:
        digest, lines = Digest(), sha256()
        file.write(canonical(plan_record(head)).encode()[:-1] + _HEAD_END)
        last = self.totals.actions.total() - 1
        for number, line in enumerate(self._ordered(numbers)):
            file.write(line + (b"\n" if number == last else b",\n"))
            digest.add(decided_in(line))
            lines.update(line)
        file.write(_END % lines.hexdigest().encode())
        return digest.of(head)

    def _ordered(self, numbers: Iterable[int] | None) -> Iterator[bytes]:
        waves = repeat(0) if numbers is None else iter(numbers)
        for begin, pick in zip(self._places, self._picks, strict=True):
            if begin != _ABSENT:
                line = self._spool.line(begin)
                yield line if pick == _ABSENT else in_wave(line, next(waves))

    def _waves(self) -> tuple[Iterable[int] | None, tuple[Wave, ...]]:
        """Return the wave of each tenant with work, in order, and the waves."""
        try:
            return self._allotted(array("q", (pick for pick in self._picks if pick != _ABSENT)))
        except AllotmentError as error:
            raise self._misfit(error) from None

    def _misfit(self, error: AllotmentError) -> GuardError:
        """Say which tenant is in two waves or in none."""
        working = (begin for begin, pick in zip(self._places, self._picks, strict=True) if pick != _ABSENT)
        name = planned_of(self._spool.line(next(islice(working, error.tenant, None)))).tenant
        if error.waves:
            return GuardError(
                f"waves: {name} is in {' and in '.join(error.waves)}", remedy="let their selectors exclude each other"
            )
        return GuardError(f"waves: {name} is in none", remedy="let the last wave have size: rest")


def load_plan(directory: Path, prefix: str) -> SavedPlan:
    """Return the saved plan whose digest begins so; raise where there is none, several, or it is not what it was."""
    match = _PREFIX.fullmatch(prefix)
    if not match:
        raise UsageError(f'"{prefix}" is no digest of a plan', remedy="give 6 to 64 of its hex digits")
    found = sorted(directory.glob(f"{match[1]}*.json"))
    if len(found) != 1:
        many = f"{len(found)} saved plans begin" if found else "no saved plan begins"
        remedy = "give more digits" if found else "make it: deployer plan"
        raise UsageError(f"{many} with {match[1]}", where=str(directory), remedy=remedy)
    saved = _checked(found[0])
    if datetime.now(UTC) - datetime.fromisoformat(saved.plan.observed_at) > EXPIRY:
        raise GuardError(f"the saved plan is older than {EXPIRY.days} days", where=str(found[0]), remedy="plan again")
    return saved


def _checked(path: Path) -> SavedPlan:
    """Open a plan file and demand that it is what its name says."""
    digest, lines = Digest(), sha256()
    try:
        saved = _opened(path, path.stem)
        for line in _lines(path, _start(path)):
            digest.add(decided_in(line))
            lines.update(line)
    except (ValueError, KeyError, TypeError):
        raise _changed(path) from None
    if digest.of(saved.plan) != path.stem or not _ends_with(path, _END % lines.hexdigest().encode()):
        raise _changed(path)
    return saved


def _ends_with(path: Path, end: bytes) -> bool:
    with path.open("rb") as file:
        file.seek(-min(len(end), path.stat().st_size), os.SEEK_END)
        return file.read() == end


def _changed(path: Path) -> GuardError:
    return GuardError("the saved plan was changed since it was made", where=str(path), remedy="plan again")


def _start(path: Path) -> int:
    with path.open("rb") as file:
        return len(file.readline())


def _opened(path: Path, digest: str) -> SavedPlan:
    with path.open("rb") as file:
        first = file.readline()
    record = json.loads(first.removesuffix(_HEAD_END) + b"}")
    if record["format_version"] != PLAN_FORMAT:
        raise GuardError("the saved plan is of another version", where=str(path), remedy="plan again")
    head = plan_from(record)
    size = head.totals.actions.total()
    return SavedPlan(replace(head, tenants=_Lines(path, len(first), size)), digest, path)
