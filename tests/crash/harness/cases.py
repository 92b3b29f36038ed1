"""Every boundary of a recorded run, times what becomes of the answer, and what becomes of the journal."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import groupby
from typing import Final, Literal, TypeAlias

from deployer.simulator.world import Document, Json
from tests.crash.harness.applied import Strike
from tests.crash.harness.scenarios import LATE

Rule = Mapping[str, Json]
Fortune: TypeAlias = Literal["kept", "lost", "restored"]

FATES: Final = ("lost", "applied", "late")
"""What becomes of a request: it never arrives; it is applied and its answer lost; that, and it is applied later."""
STOPPED, ASTRAY = "stopped", "astray"
"""Nobody is killed: the process stands still beyond every deadline, or the answer sends it to another host."""
STILL: Final = 2.5  # seconds: more than intent, timeout, settle and lag together
PAIRS: Final = 3
_KILLS_OF_A_ROUND: Final = 4
_LATER_COMMITS: Final = 4
_COMMITS_OF_A_RESUME: Final = 8
_COMMITS_OF_A_COPY: Final = 10


@dataclass(frozen=True, slots=True)
class Case:
    """One boundary and one fate. `commit` or `route` says which of the two kinds of boundary it is; `nth` counts.

    `journal` is what befalls the journal after the kill; one that is restored is a copy from an earlier commit. In a
    further `round` the resume is always killed again, elsewhere in each.
    """

    scenario: str
    nth: int
    fate: str = ""
    commit: bool = False
    after: bool = False
    route: str = ""
    content: str = ""
    journal: Fortune = "kept"
    round: int = 0

    @property
    def boundary(self) -> str:
        """Name the boundary: alike in every run, whatever the order in which tenants get their turn."""
        if self.commit:
            return f"commit {self.nth} {'after' if self.after else 'before'}"
        return f"{self.route or 'again'} {self.nth}"

    @property
    def rivals(self) -> bool:
        """Tell whether two deployers are at it: then nothing happens to the answers."""
        return not self.fate

    @property
    def name(self) -> str:
        """Name the case as `--only` takes it."""
        journal = "" if self.journal == "kept" else f"journal {self.journal}"
        again = f"round {self.round}" if self.round else ""
        return ", ".join(filter(None, (f"{self.scenario}: {self.boundary}", self.fate, journal, again)))

    @property
    def title(self) -> str:
        """Name the case for people, with what the boundary was in the recorded run."""
        return f"{self.name} ({self.content})" if self.content else self.name

    @property
    def chance(self) -> int:
        """Return a number that looks random and is the same in every run."""
        return int(sha256(self.name.encode()).hexdigest()[:8], 16)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Return what befalls the first start: a call that is a boundary takes the process with it."""
        return (_fatal(self.route, self.nth, self.fate),) if self.route and self.fate != ASTRAY else ()

    def leads_astray(self, abroad: str) -> tuple[Rule, ...]:
        """Return what sends the first start to another host, if anything does: a redirect, and a link to more pages."""
        if self.fate != ASTRAY:
            return ()
        elsewhere = f"{abroad}/v1/flows"
        redirect = {"action": "refuse", "status": 307, "code": "moved", "headers": {"Location": elsewhere}}
        link = {"action": "garble", "text": "[]", "headers": {"Link": f'<{elsewhere}>; rel="next"'}}
        return {**redirect, "route": self.route, "nth": self.nth}, {**link, "route": "integrations.flows", "nth": 1}

    @property
    def strike(self) -> Strike:
        """Return where the first start kills itself; at most calls the simulator does it."""
        stops = self.fate == STOPPED
        if self.commit:
            return Strike(commit=self.nth, after=self.after, copy=self._copy, stops=stops)
        if stops:
            return Strike(sent=(self.route, self.nth), stops=True)
        return Strike(unanswered=bool(self.route) and self.fate == "late", copy=self._copy)

    @property
    def _copy(self) -> int:
        """Return the commit after which the journal is copied that is restored later: one before the kill."""
        if self.journal != "restored":
            return 0
        latest = min(self.nth - 1, _COMMITS_OF_A_COPY) if self.commit else _COMMITS_OF_A_COPY
        return self.chance % latest + 1

    @property
    def resumed_strikes(self) -> Iterator[Strike]:
        """Yield where the resume is killed: in every second case of the first round, in later ones again and again."""
        if self.round:
            place = int(sha256(replace(self, round=0).name.encode()).hexdigest()[:8], 16) + self.round
            yield Strike(commit=place // 2 % _COMMITS_OF_A_RESUME + 1, after=bool(place % 2))
            for again in range(1, _KILLS_OF_A_ROUND):
                place = self.chance >> 4 * again
                yield Strike(commit=place // 2 % _LATER_COMMITS + 1, after=bool(place % 2))
        elif self.chance % 2:
            yield Strike(commit=self.chance // 2 % _COMMITS_OF_A_RESUME + 1, after=bool(self.chance & 16))

    def resumed_rules(self, routes: Iterable[str]) -> tuple[Rule, ...]:
        """Return what befalls the resume after a kill at a commit: its first call of each kind meets the fate."""
        return tuple(_lossy(route, self.fate) for route in routes) if self.commit and self.fate in FATES else ()


def _fatal(route: str, nth: int, fate: str) -> Rule:
    if fate in {"late", STOPPED}:
        return {"action": "late", "route": route, "nth": nth, "seconds": LATE + STILL * (fate == STOPPED)}
    return {"action": "kill", "route": route, "nth": nth, "applied": fate == "applied"}


def _lossy(route: str, fate: str) -> Rule:
    if fate == "late":
        return {"action": "late", "route": route, "nth": 1, "seconds": LATE}
    return {"action": "reset", "route": route, "nth": 1, "applied": fate == "applied"}


@dataclass(frozen=True, slots=True)
class Record:
    """What a run without any fault did: what each commit held, and how many changing calls there were of each kind."""

    commits: tuple[str, ...]
    calls: Mapping[str, int]

    @classmethod
    def of(cls, commits: str, requests: Iterable[Document]) -> "Record":
        """Read what the process and the simulator wrote down; every request but a GET changes something."""
        calls = Counter(str(request["route"]) for request in requests if request["method"] != "GET")
        return cls(tuple(commits.splitlines()), calls)

    @property
    def boundaries(self) -> int:
        """Count the boundaries: a commit has two sides."""
        return 2 * len(self.commits) + sum(self.calls.values())

    def cases(self, scenario: str) -> Iterator[Case]:
        """Yield a case for each boundary and fate; two at once are left alone, or one of them is killed at a commit."""
        if scenario == "two":
            yield from (Case(scenario, nth) for nth in range(1, PAIRS + 1))
            for nth, content in enumerate(self.commits, 1):
                yield Case(scenario, nth, commit=True, after=True, content=content)
            return
        for fate in (*FATES, STOPPED, ASTRAY):
            yield from self._with(scenario, fate)

    def _with(self, scenario: str, fate: str) -> Iterator[Case]:
        """Yield a case for each boundary; astray leads an answer, and none comes to a commit."""
        for nth, content in enumerate(self.commits if fate != ASTRAY else (), 1):
            for after in (False, True):
                yield Case(scenario, nth, fate, commit=True, after=after, content=content)
        for route, count in self.calls.items():
            for nth in range(1, count + 1):
                yield Case(scenario, nth, fate, route=route)

    def repaired(self, scenario: str) -> Iterator[Case]:
        """Yield each case twice: the journal is lost after the kill, or an older copy of it is restored."""
        for case in self.cases(scenario) if scenario not in {"two", "upgrade", "delete"} else ():
            if case.fate not in FATES:
                continue
            yield replace(case, journal="lost")
            if not case.commit or case.nth > 1:  # before the first commit there is nothing to copy
                yield replace(case, journal="restored")


def chosen(cases: Iterable[Case], *, only: str, one_in: int) -> list[Case]:
    """Return the cases asked for: one by its name, all whose names begin so, or an even part of each scenario."""
    wanted = re.sub(r" \([^)]*\)", "", only)
    found = [case for case in cases if case.name.startswith(wanted)]
    exact = [case for case in found if case.name == wanted]
    mixed = sorted(exact or found, key=lambda case: (case.scenario, case.chance))
    return [case for _, group in groupby(mixed, key=lambda case: case.scenario) for case in list(group)[::one_in]]
