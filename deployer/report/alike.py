"""Tenants of whom the same is said: told together, the first of them by name."""

from bisect import insort
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TypeAlias

from deployer.domain.plan import Planned
from deployer.report.text import brief, plain, some, wrapped

_SHAPES = 1000  # in which tenants of a kind may differ; what is beyond is only counted
_FEW = 3  # tenants that are shown one by one however alike they are
_NAMES = 6  # tenants named of a group
_INDENT = 6  # columns


@dataclass(frozen=True, slots=True)
class Phrase:
    """Something said of a tenant: tenants with phrases about the same are alike, and say the same of equal values."""

    about: Hashable
    value: object
    say: Callable[[], str]


Phrases: TypeAlias = Callable[[Planned], Iterable[Phrase]]


@dataclass(slots=True)
class Alike:
    """Tenants that may be shown together: how many, the first of them, and about which phrases all say the same."""

    phrases: Phrases
    values: list[object]
    same: list[bool]
    count: int = 0
    first: list[tuple[int, Planned]] = field(default_factory=list)

    @property
    def is_one(self) -> bool:
        """Tell whether only one is shown."""
        return self.count == 1

    @property
    def title(self) -> str:
        """Return the tenant's name, or how many they are."""
        return plain(self.first[0][1].tenant) if self.is_one else f"{self.count:,} tenants"

    @property
    def planned(self) -> Planned:
        """Return the first."""
        return self.first[0][1]

    def add(self, place: int, planned: Planned, values: list[object]) -> None:
        """Take one in; those that come first in the plan are kept, whatever the order in which they are decided."""
        self.count += 1
        self.same = [held and one == other for held, one, other in zip(self.same, self.values, values, strict=True)]
        if len(self.first) < _NAMES or place < self.first[-1][0]:
            insort(self.first, (place, planned), key=itemgetter(0))
            del self.first[_NAMES:]

    def apart(self) -> "list[Alike]":
        """Return a few that are shown one by one."""
        return [alone(place, planned, self.phrases) for place, planned in self.first]

    def pieces(self) -> Iterator[str]:
        """Yield what is said of all; where the values differ, that of the first."""
        for phrase, same in zip(self.phrases(self.planned), self.same, strict=True):
            yield phrase.say() if same else f"{phrase.say()}, …"

    def named(self, remedy: str, *, width: int) -> list[str]:
        """Return lines that name the first, count the others, and tell how to see each."""
        more = f", … and {self.count - len(self.first):,} more" if self.count > len(self.first) else ""
        words = f"{some([brief(planned.tenant) for _, planned in self.first], _NAMES)}{more} ({remedy})".split(" ")
        return wrapped(" " * _INDENT, words, width=width, hang=_INDENT, gap=" ")


def alone(place: int, planned: Planned, phrases: Phrases) -> Alike:
    """Return one tenant that is shown by itself."""
    values = [phrase.value for phrase in phrases(planned)]
    return Alike(phrases, values, [True] * len(values), 1, [(place, planned)])


@dataclass(slots=True)
class Kind:
    """Tenants of one kind, those alike together; beyond so many shapes, they are only counted."""

    phrases: Phrases
    alike: dict[Hashable, Alike] = field(default_factory=dict)
    count: int = 0

    def add(self, place: int, planned: Planned, *, word: str = "") -> None:
        """Take a tenant in, with its place in the plan; tenants of another `word` are not alike."""
        self.count += 1
        phrases = list(self.phrases(planned))
        shape = (word, *(phrase.about for phrase in phrases))
        values = [phrase.value for phrase in phrases]
        if shape not in self.alike and len(self.alike) < _SHAPES:
            self.alike[shape] = Alike(self.phrases, values, [True] * len(values))
        if found := self.alike.get(shape):
            found.add(place, planned, values)

    def shown(self) -> list[Alike]:
        """Return what is shown, in the order of the plan."""
        each = [one for alike in self.alike.values() for one in (alike.apart() if alike.count <= _FEW else [alike])]
        return sorted(each, key=lambda alike: alike.first[0][0])
