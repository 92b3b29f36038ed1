"""What a report tells of a rollout, gathered while its tenants go by one at a time."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from deployer.domain.deployment import Deployment, Status
from deployer.domain.gate import Gate
from deployer.domain.merge3 import Verdict
from deployer.domain.plan import Action, Plan
from deployer.domain.samples import Sample
from deployer.journal.protocol import Met, Rollout
from deployer.report.causes import Cause, Causes
from deployer.report.efficiency import Chains, Efforts, efficiency_view
from deployer.report.rates import asked, requests_view
from deployer.report.spans import Busy, Interval, axis_of
from deployer.report.summary import WaveStanding, rollout_head, tenant_view
from deployer.report.tracks import GATE, JOB, PERSON, WAITS, Frame, Track, track_of

_NAMES: Final = 20  # tenants named for each cause
_CAUSES: Final = 200
_FIELDS: Final = 1000  # that are told apart


@dataclass(slots=True)
class Gathering:
    """What the tenants so far add up to."""

    frame: Frame
    counts: Counter[Status] = field(default_factory=Counter)
    waves: dict[int, Counter[Status]] = field(default_factory=lambda: defaultdict(Counter))
    actions: Counter[Action] = field(default_factory=Counter)
    fields: Counter[tuple[Verdict, str]] = field(default_factory=Counter)
    causes: Causes = field(default_factory=lambda: Causes(_NAMES))
    waiters: Counter[str] = field(default_factory=Counter)
    waited: Counter[str] = field(default_factory=Counter)
    busy: Busy = field(default_factory=Busy)
    chains: dict[tuple[int, str], Chains] = field(default_factory=lambda: defaultdict(Chains))
    moved: dict[int, Interval] = field(default_factory=dict)
    underway: dict[int, Busy] = field(default_factory=lambda: defaultdict(Busy))

    def add(self, deployment: Deployment, met: Sequence[Met]) -> dict[str, Any]:
        """Count a tenant, and return it as a report shows it."""
        track, planned = track_of(deployment, met, self.frame), deployment.planned
        tenant = tenant_view(deployment)
        self.counts[deployment.status] += 1
        self.actions[planned.action] += 1
        if planned.wave:
            self.waves[planned.wave][deployment.status] += 1
        for path, change in planned.every_change:
            if change.verdict is not Verdict.NO_CHANGE:
                self._field(change.verdict, path)
        self.causes.note(tenant)
        waited = {what: round(seconds, 3) for what, seconds in track.waited().items()}
        self.waiters.update(waited.keys())
        self.waited.update(waited)
        if met:
            self._moved(deployment, track)
        return {
            **tenant,
            "wave": planned.wave or None,
            "begun_at": track.begun_at,
            "ended_at": track.ended_at,
            "seconds": None if track.seconds is None else round(track.seconds, 3),
            "waited": waited,
            "stretches": [
                [each.what, round(each.begin, 3), None if each.end is None else round(each.end, 3)]
                for each in track.stretches
            ],
        }

    def _field(self, verdict: Verdict, path: str) -> None:
        if len(self.fields) >= _FIELDS and (verdict, path) not in self.fields:
            path = "…"
        self.fields[verdict, path] += 1

    def _moved(self, deployment: Deployment, track: Track) -> None:
        calls = jobs = 0.0
        wave, first, last = deployment.planned.wave, None, 0.0
        for each in track.stretches:
            if each.end is not None and each.what not in {GATE, PERSON}:
                self.underway[wave].add(each.begin, each.end)
            if each.end is None or (each.what in WAITS and each.what != JOB):
                continue
            first = each.begin if first is None else first
            last = each.end
            self.busy.add(each.begin, each.end)
            if each.what == JOB:
                jobs += each.end - each.begin
            else:
                calls += each.end - each.begin
        if first is None:
            return
        begin, end = self.moved.get(wave, (first, last))
        self.moved[wave] = min(begin, first), max(end, last)
        self.chains[wave, deployment.planned.account].add(calls, jobs, len(deployment.steps))


def report_head(
    rollout: Rollout,
    plan: Plan,
    gathered: Gathering,
    samples: Sequence[Sample],
    *,
    gates: Mapping[int, Gate],
    read_at: str,
) -> dict[str, Any]:
    """Return what a report shows of a rollout besides its tenants; times without a date are seconds since its begin."""
    frame = gathered.frame
    for begin, end in asked(samples, frame):
        gathered.busy.add(begin, end)
    counts = {status: gathered.counts[status] for status in Status}
    waves = [
        WaveStanding(wave, {status: gathered.waves[number][status] for status in Status}, gates.get(number))
        for number, wave in enumerate(plan.waves, 1)
    ]
    spans = gathered.busy.spans()
    efforts = Efforts(gathered.chains, gathered.moved, axis_of(spans), _spans(gathered.underway))
    head = rollout_head(rollout, counts, waves)
    del head["revisions"]
    return {
        **head,
        "kind": rollout.kind,
        "who": rollout.who,
        "read_at": read_at,
        "waves": [_wave(standing, gathered, number) for number, standing in enumerate(waves, 1)],
        "spans": [[round(begin, 3), round(end, 3)] for begin, end in spans],
        "requests": requests_view(samples, frame),
        "efficiency": efficiency_view(plan, efforts, samples, frame),
        **_sums(gathered),
    }


def _spans(underway: Mapping[int, Busy]) -> dict[int, list[Interval]]:
    return {wave: busy.spans() for wave, busy in underway.items()}


def _sums(gathered: Gathering) -> dict[str, Any]:
    """Return what was planned, what went wrong, and what was waited for, counted."""
    changes = sorted(gathered.fields.items(), key=lambda item: (-item[1], *item[0]))
    return {
        "actions": {action.value: gathered.actions[action] for action in Action if gathered.actions[action]},
        "changes": [{"class": verdict.value, "field": path, "tenants": count} for (verdict, path), count in changes],
        "causes": [*map(_cause, gathered.causes.ordered()[:_CAUSES])],
        "waited": [
            {"what": what, "tenants": gathered.waiters[what], "seconds": round(gathered.waited[what], 3)}
            for what in WAITS
            if gathered.waiters[what]
        ],
    }


def _wave(standing: WaveStanding, gathered: Gathering, number: int) -> dict[str, Any]:
    begin, end = gathered.moved.get(number, (None, None))
    opened = gathered.frame.opened(number)
    return {
        **standing.view,
        "opened": None if opened is None else round(opened, 3),
        "begin": None if begin is None else round(begin, 3),
        "end": None if end is None else round(end, 3),
    }


def _cause(cause: Cause) -> dict[str, Any]:
    return {
        "outcome": cause.outcome,
        "code": cause.code,
        "message": cause.message,
        "remedy": cause.remedy,
        "tenants": cause.count,
        "names": cause.names[:_NAMES],
    }
