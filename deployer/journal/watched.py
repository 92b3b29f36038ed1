"""A journal as somebody sees it who looks at it again and again while others write it."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from deployer.domain.deployment import Deployment, Status, status_in
from deployer.domain.lifecycle import State
from deployer.domain.samples import Sample
from deployer.journal import claims
from deployer.journal import queries as q
from deployer.journal.connection import Connection
from deployer.journal.reading import deployments_of
from deployer.journal.samples import samples_after
from deployer.journal.tables import TableJournal

_AT: Final = "AND place IN (SELECT CAST(value AS INTEGER) FROM json_each(:places))"
_PLACED: Final = """
    SELECT place, wave, action = 'blocked',
        EXISTS (SELECT 1 FROM step s WHERE s.rollout = d.rollout AND s.place = d.place)
    FROM deployment d WHERE rollout = :rollout
"""
_LEFT: Final = f"SELECT place, state, position > 0, stale FROM ({q.FIRST_LEFT} %s) AS s"
_DEPLOYMENTS_AT: Final = f"{q.OF} {_AT} ORDER BY place"
_ROSTER: Final = "SELECT tenant, account, action FROM deployment WHERE rollout = ? ORDER BY place"
_MOVED: Final = """
    SELECT rollout, place, max(number), count(*)
    FROM (SELECT number, rollout, place FROM event WHERE number > ? ORDER BY number LIMIT ?) AS newest
    GROUP BY rollout, place
"""
# Of each flow the newest deployment that compared it, or that ran it, and when anything happened to that last.
_NEWEST: Final = """
    SELECT integration, rollout, place,
        (SELECT max(e.at) FROM event e WHERE e.rollout = newest.rollout AND e.place = newest.place)
    FROM (
        SELECT d.integration, d.rollout, d.place, r.number,
            max(r.number) OVER (PARTITION BY d.integration) AS last
        FROM deployment d JOIN rollout r ON r.id = d.rollout
        WHERE d.template = ? AND d.integration IN (SELECT value FROM json_each(?)) %s
    ) AS newest WHERE number = last
"""
_COMPARED: Final = "AND r.kind <> 'run'"
_RAN: Final = """AND EXISTS (
    SELECT 1 FROM step s WHERE s.rollout = d.rollout AND s.place = d.place AND s.kind = 'run'
    AND s.state NOT IN ('ready', 'cancelled')
)"""


class Placed(NamedTuple):
    """In which wave a tenant is, 0 where there are none, and how it stands."""

    wave: int
    status: Status


@dataclass(frozen=True, slots=True)
class News:
    """The number of the last of some events, the places they befell in each rollout, whether there may be more."""

    latest: int
    places: Mapping[str, Sequence[int]]
    more: bool


@dataclass(frozen=True, slots=True)
class Newest:
    """A flow's newest deployment of a kind, of which rollout, and when anything happened to it last (UTC, ISO-8601)."""

    rollout: str
    deployment: Deployment
    at: str | None


class WatchedJournal(TableJournal):
    """A journal in tables that is only read, and what nobody else reads of it."""

    async def standing(self, rollout: str, places: Collection[int] | None = None) -> Mapping[int, Placed]:
        """Return how the tenants of a rollout stand, by place: all, or those at some places."""
        return await self._writer.ask(lambda connection: _standing(connection, rollout, places))

    async def roster(self, rollout: str) -> Sequence[tuple[str, str, str]]:
        """Return the tenants of a rollout by place: each one's name, account and action."""
        return await self._select(_ROSTER, (rollout,))

    async def deployments_at(self, rollout: str, places: Sequence[int]) -> Sequence[Deployment]:
        """Return the deployments at some places of the plan, in the order of the places as they are given."""
        wanted = {"rollout": rollout, "places": json.dumps(list(places))}
        found = await self._writer.ask(lambda connection: deployments_of(connection, _DEPLOYMENTS_AT, wanted))
        by_place = {deployment.place: deployment for deployment in found}
        return [by_place[place] for place in places if place in by_place]

    async def latest_event(self) -> int:
        """Return the number of the newest event."""
        [(number,)] = await self._select(q.LATEST_EVENT, ())
        return int(number)

    async def news(self, *, after: int, limit: int) -> News:
        """Return what the next events after one, so many at most, befell, whatever the rollout."""
        found, places = await self._select(_MOVED, (after, limit)), dict[str, list[int]]()
        for rollout, place, *_ in found:
            places.setdefault(rollout, []).append(place)
        latest = max((number for *_, number, _ in found), default=after)
        return News(int(latest), places, sum(count for *_, count in found) == limit)

    async def samples_after(self, rollout: str, number: int, *, limit: int) -> Sequence[tuple[int, Sample]]:
        """Return the next samples of a rollout after a number, each with its own; of an older journal, none."""
        return await self._writer.ask(lambda connection: samples_after(connection, rollout, number, limit=limit))

    async def newest(self, template: str, integrations: Collection[str], *, ran: bool) -> Mapping[str, Newest]:
        """Return of each flow of a template, by integration, the newest deployment that compared, or `ran`, it."""
        wanted = (template, json.dumps(list(integrations)))

        def work(connection: Connection) -> dict[str, Newest]:
            rows = connection.execute(_NEWEST % (_RAN if ran else _COMPARED), wanted).fetchall()
            places: dict[str, list[int]] = {}
            for _, rollout, place, _ in rows:
                places.setdefault(rollout, []).append(place)
            found = {
                (rollout, each.place): each
                for rollout, where in places.items()
                for each in deployments_of(
                    connection, _DEPLOYMENTS_AT, {"rollout": rollout, "places": json.dumps(where)}
                )
            }
            return {row[0]: Newest(row[1], found[row[1], row[2]], row[3]) for row in rows}

        return await self._writer.ask(work)


class WatchedDatabase(WatchedJournal):
    """A journal in a database that several may work on."""

    is_shared = True

    async def holders(self) -> Sequence[tuple[str, str, float]]:
        """Return what somebody has, an account or a rollout: which, who, and seconds since that was last heard of."""
        return await self._writer.ask(claims.holders)


def _standing(connection: Connection, rollout: str, places: Collection[int] | None) -> dict[int, Placed]:
    wanted = {"rollout": rollout, "places": json.dumps(list(places or ()))}
    only = "" if places is None else _AT
    moves = connection.execute(_LEFT % only, wanted)
    left = {
        place: status_in(State(state), begun=bool(begun), stale=bool(stale)) for place, state, begun, stale in moves
    }
    found: dict[int, Placed] = {}
    for place, wave, blocked, stepped in connection.execute(f"{_PLACED} {only}", wanted):
        idle = Status.BLOCKED if blocked else Status.NO_CHANGE
        found[place] = Placed(wave, left.get(place, Status.DONE) if stepped else idle)
    return found
