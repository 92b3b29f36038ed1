"""A journal that is looked at again and again while others write it: what moved since is read, and nothing twice."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import anyio
import anyio.to_thread

from deployer.api.board import Board, Roster
from deployer.api.standing import Standing
from deployer.api.traffic import Traffic
from deployer.domain.deployment import OPEN, Status
from deployer.domain.plan import Plan
from deployer.errors import DeployerError
from deployer.journal.home import Home
from deployer.journal.protocol import Rollout
from deployer.journal.watched import Newest, WatchedDatabase, WatchedJournal
from deployer.report.causes import Causes
from deployer.report.summary import WaveStanding, tenant_view

__all__ = ["Home", "Newest", "Rollout", "Standing", "Status", "Watch", "WatchedJournal"]

_PATIENCE: Final = 0.2  # seconds that a page waits for tenants that were never counted
_KEPT: Final = 64  # rollouts whose tenants are kept counted
_OVERLAP: Final = 1000  # numbers: of several writers, those that commit late have smaller ones than were read already
_MOST: Final = 5 * _OVERLAP  # events that are read at a time
_TOO_MANY: Final = 20 * _MOST  # after which counting anew is cheaper
_SHARE: Final = 0.05  # of the time, at most, that flows are counted in
_MANY: Final = 10_000  # tenants
_LOOKED_AT: Final = 2000  # tenants in trouble whose causes are told apart
_NAMES: Final = 5  # that are named for each
_TOLD: Final = (Status.FAILED, Status.UNKNOWN, Status.STALE, Status.BLOCKED)
_HEARD: Final = 30.0  # seconds after which whoever has an account, and says nothing, is gone


class Watch:
    """What is known of a journal, and of the tenants of the rollouts that anybody asked for."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.counted = 0  # rises as the tenants of one more rollout are counted
        self._boards: dict[str, Board] = {}
        self._plans: dict[str, Plan] = {}
        self._revisions: dict[tuple[str, ...], tuple[float, Mapping[str, int]]] = {}
        self._traffic: dict[str, Traffic] = {}
        self._wanted: dict[str, anyio.Event] = {}
        self._asked = anyio.Event()
        self._after, self._journal = 0, ""
        self._lock = anyio.Lock()

    async def keep(self) -> None:
        """Count the tenants of the rollouts that are asked for, one after the other, until cancelled."""
        while True:
            await self._asked.wait()
            self._asked = anyio.Event()
            while self._wanted:
                rollout = next(iter(self._wanted))
                with suppress(DeployerError):  # whoever asked sees it too
                    await self._load(rollout)
                self._wanted.pop(rollout).set()

    @asynccontextmanager
    async def look(self) -> AsyncIterator[WatchedJournal]:
        """Open the journal, after what moved since the last look is known."""
        async with self.home.watched() as book:
            async with self._lock:
                await self._catch_up(book)
            yield book

    async def board(self, rollout: str) -> Board | None:
        """Return the tenants of a rollout; None where counting them, which goes on, takes longer than a page waits."""
        if rollout not in self._boards:
            counted = self._wanted.setdefault(rollout, anyio.Event())
            self._asked.set()
            with anyio.move_on_after(_PATIENCE):
                await counted.wait()
        return self._boards.get(rollout)

    async def standing(self, book: WatchedJournal, rollout: Rollout) -> tuple[Standing, Board | None]:
        """Return how a rollout stands; where its tenants are not counted yet, as if there were none."""
        board, plan = await self.board(rollout.id), await self.plan(book, rollout.id)
        if board is None:
            return Standing(rollout, dict.fromkeys(Status, 0), self.home), None
        gates = await book.gates(rollout.id)
        nobody = dict.fromkeys(Status, 0)
        waves = [
            WaveStanding(wave, board.by_wave.get(number, nobody), gates.get(number))
            for number, wave in enumerate(plan.waves, 1)
        ]
        return Standing(rollout, board.counts, self.home, waves), board

    async def plan(self, book: WatchedJournal, rollout: str) -> Plan:
        """Return the plan of a rollout without its tenants; it is frozen, and so read once."""
        if rollout not in self._plans:
            _make_room(self._plans)
            self._plans[rollout] = await book.plan(rollout)
        return self._plans[rollout]

    async def revisions(self, book: WatchedJournal, templates: tuple[str, ...]) -> Mapping[str, int]:
        """Count the flows of templates by their revision: as often as is worth what it costs."""
        known = self._revisions.get(templates)
        begun = anyio.current_time()
        if known is None or begun >= known[0]:
            found = await book.by_revision(templates)
            again = begun + (anyio.current_time() - begun) / _SHARE
            self._revisions[templates] = known = (again, found)
        return known[1]

    async def causes(self, book: WatchedJournal, rollout: str, board: Board) -> tuple[Causes, int]:
        """Return why tenants are in trouble, and how many more of them were not looked at."""
        places = list(board.places(_TOLD))
        looked_at = places[:_LOOKED_AT]
        new = [place for place in looked_at if place not in board.troubled]
        for deployment in await book.deployments_at(rollout, new):
            board.troubled[deployment.place] = tenant_view(deployment)
        causes = Causes(_NAMES)
        for tenant in filter(None, map(board.troubled.get, looked_at)):  # but for those that moved meanwhile
            causes.note(tenant)
        return causes, len(places) - len(looked_at)

    async def enrol(self, book: WatchedJournal, rollout: str, board: Board) -> None:
        """Let a board know what its plan says of the tenants, and forget what others know of very many."""
        if board.roster is None:
            board.roster = Roster.of(await book.roster(rollout))
            for other in self._boards.values():
                if other is not board and len(other) > _MANY:
                    other.forget_roster()

    async def traffic(self, book: WatchedJournal, rollout: str, board: Board | None) -> Traffic:
        """Return how fast a rollout goes."""
        traffic = self._traffic.get(rollout)
        if traffic is None:
            _make_room(self._traffic)
            traffic = self._traffic[rollout] = Traffic()
        async with self._lock:  # nothing is taken in twice
            more = True
            while more:
                found = await book.samples_after(rollout, traffic.read, limit=_MOST)
                traffic.add(sample for _, sample in found)
                traffic.read = max((number for number, _ in found), default=traffic.read)
                more = len(found) == _MOST
        if board is not None:
            traffic.rest(anyio.current_time(), len(board) - sum(board.counts[status] for status in OPEN))
        return traffic

    async def at_work(self, book: WatchedJournal) -> bool:
        """Tell whether anybody works on the journal now."""
        if isinstance(book, WatchedDatabase) and any(age < _HEARD for *_, age in await book.holders()):
            return True
        return await anyio.to_thread.run_sync(self.home.holder, abandon_on_cancel=True) is not None

    async def _load(self, rollout: str) -> None:
        async with self.home.watched() as book:
            after = await book.latest_event()
            board = Board.of(await book.standing(rollout))
        async with self._lock:  # what moved meanwhile is read again
            _make_room(self._boards)
            self._boards[rollout], self._after = board, min(self._after, after)
            self.counted += 1

    async def _catch_up(self, book: WatchedJournal) -> None:
        latest, journal = await book.latest_event(), (await book.work()).journal
        if journal != self._journal or not 0 <= latest - self._after <= _TOO_MANY:  # another, an older one, or too late
            for kept in (self._boards, self._plans, self._revisions, self._traffic):
                kept.clear()
            self._after, self._journal = latest, journal
        if latest == self._after and not book.is_shared:
            return
        after, more = self._after - (_OVERLAP if book.is_shared else 0), True
        while more:
            news = await book.news(after=after, limit=_MOST)
            for rollout, places in news.places.items():
                if board := self._boards.get(rollout):
                    board.move(await book.standing(rollout, places))
            after, more = news.latest, news.more
        self._after = max(self._after, after)


def _make_room(kept: dict[str, Any]) -> None:
    """Forget what was known first where there is too much of it."""
    while len(kept) >= _KEPT:
        del kept[next(iter(kept))]
