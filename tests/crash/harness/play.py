"""Play a case: start, kill, start again, until an apply ends by itself; then judge."""

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from deployer.simulator.world import Document
from tests.crash.harness.applied import KILLED, Apply, Started, Strike
from tests.crash.harness.cases import Case, Record
from tests.crash.harness.judge import Evidence, Finding, findings, said_by
from tests.crash.harness.scenarios import DOCUMENT, Scenario, touched, world
from tests.crash.harness.simulated import Door, simulator

STARTS = 6
TRIES = 5
_REFUSED = 6  # by the other's lock
_ENDS = frozenset({0, 1, 3})  # succeeded, or ended with tenants that a person has to decide about


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a case; `place` is where its files are kept if a promise was broken."""

    case: Case
    place: Path
    findings: tuple[Finding, ...]
    kills: int
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


def prepare(scenario: Scenario, root: Path) -> Start:
    """Bring a scenario to where its cases begin, and record a run in peace; it has to be right itself."""
    place, state = root / scenario.name / "start" / "rollout", world()
    place.mkdir(parents=True)
    (place / "flow.json").write_text(json.dumps(DOCUMENT), "utf-8")
    if scenario.before:
        _write(place, scenario.before)
        state = touched(_peaceful(scenario, place, state)[0])
    _write(place, scenario.manifest)
    recorded = root / scenario.name / "recorded" / "rollout"
    shutil.copytree(place, recorded)
    after, record, said = _peaceful(scenario, recorded, state)
    found = [finding.text for finding in findings(Evidence(scenario, state, after, said_by(said)))]
    if found:
        raise AssertionError(f"{scenario.name}: wrong without any fault: {'; '.join(found)}; see {recorded}")
    return Start(scenario, place, state, record)


def _write(place: Path, manifest: Document) -> None:
    (place / "rollout.yaml").write_text(json.dumps(manifest), "utf-8")  # JSON is YAML


def _peaceful(scenario: Scenario, place: Path, state: Document) -> tuple[Document, Record, str]:
    with simulator(state, scenario.knobs) as door:
        started = Apply(place, door, 1, grouped=scenario.grouped).start()
        code = started.end()
        if code != 0:
            raise AssertionError(f"{scenario.name}: exit {code} without any fault; see {place}")
        commits = (place / "apply-1.commits").read_text("utf-8")
        return door.state(), Record.of(commits, door.requests()), started.output.read_text("utf-8")


def play(start: Start, case: Case, *, place: Path, without: str, tries: int = TRIES) -> Result:
    """Play one case in a directory of its own, kept if a promise was broken; again if the boundary was missed."""
    began = time.monotonic()
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(start.place, place / "rollout")
    with simulator(start.state, start.scenario.knobs) as door:
        scene = Scene(start, case, place, door, without)
        (scene.together if case.rivals else scene.again_and_again)()
        evidence = Evidence(start.scenario, start.state, door.state(), said_by(scene.said))
    found = (*findings(evidence), *scene.endless)
    if not found:
        shutil.rmtree(place)
        if scene.missed and tries > 1:
            return play(start, case, place=place, without=without, tries=tries - 1)
    return Result(
        case, place, found, scene.codes.count(KILLED), scene.missed, evidence.unknown, time.monotonic() - began
    )


@dataclass(slots=True)
class Scene:
    """One case while it is played: the exit codes so far, the last of each deployer, and what was printed last."""

    start: Start
    case: Case
    place: Path
    door: Door
    without: str
    codes: list[int] = field(default_factory=list)
    last: dict[str, int] = field(default_factory=dict)
    said: str = ""

    def again_and_again(self) -> None:
        """Apply until it ends by itself, killed first at the boundary and perhaps once more."""
        self.door.install(*self.case.rules)
        self._end("rollout", self._start("rollout", self.case.strike))
        self.door.install(*self.case.resumed_rules(self.start.record.calls))
        strike = self.case.resumed_strike
        while self.last["rollout"] == KILLED and len(self.codes) < STARTS:
            self._end("rollout", self._start("rollout", strike))
            strike = Strike()

    def together(self) -> None:
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
        return self.codes[0] != KILLED and not self.case.rivals

    def _start(self, deployer: str, strike: Strike) -> Started:
        number, grouped = len(self.codes) + 1, self.start.scenario.grouped
        return Apply(self.place / deployer, self.door, number, strike, self.without, grouped=grouped).start()

    def _end(self, deployer: str, started: Started) -> None:
        self.last[deployer] = started.end()
        self.codes.append(self.last[deployer])
        self.said = started.output.read_text("utf-8")

    @property
    def endless(self) -> Iterator[Finding]:
        """Yield the deployers that did not come to an end of their own."""
        for deployer, code in self.last.items():
            if code not in _ENDS:
                yield Finding("stuck", f"{deployer} ended with exit {code}, after {self.codes}")
