"""Everything that is printed for people, with one text in all the places that may hold any."""

import io
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final, TextIO, TypeAlias

from deployer.domain.checkup import Finding, Verdict
from deployer.domain.deployment import Deployment, Status, count
from deployer.domain.documents import MISSING
from deployer.domain.explanation import Explained, Named, Said
from deployer.domain.firing import Firing
from deployer.domain.firing import State as FiringState
from deployer.domain.identity import InstanceKey
from deployer.domain.lifecycle import Event as StepEvent
from deployer.domain.lifecycle import State, StepKind
from deployer.domain.merge3 import Verdict as Difference
from deployer.domain.plan import Action, Plan
from deployer.domain.rebuilding import Sought
from deployer.domain.sweeping import Copy, Removal
from deployer.domain.waves import Wave
from deployer.engine.narration import Narrator
from deployer.journal.protocol import Happening, Rollout
from deployer.report.checkup import checkup_document, checkup_text
from deployer.report.columns import OUTCOMES, PLANNED, ROLLOUTS, rollout_row
from deployer.report.curl import curl_line
from deployer.report.drift import drift_text
from deployer.report.explanation import explanation_document, explanation_text
from deployer.report.history import rollout_text, tenant_document, tenant_text
from deployer.report.listing import Form, Listing, write_list
from deployer.report.plan_lines import PlanLines
from deployer.report.plan_view import plan_head, plan_tenant, plan_text, whole_plan_text
from deployer.report.progress import LiveProgress, PlainProgress
from deployer.report.rehearsal import Rehearsal, rehearsal_document, rehearsal_text
from deployer.report.repair import Rebuilt
from deployer.report.schedules import FIRINGS, firing_line, firing_row
from deployer.report.summary import WaveStanding, rollout_head, summary_text, tenant_view
from deployer.report.sweep import Swept
from deployer.report.workers import workers_text
from deployer.telemetry.events import Event
from deployer.telemetry.log import Redactor, log_event, new_log
from tests.factories import plan, planned, rollout
from tests.report.stage import DIGEST, Budgets, Seconds, Terminal, account, at_rest, change, untouched

Printed: TypeAlias = Callable[[str], str]
Made: TypeAlias = Callable[[str], object]

AT: Final = "2026-03-01T10:00:00.000Z"
NOBODY: Final = dict.fromkeys(Status, 0)
_WIDE: Final = 1_000_000  # columns: no line is wrapped, so that none may be more than one
_ID: Final = "5f0000000000000000000f01"


def deployments(text: str) -> list[Deployment]:
    states = (State.FAILED, State.UNKNOWN, State.DONE)
    ended = [at_rest(text, state, code=text, message=text, remedy=text) for state in states]
    return [*ended, untouched(text, action=Action.BLOCKED, reason=text), untouched(text)]


def rows(text: str) -> list[dict[str, Any]]:
    return [tenant_view(deployment) for deployment in deployments(text)]


def a_rollout(text: str) -> Rollout:
    return replace(rollout(reason=text), name=text, who=text)


def head(text: str) -> dict[str, Any]:
    counts = count(each.status for each in deployments(text))
    return rollout_head(a_rollout(text), counts, [WaveStanding(Wave(text, 5, 5, 0), counts, None)])


def a_plan(text: str) -> Plan:
    changes = [
        change(f"settings.{text}", text, text),
        change("name", text, MISSING, Difference.DRIFT),
        change("schedule", text, text, Difference.CONFLICT),
    ]
    tenants = (
        planned(text, changes=changes),
        planned(text, action=Action.NO_CHANGE, steps=(), changes=changes[1:2]),
        planned(text, action=Action.BLOCKED, steps=(), reason=text),
        planned(text, action=Action.ADOPT, flow=text),
    )
    accounts = {"main": replace(account(), template_name=text)}
    waves = (Wave(text, 5, 5, 0),)
    return replace(plan(*tenants), name=text, absent=(text,), accounts=accounts, waves=waves)


def a_plan_text(text: str) -> str:
    made, lines = a_plan(text), PlanLines()
    for place, each in enumerate(made.tenants):
        lines.add(place, each)
    return plan_text(made, DIGEST, lines, width=_WIDE, manifest=text, scope=f" --tenant {text}")


def happenings(text: str) -> list[Happening]:
    return [Happening(StepKind.CLONE, StepEvent.SUCCEED, AT, {text: text, "x": {text: [text]}})]


def explained(text: str) -> list[Explained]:
    named = Named(text, text, (Said(text, text, text, counts=True), Said("default", [text], "", counts=False)))
    return [Explained(text, text, text, text, "", (named,)), Explained(text, text, text, MISSING, text, ())]


def findings(text: str) -> list[Finding]:
    return [Finding(text, Verdict.PROBLEM, text, text, "accounts", (text,), 1, text), Finding("x", Verdict.OK, text)]


def a_rehearsal(text: str) -> Rehearsal:
    return Rehearsal(a_plan(text), head(text), rows(text), 1, 0)


def swept(text: str) -> Swept:
    copies = [Copy(text, "main", _ID, _ID, _ID, text), Copy(None, "main", _ID, _ID, _ID, None)]
    return Swept(copies, [], {"main": text}, [Removal("main", "flow", _ID, text)])


