"""Play a case: start, kill, start again, until an apply ends by itself; then judge."""

import json
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from deployer.domain.rebuilding import Work, loss
from deployer.journal.lock import glance
from deployer.simulator.world import Document
from tests.canaries.search import Found, in_folder
from tests.crash.harness.applied import COPY, JOURNAL, KILLED, Command, Started, Strike
from tests.crash.harness.cases import ASTRAY, STILL, STOPPED, Case, Record
from tests.crash.harness.journals import Files
from tests.crash.harness.judge import Evidence, Finding, findings, said_by
from tests.crash.harness.scenarios import APPLY, DOCUMENT, ROWS, Scenario, world
from tests.crash.harness.simulated import Door, simulator

RESUME, REBUILD = ("resume",), ("rebuild", "--yes")
STARTS = 10
TRIES = 5
_NOTHING = 2  # to go on with
_REFUSED = 6  # by the other's lock
_ENDS = frozenset({0, 1, 3})  # succeeded, or ended with tenants that a person has to decide about


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a case; `place` is where its files are kept if a promise was broken."""

    case: Case
    without: str
    place: Path
    findings: tuple[Finding, ...]
    kills: int
    stops: int
    bodies: int
    searched: int
    missed: bool
    unknown: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Start:
    """Where the cases of a scenario begin: a directory, a world, and what an undisturbed run from there did."""

    scenario: Scenario
    place: Path
    state: Document
    record: Record
    journals: Files
    journal: str


def prepare(scenario: Scenario, root: Path, journals: Files) -> Start:
    """Bring a scenario to where its cases begin, and record a run in peace; it has to be right itself."""
    place, state, journal = root / scenario.name / "start" / "rollout", world(), journals.new()
    place.mkdir(parents=True)
    (place / "flow.json").write_text(json.dumps(DOCUMENT), "utf-8")
    if scenario.before:
        _write(place, scenario.before)
        state = scenario.changed(_peaceful(replace(scenario, words=APPLY), place, state, journal)[0])
    _write(place, scenario.manifest)
    recorded = root / scenario.name / "recorded" / "rollout"
    shutil.copytree(place, recorded)
    after, record, said = _peaceful(scenario, recorded, state, journals.copy(journal))
    found = [finding.text for finding in findings(Evidence(scenario, state, after, said_by(said)))]
    if found:
        raise AssertionError(f"{scenario.name}: wrong without any fault: {'; '.join(found)}; see {recorded}")
    return Start(scenario, place, state, record, journals, journal)


def _write(place: Path, manifest: Document) -> None:
    (place / "rollout.yaml").write_text(json.dumps(manifest), "utf-8")  # JSON is YAML


def _peaceful(scenario: Scenario, place: Path, state: Document, journal: str) -> tuple[Document, Record, str]:
    with simulator(state, scenario.knobs) as door:
        words = (*scenario.words, *_here(scenario.words, journal))
        started = Command(place, door, 1, grouped=scenario.grouped, words=words, journal=journal).start()
        code = started.end()
        if code != 0:
            raise AssertionError(f"{scenario.name}: exit {code} without any fault; see {place}")
        commits = (place / "apply-1.commits").read_text("utf-8")
        return door.state(), Record.of(commits, door.requests()), started.output.read_text("utf-8")


def _here(words: tuple[str, ...], journal: str) -> tuple[str, ...]:
    """Return what has a command do its work here although there might be workers."""
    return ("--local",) if journal and words[0] in {"apply", "resume"} else ()


def play(start: Start, case: Case, *, place: Path, without: str, tries: int = TRIES) -> Result:
    """Play one case in a directory of its own, kept if a promise was broken; again if the boundary was missed."""
    began = time.monotonic()
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(start.place, place / "rollout")
    with simulator(start.state, start.scenario.knobs) as door:
        copies = {name: start.journals.copy(start.journal) for name in ("rollout", "rival")[: 1 + case.rivals]}
        scene = Scene(start, case, place, door, without, copies)
        scene.play()
        evidence = Evidence(scene.scenario, start.state, door.state(), said_by(scene.said), scene.told)
        inspected, visits = door.inspected(), door.abroad.visits()
    written = sum(map(start.journals.search, copies.values()), in_folder(place))
    found = (*findings(evidence), *scene.endless, *_leaks(inspected["misplaced"], written, visits))
    if not found:
        shutil.rmtree(place)
        for journal in copies.values():
            start.journals.drop(journal)
        if scene.missed and tries > 1:
            return play(start, case, place=place, without=without, tries=tries - 1)
    return Result(
        case,
        without,
        place,
        found,
        kills=scene.codes.count(KILLED),
        stops=scene.stops,
        bodies=inspected["bodies"],
        searched=written.searched,
        missed=scene.missed,
        unknown=evidence.unknown,
        seconds=time.monotonic() - began,
    )


def _leaks(misplaced: Sequence[str], written: Found, visits: int) -> Iterator[Finding]:
    """Yield what was sent or written where it has no place."""
    yield from (Finding("leak", text) for text in (*misplaced, *written.hits))
    if visits:
        yield Finding("leak", f"{visits} requests came to a host that nobody named")


@dataclass(slots=True)
class Scene:
    """One case while it is played: the exit codes so far, the last of each deployer, and what was printed last."""

    start: Start
    case: Case
    place: Path
    door: Door
    without: str
    journals: Mapping[str, str]
    starts: int = 0
    codes: list[int] = field(default_factory=list)
    last: dict[str, int] = field(default_factory=dict)
    said: str = ""
    told: frozenset[str] = frozenset()
    stops: int = 0
    broken: list[Finding] = field(default_factory=list)

    @property
    def scenario(self) -> Scenario:
        """Return what is judged by: of a flow found again nobody can say that nothing but us has run it."""
        kept = self.case.journal == "kept"
        return self.start.scenario if kept else replace(self.start.scenario, unknown="any run")

    def play(self) -> None:
        """Apply until it ends by itself, struck first at the boundary and perhaps more often."""
        if self.case.rivals:
            self._together()
            return
        self.door.install(*self.case.rules, *self.case.leads_astray(self.door.abroad.url))
        self._end("rollout", self._start("rollout", self.case.strike))
        self.door.install(*self.case.resumed_rules(self.start.record.calls))
        if self.case.journal != "kept" and not self.missed:
            self._rebuild()
        if self.case.fate == ASTRAY:
            self._go_on(Strike())
        strikes = self.case.resumed_strikes
        while self.last["rollout"] == KILLED and len(self.codes) < STARTS:
            self._go_on(next(strikes, Strike()))

    def _go_on(self, strike: Strike) -> None:
        """Start again what was killed: the same apply; of anything else the resume, and itself if it had not begun."""
        if self.scenario.words == APPLY:
            self._end("rollout", self._start("rollout", strike, *self._choices))
            return
        self._end("rollout", self._start("rollout", strike, words=RESUME))
        if self.last["rollout"] == _NOTHING:
            self._end("rollout", self._start("rollout", strike))

    @property
    def _choices(self) -> Iterator[str]:
        """Yield the options that end every conflict: a rebuilt journal cannot know that what is there is ours."""
        if self.case.journal != "kept":
            yield from (word for row in ROWS for word in ("--ours", row["tenant"]))

    def _rebuild(self) -> None:
        """Lose the journal, or put an older copy in its place; see that apply notices, and rebuild it."""
        home, fortune = self.place / "rollout", self.case.journal
        shutil.rmtree(home / JOURNAL, ignore_errors=True)
        if fortune == "restored" and (home / COPY).exists():
            shutil.copytree(home / COPY, home / JOURNAL)
        if self._is_noticed(home):
            refused = self._start("rollout", Strike()).end()
            if refused != _REFUSED:
                self.broken.append(Finding("wrong", f"the journal was {fortune}, and apply exits {refused}"))
        started = self._start("rollout", Strike(), words=REBUILD)
        code = started.end()
        if code not in _ENDS:
            self.broken.append(Finding("stuck", f"rebuild ended with exit {code}"))
            return
        tenants = json.loads(started.output.read_text("utf-8"))["tenants"]
        self.told = frozenset(tenant["tenant"] for tenant in tenants if tenant["ran"] is False)

    def _is_noticed(self, home: Path) -> bool:
        """Tell whether an account knows of later work than the journal does: a copy from the same work is as new."""
        locks = (self.place / "state" / "deployer" / "locks").glob("*.lock")
        seen = [work for _, works in map(glance, locks) for work in works.values()]
        return any(loss(work, _work_in(home / JOURNAL)) for work in seen)

    def _together(self) -> None:
        """Let two deployers, each with a journal, at the same accounts at once; then each until it ends by itself."""
        shutil.copytree(self.place / "rollout", self.place / "rival")
        both = {"rollout": self._start("rollout", self.case.strike), "rival": self._start("rival", Strike())}
        for deployer, started in both.items():
            self._end(deployer, started)
        for deployer in both:
            if self.last[deployer] in {KILLED, _REFUSED}:
                self._end(deployer, self._start(deployer, Strike()))

    @property
    def missed(self) -> bool:
        """Tell whether the boundary did not come: what is committed together is not the same in every run."""
        if self.case.fate in {STOPPED, ASTRAY}:
            return self.case.fate == STOPPED and not self.stops
        return self.codes[0] != KILLED and not self.case.rivals

    def _start(self, deployer: str, strike: Strike, *options: str, words: tuple[str, ...] = ()) -> Started:
        grouped, journal, typed = self.start.scenario.grouped, self.journals[deployer], words or self.scenario.words
        words = (*typed, *options, *_here(typed, journal))
        self.starts += 1
        place, number = self.place / deployer, self.starts
        return Command(
            place, self.door, number, strike, self.without, grouped=grouped, words=words, journal=journal
        ).start()

    def _end(self, deployer: str, started: Started) -> None:
        self.last[deployer] = started.end(self._stand_still if self.case.fate == STOPPED else None)
        self.codes.append(self.last[deployer])
        self.said = started.output.read_text("utf-8")

    def _stand_still(self) -> None:
        """Let the time of every deadline go by; whoever comes meanwhile is refused."""
        self.stops += 1
        until = time.monotonic() + STILL
        if not self.journals["rollout"]:
            refused = self._start("rollout", Strike()).end()
            if refused != _REFUSED:
                self.broken.append(Finding("wrong", f"while another stands still, apply exits {refused}"))
        time.sleep(max(0.0, until - time.monotonic()))

    @property
    def endless(self) -> Iterator[Finding]:
        """Yield the deployers that did not come to an end of their own."""
        for deployer, code in self.last.items():
            if code not in _ENDS:
                yield Finding("stuck", f"{deployer} ended with exit {code}, after {self.codes}")
        yield from self.broken


def _work_in(journal: Path) -> Work:
    """Return which journal lies in a folder; there may be none."""
    file = journal / "journal.db"
    if not file.exists():
        return Work()
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute("SELECT journal, number FROM work").fetchall()
    return Work(*rows[0]) if rows else Work()
