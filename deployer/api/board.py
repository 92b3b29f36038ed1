"""The tenants of one rollout by their places in the plan: how each stands, counted as they move, found and ordered.

A hundred thousand of them take a few megabytes, so that a page of them costs milliseconds, whatever it asks for.
"""

from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from deployer.domain.deployment import Status
from deployer.journal.watched import Placed

Order = Literal["place", "tenant", "outcome", "account", "action", "wave"]

_STATUSES: Final = tuple(Status)
_CODES: Final = {status: code for code, status in enumerate(_STATUSES)}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which tenants are asked for: with one of some outcomes, where any are named, and whose name holds a text."""

    outcomes: frozenset[Status] = frozenset()
    text: str = ""
    order: Order = "place"
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Roster:
    """What a plan says of its tenants, by place; it never changes."""

    names: Sequence[str]  # as they are compared
    accounts: Sequence[str]
    actions: Sequence[str]

    @classmethod
    def of(cls, rows: Sequence[tuple[str, str, str]]) -> "Roster":
        """Return the roster of rows of a tenant's name, account and action."""
        return cls([row[0].casefold() for row in rows], [row[1] for row in rows], [row[2] for row in rows])


@dataclass(slots=True)
class Board:
    """How the tenants of a rollout stand. `troubled` is what was read of some of them, until they move."""

    counts: dict[Status, int] = field(default_factory=lambda: dict.fromkeys(_STATUSES, 0))
    by_wave: dict[int, dict[Status, int]] = field(default_factory=dict)
    roster: Roster | None = None
    troubled: dict[int, Mapping[str, object]] = field(default_factory=dict)
    _statuses: bytearray = field(default_factory=bytearray)
    _waves: "array[int]" = field(default_factory=lambda: array("I"))
    _orders: "dict[Order, array[int]]" = field(default_factory=dict)

    @classmethod
    def of(cls, standing: Mapping[int, Placed]) -> "Board":
        """Return the board of all tenants of a rollout."""
        board = cls()
        for place in range(len(standing)):
            placed = standing[place]
            board._statuses.append(_CODES[placed.status])
            board._waves.append(placed.wave)
            board._count(placed.wave, placed.status, 1)
        return board

    def __len__(self) -> int:
        return len(self._statuses)

    def move(self, standing: Mapping[int, Placed]) -> None:
        """Let some tenants stand as they do now."""
        for place, placed in standing.items():
            self._count(placed.wave, _STATUSES[self._statuses[place]], -1)
            self._count(placed.wave, placed.status, 1)
            self._statuses[place] = _CODES[placed.status]
            self.troubled.pop(place, None)

    def places(self, outcomes: Collection[Status], order: Sequence[int] | None = None) -> Iterator[int]:
        """Yield the places of the tenants with one of some outcomes, in an order of places."""
        codes, statuses = {_CODES[each] for each in outcomes}, self._statuses
        return (place for place in (range(len(statuses)) if order is None else order) if statuses[place] in codes)

    def find(self, wanted: Wanted) -> Sequence[int]:
        """Return the places of the tenants that are asked for, in order; what names decide needs the roster."""
        found: Sequence[int] = self._ordered(wanted.order)
        if wanted.outcomes:
            found = list(self.places(wanted.outcomes, found))
        if wanted.text and self.roster:
            text, names = wanted.text.casefold(), self.roster.names
            found = [place for place in found if text in names[place]]
        return found[::-1] if wanted.descending else found

    def forget_roster(self) -> None:
        """Forget what the plan says of the tenants."""
        self.roster = None
        self._orders.clear()

    def _ordered(self, order: Order) -> Sequence[int]:
        """Return all places in an order; those that a plan gives are kept."""
        if order == "place":
            return range(len(self))
        if order == "outcome":
            return sorted(range(len(self)), key=self._statuses.__getitem__)
        if order not in self._orders:
            self._orders[order] = array("I", sorted(range(len(self)), key=self._column(order).__getitem__))
        return self._orders[order]

    def _column(self, order: Order) -> Sequence[int] | Sequence[str]:
        if self.roster is None or order == "wave":
            return self._waves
        columns = {"tenant": self.roster.names, "account": self.roster.accounts, "action": self.roster.actions}
        return columns[order]

    def _count(self, wave: int, status: Status, change: int) -> None:
        self.counts[status] += change
        if wave:
            self.by_wave.setdefault(wave, dict.fromkeys(_STATUSES, 0))[status] += change


def needs_roster(wanted: Wanted) -> bool:
    """Tell whether what is asked for is decided by what a plan says of its tenants."""
    return bool(wanted.text) or wanted.order in {"tenant", "account", "action"}
