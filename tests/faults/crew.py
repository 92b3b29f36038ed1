"""Workers as processes that come and go, and the record of who had which account when."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from signal import SIGCONT, SIGKILL, SIGSTOP
from threading import Event, Thread

import psycopg

from tests.faults.world import tokens

ROOT = str(Path(__file__).parents[2])
CLAIMS = "SELECT account, epoch, pid FROM deployer.claim WHERE holder <> ''"


@dataclass(slots=True)
class Crew:
    """So many workers: whoever is killed is followed by another, whoever is stopped goes on later.

    `surroundings` are in everybody's environment.
    """

    folder: Path
    address: str
    accounts: Sequence[str]
    chance: Random
    surroundings: Mapping[str, str]
    bug: str = ""
    alive: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    stopped: dict[int, float] = field(default_factory=dict)
    pids: dict[str, int] = field(default_factory=dict)
    hired: int = 0

    def hire(self) -> None:
        self.hired += 1
        name = f"w{self.hired}"
        environment = {
            **os.environ,
            **self.surroundings,
            **tokens(self.accounts, name),
            "DEPLOYER_JOURNAL": self.address,
        }
        with (self.folder / f"{name}.log").open("wb") as log:
            program = ["tests.faults.planted", self.bug] if self.bug else ["deployer"]
            command = [sys.executable, "-m", *program, "worker", "-vv", "--concurrency", "5"]
            process = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log)
        self.alive.append(process)
        self.pids[name] = process.pid

    def kill(self) -> None:
        victim = self.chance.choice(self.alive)
        self.alive.remove(victim)
        self.stopped.pop(victim.pid, None)
        victim.kill()
        victim.wait()
        self.hire()

    def stop(self, seconds: float) -> None:
        """Stop one for a while, unless half of them are stopped."""
        going = [one for one in self.alive if one.pid not in self.stopped]
        if len(going) > len(self.alive) / 2:
            victim = self.chance.choice(going)
            os.kill(victim.pid, SIGSTOP)
            self.stopped[victim.pid] = time.monotonic() + seconds

    def tend(self, *, everybody: bool = False) -> None:
        """Let those go on whose time has come, and replace those that ended by themselves."""
        for pid, until in [*self.stopped.items()]:
            if everybody or until < time.monotonic():
                del self.stopped[pid]
                os.kill(pid, SIGCONT)
        for one in [one for one in self.alive if one.poll() is not None]:
            self.alive.remove(one)
            self.hire()

    def dismiss(self) -> None:
        for one in self.alive:
            os.kill(one.pid, SIGKILL)
            one.wait()


class Watch:
    """Sees who claims which account, some fifty times a second: `seen` is when, account, epoch, process."""

    def __init__(self, address: str) -> None:
        self.seen: list[tuple[float, str, int, int]] = []
        self._address = address
        self._over = Event()
        self._thread = Thread(target=self._look)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        known: dict[str, int] = {}
        while not self._over.is_set():
            try:
                with psycopg.connect(self._address, autocommit=True) as connection:
                    while not self._over.wait(0.02):
                        self._note(known, connection.execute(CLAIMS).fetchall())
            except psycopg.Error:
                time.sleep(0.1)  # the server is down, or has no tables yet

    def _note(self, known: dict[str, int], rows: "Sequence[tuple[str, int, int]]") -> None:
        now = time.time()
        for account, epoch, pid in rows:
            if known.get(account) != epoch:
                known[account] = epoch
                self.seen.append((now, account, epoch, pid))


def owner(seen: Sequence[tuple[float, str, int, int]], user: str, moment: float) -> int | None:
    """Return the process that had claimed an account, by its user, at a moment."""
    had = [pid for at, account, _, pid in seen if at <= moment and account.startswith(f"{user}@")]
    return had[-1] if had else None