def rebuilt(text: str) -> Rebuilt:
    key = InstanceKey(_ID, _ID)
    sought = Sought(text, "main", _ID, "found", _ID, (_ID,), ran=False)
    return Rebuilt(lambda _: None, [text], [sought], 0.0, {key: text}, {"main": text})


def a_firing(text: str) -> Firing:
    firing = Firing("order-sync", "nightly", "2026-03-01T03:00 UTC", AT, FiringState.ENDED, AT, reason=text, who=text)
    return replace(firing, code=1, counts={"failed": 1})


def an_event(text: str) -> Event:
    return Event("tenant.rested", AT, {"tenant": text, "error": {"message": text, text: [text]}})


def told(text: str, view: PlainProgress | LiveProgress) -> None:
    """Let a watcher see what has names and reasons in it."""
    narrator = Narrator(Seconds(), view.see)
    narrator.moved(untouched(text), at_rest(text, State.FAILED, code=text, message=text))
    narrator.waiting(untouched(text), 60.0, text)
    narrator.halted(text, text)
    view.see(Event("wave.halted", AT, {"name": text, "cause": text, "rollout": text}))
    view.see(Event("rollout.instructed", AT, {"verb": "exclude", "about": text, "who": text}))


def piped(text: str) -> str:
    stream = io.StringIO()
    with PlainProgress(count([Status.PENDING]), Budgets(), stream, clock=Seconds()) as progress:
        told(text, progress)
    return stream.getvalue()


def drawn(text: str) -> str:
    """Return what a terminal is sent, without what rich draws with."""
    stream = Terminal()
    with LiveProgress(count([Status.PENDING]), Budgets(), stream, clock=Seconds()) as progress:
        told(text, progress)
        progress.refresh()
    return stream.getvalue()


def logged(text: str, *, console: bool) -> str:
    stream = io.StringIO()
    log_event(new_log(stream, level=logging.DEBUG, console=console, redactor=Redactor()), an_event(text))
    return stream.getvalue()


def reported(write: Callable[[TextIO, Mapping[str, Any], Iterable[Mapping[str, Any]]], None], text: str) -> str:
    stream = io.StringIO()
    write(stream, head(text), rows(text))
    return stream.getvalue()


LISTS: Final[Mapping[str, tuple[Listing, Callable[[str], list[Any]]]]] = {
    "tenants": (OUTCOMES, rows),
    "planned tenants": (PLANNED, lambda text: [plan_tenant(each) for each in a_plan(text).tenants]),
    "rollouts": (ROLLOUTS, lambda text: [rollout_row(a_rollout(text), NOBODY)]),
    "firings": (FIRINGS, lambda text: [firing_row(a_firing(text))]),
}


def listed(name: str, form: Form, text: str, *, width: int | None = None) -> str:
    listing, made = LISTS[name]
    stream = io.StringIO(newline="")
    write_list(stream, form, listing, {"name": text}, made(text), width=width)
    return stream.getvalue()


TEXTS: Final[Mapping[str, Printed]] = {
    "plan": a_plan_text,
    "whole plan": lambda text: "\n".join(whole_plan_text(a_plan(text), DIGEST, width=_WIDE, manifest=text)),
    "drift": lambda text: drift_text(a_plan(text), width=_WIDE),
    "summary": lambda text: summary_text(head(text), rows(text), width=_WIDE, manifest=text),
    "tenant": lambda text: tenant_text(deployments(text)[0], happenings(text)),
    "rollout": lambda text: rollout_text(a_rollout(text)),
    "explanation": lambda text: explanation_text(explained(text), width=_WIDE),
    "checkup": lambda text: checkup_text(findings(text), width=_WIDE),
    "rehearsal": lambda text: rehearsal_text(a_rehearsal(text), seed=0, width=_WIDE),
    "sweep": lambda text: swept(text).text(width=_WIDE, manifest=text),
    "rebuilding": lambda text: rebuilt(text).text(width=_WIDE, manifest=text),
    "workers": lambda text: workers_text(
        {"alive": 1, "accounts": [{"account": text, "worker": text, "silent_seconds": 20.0, "place": 1}]}
    ),
    "firing": lambda text: firing_line(a_firing(text)),
    "progress": piped,
    "request": lambda text: curl_line("PUT", f"https://x.example/{text}", json.dumps({text: text}).encode(), text),
    **{f"table of {name}": partial(listed, name, "table", width=200) for name in LISTS},
    **{f"wide table of {name}": partial(listed, name, "wide") for name in LISTS},
}
DOCUMENTS: Final[Mapping[str, Made]] = {
    "plan": lambda text: plan_head(a_plan(text), DIGEST),
    "planned tenant": lambda text: [plan_tenant(each) for each in a_plan(text).tenants],
    "tenant": lambda text: tenant_document(a_rollout(text), NOBODY, deployments(text)[0], happenings(text)),
    "explanation": lambda text: explanation_document(text, explained(text)),
    "checkup": lambda text: checkup_document(findings(text)),
    "rehearsal": lambda text: rehearsal_document(a_rehearsal(text), seed=0),
    "sweep": lambda text: swept(text).document,
    "rebuilding": lambda text: rebuilt(text).head,
    "firing": lambda text: firing_row(a_firing(text)),
    "event": lambda text: an_event(text).fields,
}
