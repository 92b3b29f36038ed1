"""How a rollout stands, as a document for programs and as text for people."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deployer.domain.command import typed
from deployer.domain.deployment import OPEN, Deployment, Status
from deployer.domain.documents import Document
from deployer.domain.gate import Gate, wave_state
from deployer.domain.outcome import judge
from deployer.domain.pins import REVISION_DIGITS
from deployer.domain.waves import Wave
from deployer.journal.protocol import Rollout
from deployer.report.causes import Causes, place_of
from deployer.report.text import counted, numbered, plain, words, wrapped

_FORMAT = 1
_NAMES = 5  # tenants named for each cause
_CAUSES = 20
_DIGITS = 12  # of a digest, to type
_DECISIONS = 50  # unknown tenants that are shown, each with the line to type
_JUDGED = frozenset({"running", "halted", "succeeded", "succeeded_with_failures", "failed"})
_ENDED_WELL = frozenset({"succeeded", "succeeded_with_failures"})
_TOLD = (Status.FAILED, Status.STALE, Status.BLOCKED)

Tenant = dict[str, Any]


@dataclass(frozen=True, slots=True)
class WaveStanding:
    """How far a wave is: its tenants by status, and the gate after it, once it has ended."""

    wave: Wave
    counts: Mapping[Status, int]
    gate: Gate | None

    @property
    def view(self) -> Document:
        """Return the wave as `--json` shows it."""
        return {
            "name": self.wave.name,
            "state": wave_state(self.wave, self.counts, self.gate),
            "tenants": self.wave.size,
            "tolerance": self.wave.tolerance,
            "approved_by": (self.gate.who or None) if self.gate else None,
            "counts": {status.value: self.counts[status] for status in Status},
        }


def rollout_head(
    rollout: Rollout,
    counts: Mapping[Status, int],
    waves: Sequence[WaveStanding] = (),
    revisions: Mapping[str, int] | None = None,
) -> Document:
    """Return how a rollout stands, as `--json` shows it, without its tenants.

    `revisions` counts the flows of its templates by the revision they are on, empty where that is not known.
    The outcome follows from the tenants as they are now, unless a person's word (paused, aborted, superseded) holds.
    """
    left = "halted" if rollout.outcome == "halted" else "running"
    return {
        "format_version": _FORMAT,
        "rollout": rollout.id,
        "name": rollout.name,
        "outcome": judge(counts, left=left) if rollout.outcome in _JUDGED else rollout.outcome,
        "reason": rollout.reason,
        "started_at": rollout.started_at,
        "ended_at": rollout.ended_at,
        "plan": rollout.plan,
        "counts": {status.value: counts[status] for status in Status},
        "waves": [wave.view for wave in waves],
        "revisions": dict(revisions or {}),
    }


def tenant_view(deployment: Deployment) -> Tenant:
    """Return how a tenant stands, as `--json` shows it."""
    return {
        "tenant": deployment.planned.tenant,
        "account": deployment.planned.account,
        "action": deployment.planned.action.value,
        "outcome": deployment.status.value,
        "flow": deployment.flow,
        "revision": _revision(deployment),
        "jobs": list(deployment.jobs),
        "error": deployment.error or _blocked(deployment),
    }


def _revision(deployment: Deployment) -> str | None:
    """Return the template's revision that a tenant's flow is on, as far as it is known."""
    known = deployment.known
    return (known.revision or None) if known and known.flow == deployment.flow else None


def _blocked(deployment: Deployment) -> Document | None:
    if deployment.status is not Status.BLOCKED:
        return None
    remedy = "mend the cause and apply again"
    return {"code": "blocked", "status": None, "field": None, "message": deployment.planned.reason, "remedy": remedy}


def summary_text(
    head: Mapping[str, Any],
    troubled: Iterable[Tenant],
    *,
    width: int,
    manifest: str,
    at_work: bool = False,
) -> str:
    """Return a summary for people: the counts, every cause of trouble once, and what to type next.

    `at_work` says that somebody may be carrying the rollout out meanwhile; without, one that runs is unfinished.
    """
    causes, unknown = Causes(_NAMES), _Unknown()
    for tenant in troubled:
        if tenant["outcome"] in _TOLD and tenant["error"]:
            causes.note(tenant)
        unknown.note(tenant)
    lines = [
        *_headline(head, width, at_work=at_work),
        *_waves(head, width),
        *_revisions(head, width),
        *_causes(causes, width),
        *unknown.lines(width),
    ]
    if head["reason"]:
        label = "note: " if head["outcome"] in _ENDED_WELL else "stopped: "
        lines += ["", *wrapped(label, [plain(head["reason"])], width=width, hang=2)]
    lines += _next(head, plain(manifest))
    return "\n".join(lines)


def _headline(head: Mapping[str, Any], width: int, *, at_work: bool) -> list[str]:
    """Return how it stands, and not how long it took: a rollout that was left for a night would count the night."""
    outcome = words(head["outcome"])
    word = "unfinished" if outcome == "running" and not at_work else outcome
    return wrapped(f"Rollout {plain(head['name'])} {word}: ", [counted(head["counts"])], width=width, hang=2)


def _waves(head: Mapping[str, Any], width: int) -> list[str]:
    """Return how far the waves are, those that have not begun counted together."""
    begun = [wave for wave in head["waves"] if wave["state"] != "pending"]
    later = head["waves"][len(begun) :]
    pieces = [f"{plain(wave['name'])} {wave['state']}: {counted(wave['counts'])}" for wave in begun]
    if later:
        pieces.append(f"{numbered(len(later), 'wave')} to come: {sum(w['tenants'] for w in later):,}")
    return wrapped("  ", pieces, width=width, hang=4, gap=" · ") if head["waves"] else []


def _revisions(head: Mapping[str, Any], width: int) -> list[str]:
    """Return how many flows are on which revision of the template, where they differ."""
    named = {revision[:REVISION_DIGITS]: count for revision, count in head["revisions"].items()}
    pieces = [
        f"{count:,} on {f'rev:{name}' if name else 'a revision that is not known'}" for name, count in named.items()
    ]
    return wrapped("  template: ", pieces, width=width, hang=4, gap=" · ") if len(pieces) > 1 else []


def _causes(causes: Causes, width: int) -> Iterator[str]:
    """Yield each cause once, that of most tenants first, with who is concerned and the remedy."""
    ordered = causes.ordered()
    for cause in ordered[:_CAUSES]:
        yield ""
        yield from wrapped(f"{cause.count:,} {cause.outcome}: ", [plain(cause.said)], width=width, hang=2)
        yield from wrapped("  ", cause.who(_NAMES).split(" "), width=width, hang=2, gap=" ")
        yield from wrapped("  → ", [plain(cause.remedy)], width=width, hang=4)
    if len(ordered) > _CAUSES or causes.others:
        more = len(ordered) - _CAUSES if not causes.others else f"at least {len(ordered) - _CAUSES}"
        yield f"… and {more} more causes (--json has them all)"


@dataclass(slots=True)
class _Unknown:
    """The tenants that only a person can decide, as far as one reads them."""

    first: list[Tenant] = field(default_factory=list)
    more: int = 0

    def note(self, tenant: Tenant) -> None:
        if tenant["outcome"] != Status.UNKNOWN or not tenant["error"]:
            return
        if len(self.first) < _DECISIONS:
            self.first.append(tenant)
        else:
            self.more += 1

    def lines(self, width: int) -> Iterator[str]:
        """Yield each with the line to type, which is never broken."""
        for tenant in self.first:
            yield ""
            start = f"unknown: {plain(tenant['tenant'])}  "
            yield from wrapped(start, [error_text(tenant["error"], tenant["outcome"])], width=width, hang=2)
            yield f"  → {plain(tenant['error']['remedy'])}"
        if self.more:
            yield f"… and {self.more:,} more unknown (--json has them all)"


def error_text(error: Mapping[str, Any], outcome: str) -> str:
    """Return an error as a phrase: `invalid_field: no such zone (timezone, 422)`; no code where it is the outcome."""
    code = "" if error["code"] == outcome else f"{plain(error['code'])}: "
    return f"{code}{plain(error['message'])}{place_of(error)}"


def next_commands(head: Mapping[str, Any], manifest: str) -> list[tuple[str, str]]:
    """Return what to type next: what for, and the command."""
    counts, commands = head["counts"], []
    doubted = head["outcome"] == "paused" and any(wave["state"] == "baking" for wave in head["waves"])
    if doubted or head["outcome"] == "waiting":
        commands.append(("let the next wave begin", typed("approve", manifest, "--plan", head["plan"][:_DIGITS])))
    if any(counts[status] for status in OPEN):
        mend = "mend what stopped it, then" if head["outcome"] == "halted" else "then go on" if commands else "go on"
        commands.append((mend, typed("resume", manifest)))
    if counts[Status.FAILED] and head["outcome"] not in {"aborted", "superseded"}:
        commands.append(("try the failed again", typed("resume", manifest, "--failed")))
    return commands


def _next(head: Mapping[str, Any], manifest: str) -> list[str]:
    counts, tenants = head["counts"], sum(head["counts"].values())
    commands = [f"{what}:  {command}" for what, command in next_commands(head, manifest)]
    if tenants and counts[Status.NO_CHANGE] == tenants:
        return [f"nothing to do: {numbered(tenants, 'tenant')} unchanged, only reads were sent"]
    return ["", *commands] if commands else []
