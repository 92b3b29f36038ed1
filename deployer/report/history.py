"""What happened to one tenant in a rollout: each step with its begin, its end and what it took."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from deployer.domain.deployment import Deployment, Status
from deployer.domain.documents import Document
from deployer.domain.lifecycle import State
from deployer.journal.protocol import Happening, Rollout
from deployer.report.columns import rollout_row
from deployer.report.summary import error_text, tenant_view
from deployer.report.text import duration, padded, plain, value_text, words

_FORMAT: Final = 1
_DIGITS: Final = 12  # of a digest, to type
_UNTOLD: Final = frozenset({"seen", "body", "error", "stale", "stamp", "others", "before", "again", "partly"})
_FACT: Final = 80  # columns
_OPEN: Final = frozenset({State.READY, State.INTENDED})


@dataclass(frozen=True, slots=True)
class Span:
    """A step from the first that happened to it to the last; without an end while it may go on."""

    step: str
    state: str
    begun: str | None
    ended: str | None

    @property
    def seconds(self) -> float | None:
        """Return how long the step took."""
        if self.begun is None or self.ended is None:
            return None
        return (datetime.fromisoformat(self.ended) - datetime.fromisoformat(self.begun)).total_seconds()


def spans(deployment: Deployment, happenings: Sequence[Happening]) -> list[Span]:
    """Return the steps of a deployment in order, with their times."""
    found: list[Span] = []
    for index, step in enumerate(deployment.steps):
        times = [happening.at for happening in happenings if happening.index == index]
        ended = times[-1] if times and step.state not in _OPEN else None
        found.append(Span(step.kind.value, step.state.value, times[0] if times else None, ended))
    return found


def tenant_document(
    rollout: Rollout, counts: Mapping[Status, int], deployment: Deployment, happenings: Sequence[Happening]
) -> dict[str, Any]:
    """Return one tenant's history as `history --rollout ID --tenant TENANT --json` shows it."""
    return {
        "format_version": _FORMAT,
        "rollout": rollout_row(rollout, counts),
        "tenant": tenant_view(deployment),
        "steps": [
            {"step": each.step, "state": each.state, "begun": each.begun, "ended": each.ended, "seconds": each.seconds}
            for each in spans(deployment, happenings)
        ],
        "events": [_event(happening) for happening in happenings],
    }


def _event(happening: Happening) -> Document:
    return {
        "at": happening.at,
        "step": happening.step.value,
        "event": happening.event.value,
        "facts": _facts(happening),
    }


def _facts(happening: Happening) -> Document:
    """Return what there is to tell of an event; an error, which the next may have been another of, as a phrase."""
    facts: Document = {key: value for key, value in happening.facts.items() if key not in _UNTOLD}
    error = happening.facts.get("error")
    return {**facts, "error": error_text(error, Status.FAILED)} if isinstance(error, dict) else facts


def tenant_text(deployment: Deployment, happenings: Sequence[Happening]) -> str:
    """Return one tenant with everything that happened to it, oldest first, and what each step took."""
    planned = deployment.planned
    known = [f"flow {plain(deployment.flow)}"] if deployment.flow else []
    known += [f"job {plain(job)}" for job in deployment.jobs]
    took = {index: each.seconds for index, each in enumerate(spans(deployment, happenings))}
    last = {happening.index: place for place, happening in enumerate(happenings)}
    lines = [
        "  ".join([plain(planned.tenant), *dict.fromkeys((words(planned.action), words(deployment.status)))]),
        "  " + "  ".join([f"account {plain(planned.account)}", f"integration {plain(planned.integration)}", *known]),
    ]
    for place, happening in enumerate(happenings):
        seconds = took.get(happening.index) if last[happening.index] == place else None
        lines.append(f"  {plain(happening.at)}  {_told(happening, seconds)}")
    if error := tenant_view(deployment)["error"]:
        lines += [f"  {error_text(error, deployment.status)}", f"  → {plain(error['remedy'])}"]
    return "\n".join(lines)


def _told(happening: Happening, seconds: float | None) -> str:
    facts = (f"{plain(key)} {value_text(value, most=_FACT)}" for key, value in _facts(happening).items())
    took = [f"in {duration(seconds)}"] if seconds is not None else []
    return "  ".join([padded(happening.step.value, 9), padded(happening.event.value, 11), *took, *facts]).rstrip()


def rollout_text(rollout: Rollout) -> str:
    """Return a rollout as one reads of it later: what it was, who began it, when, and of which plan and manifest."""
    ended = f" to {rollout.ended_at[:19]}Z" if rollout.ended_at else ", not ended"
    lines: Iterable[str] = (
        f"{rollout.kind} {plain(rollout.id)} by {plain(rollout.who)}",
        f"  {rollout.started_at[:19]}Z{ended}",
        f"  plan {rollout.plan[:_DIGITS]}, manifest {rollout.manifest_digest[:_DIGITS]}",
    )
    return "\n".join(lines)
