"""Claims: which worker has an account, in the database they share. Each new claim makes every older one void.

A claim is alive for `STALL` seconds after its last beat, by the database's clock. Whoever has one stops sending when
the last beat it knows of is half as old, and so before anybody else may take the account.
"""

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from deployer.errors import GuardError
from deployer.journal.connection import Connection

STALL: Final = 30.0
PATIENCE: Final = STALL / 2  # seconds after its last beat for which a worker may send
BEAT: Final = 5.0  # seconds between two beats
_CLASS: Final = 0x636C6D73  # "clms": of the advisory locks, one an account, that end with their connection
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_NAMESPACE: Final = Path("/proc/self/ns/pid")

_MAKE: Final = "INSERT INTO claim (account, epoch, holder, place, pid) VALUES (?, 0, '', '', 0) ON CONFLICT DO NOTHING"
_LOOK: Final = """
    SELECT epoch, holder, place, pid, extract(epoch FROM clock_timestamp() - beat)::float8
    FROM claim WHERE account = ? FOR UPDATE
"""
_TAKE: Final = """
    UPDATE claim SET epoch = epoch + 1, holder = ?, place = ?, pid = ?, beat = clock_timestamp()
    WHERE account = ? RETURNING epoch
"""
_LEAVE: Final = """
    UPDATE claim SET holder = '', beat = clock_timestamp() WHERE account = ? AND epoch = ? AND holder <> ''
"""
_TRY: Final = "SELECT pg_try_advisory_lock(?, ?)"
_HOLDERS: Final = """
    SELECT account, holder, extract(epoch FROM clock_timestamp() - beat)::float8
    FROM claim WHERE holder <> '' ORDER BY account
"""
_FREE: Final = "SELECT pg_advisory_unlock(?, ?)"
_END: Final = """
    SELECT pg_terminate_backend(pid, 2000) FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND datname = current_database() AND classid = ? AND objid = ?
"""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who claims: what it is called, on which machine and in which space of process ids, and its own id there."""

    name: str
    place: str
    pid: int

    def had(self, place: str, pid: int) -> bool:
        """Tell whether this very process had it: for an account it does one job at a time, which is over by now."""
        return bool(place) and (place, pid) == (self.place, self.pid)

    def outlives(self, place: str, pid: int) -> bool:
        """Tell whether a process that is gone for certain had it: one of this very space, whose id nobody has."""
        if not place or place != self.place:
            return False
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False


def this_process(boot: str) -> Holder:
    """Return who we are."""
    space = str(_NAMESPACE.readlink()) if _NAMESPACE.exists() else ""
    name = f"process {os.getpid()} on {socket.gethostname()}"
    return Holder(name, f"{boot} {space}" if space else "", os.getpid())


@dataclass(frozen=True, slots=True)
class Taken:
    """An account is ours, in an epoch of its own; nobody sent for it for so many seconds, if anybody ever did."""

    epoch: int
    idle: float | None


@dataclass(frozen=True, slots=True)
class Busy:
    """Somebody has the account; one who is gone has it for so many seconds yet."""

    holder: str
    seconds: float | None = None


def take(connection: Connection, account: str, me: Holder) -> Taken | Busy:
    """Claim an account, unless somebody has it."""
    connection.execute(_MAKE, (account,))
    [(_, holder, place, pid, age)] = connection.execute(_LOOK, (account,)).fetchall()
    free = _locked(connection, account)
    gone = me.outlives(place, pid) or (free and me.had(place, pid))
    alive = bool(holder) and age < (PATIENCE if free else STALL) and not gone
    if alive:
        if free:
            connection.execute(_FREE, (_CLASS, _number(account)))
        # Where its connection is gone, what it may still send leaves within its patience.
        return Busy(holder, PATIENCE - age if free else None)
    if not free:  # a process that was stopped, or that no packet reaches, keeps its connection
        connection.execute(_END, (_CLASS, _number(account)))
        if not _locked(connection, account):
            return Busy(holder)
    [(epoch,)] = connection.execute(_TAKE, (me.name, me.place, me.pid, account)).fetchall()
    idle = max(0.0, age - PATIENCE) if holder else age  # whoever did not leave may have sent for as long as it could
    return Taken(int(epoch), idle)


def beat(connection: Connection, epochs: Mapping[str, int]) -> None:
    """Say that we are alive, and keep others from the accounts until the transaction ends; raise GuardError if void."""
    for account, epoch in sorted(epochs.items()):
        if connection.execute(beats(1), (account, epoch)).rowcount != 1:
            raise GuardError(
                f"account {account} was taken over by another deployer while this one did not answer",
                remedy="nothing more is sent; see how far it is: deployer status",
            )


@cache
def beats(rows: int) -> str:
    """Return the statement that does, for so many accounts with their epochs."""
    ours = ", ".join(["(?, ?)"] * rows)
    return f"""
        UPDATE claim SET beat = clock_timestamp()
        FROM (WITH ours (account, epoch) AS (VALUES {ours}) SELECT account, epoch FROM ours) AS ours
        WHERE claim.account = ours.account AND claim.epoch = ours.epoch AND holder <> ''
    """  # noqa: S608 - of constants and a number


def holders(connection: Connection) -> list[tuple[str, str, float]]:
    """Return the accounts, and rollouts, that somebody has: which, who, and seconds since that was last heard of."""
    return [(account, holder, float(age)) for account, holder, age in connection.execute(_HOLDERS)]


def leave(connection: Connection, epochs: Mapping[str, int]) -> None:
    """Give accounts back."""
    for account, epoch in sorted(epochs.items()):
        connection.execute(_LEAVE, (account, epoch))
        connection.execute(_FREE, (_CLASS, _number(account)))


def now() -> float:
    """Return seconds on a clock that goes on while the machine sleeps."""
    return time.clock_gettime(_CLOCK)


def _locked(connection: Connection, account: str) -> bool:
    return connection.execute(_TRY, (_CLASS, _number(account))).fetchall() == [(True,)]


def _number(account: str) -> int:
    return int.from_bytes(sha256(account.encode()).digest()[:4]) >> 1  # which Postgres writes without a sign
