"""How a rollout stands, as a document for programs and as text for people."""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from deployer.domain.deployment import OPEN, Deployment, Status, count
from deployer.domain.documents import Document
from deployer.domain.outcome import judge
from deployer.journal.protocol import Happening, Rollout
from deployer.report.text import anonymous, counted, padded, plain, some, value_text, wrapped

_FORMAT = 1
_NAMES = 5  # tenants named for each cause
_CAUSES = 20
_JUDGED = frozenset({"running", "halted", "succeeded", "succeeded_with_failures", "failed"})
_TOLD = (Status.FAILED, Status.STALE, Status.BLOCKED)
_UNTOLD = frozenset({"seen", "body", "error", "stale"})  # facts that are for the engine, or told otherwise

Tenant = dict[str, Any]


def summary(rollout: Rollout, deployments: Iterable[Deployment], *, halted: Mapping[str, str]) -> Document:
    """Return how a rollout stands, as `--json` shows it. `halted` says, by account, what stopped it.

    The outcome follows from the tenants as they are now, unless a person's word (paused, aborted, superseded) holds.
    """
    deployments = tuple(deployments)
    counts = count(deployment.status for deployment in deployments)
    stopped = bool(halted) or rollout.outcome == "halted"
    document: dict[str, Any] = {
        "format_version": _FORMAT,
        "rollout": rollout.id,
        "name": rollout.name,
        "outcome": judge(counts, halted=stopped) if rollout.outcome in _JUDGED else rollout.outcome,
        "reason": rollout.reason or "; ".join(f"{account}: {cause}" for account, cause in halted.items()),
        "started_at": rollout.started_at,
        "ended_at": rollout.ended_at,
        "plan": rollout.plan,
        "counts": counts,
        "tenants": [_tenant(deployment) for deployment in deployments],
    }
    return document


def _tenant(deployment: Deployment) -> Tenant:
    return {
        "tenant": deployment.planned.tenant,
        "account": deployment.planned.account,
        "action": deployment.planned.action.value,
        "outcome": deployment.status.value,
        "flow": deployment.flow,
        "jobs": list(deployment.jobs),
        "error": deployment.error or _blocked(deployment),
    }


def _blocked(deployment: Deployment) -> Document | None:
    if deployment.status is not Status.BLOCKED:
        return None
    remedy = "mend the cause and apply again"
    return {"code": "blocked", "status": None, "field": None, "message": deployment.planned.reason, "remedy": remedy}


def summary_text(document: Mapping[str, Any], *, width: int, manifest: str, at_work: bool = False) -> str:
    """Return a summary for people: the counts, every cause of trouble once, and what to type next.

    `at_work` says that somebody may be carrying the rollout out meanwhile; without, one that runs is unfinished.
    """
    lines = [
        *_headline(document, width, at_work=at_work),
        *_causes(document["tenants"], width),
        *_unknown(document["tenants"], width),
    ]
    if document["reason"]:
        lines += ["", *wrapped("stopped: ", [plain(document["reason"])], width=width, hang=2)]
    lines += _next(document, shlex.quote(plain(manifest)))
    return "\n".join(lines)


def _headline(document: Mapping[str, Any], width: int, *, at_work: bool) -> list[str]:
    """Return how it stands, and not how long it took: a rollout that was left for a night would count the night."""
    outcome = document["outcome"].replace("_", " ")
    word = "unfinished" if outcome == "running" and not at_work else outcome
    return wrapped(f"Rollout {plain(document['name'])} {word}: ", [counted(document["counts"])], width=width, hang=2)


def _causes(tenants: Sequence[Tenant], width: int) -> Iterator[str]:
    """Yield each cause once, that of most tenants first, with who is concerned and the remedy."""
    troubled = sorted((tenant for tenant in tenants if tenant["outcome"] in _TOLD and tenant["error"]), key=_cause)
    causes = sorted((list(group) for _, group in groupby(troubled, key=_cause)), key=len, reverse=True)
    for alike in causes[:_CAUSES]:
        outcome, error = alike[0]["outcome"], _shared(alike)
        yield ""
        yield from wrapped(f"{len(alike)} {outcome}: ", [_error_text(error, outcome)], width=width, hang=2)
        yield from wrapped("  ", some([t["tenant"] for t in alike], _NAMES).split(" "), width=width, hang=2, gap=" ")
        yield from wrapped("  → ", [plain(error["remedy"])], width=width, hang=4)
    if len(causes) > _CAUSES:
        yield f"… and {len(causes) - _CAUSES} more causes (--json has them all)"


def _cause(tenant: Tenant) -> tuple[str, str, str]:
    error = tenant["error"]
    return tenant["outcome"], str(error["code"]), anonymous(str(error["message"]), tenant["tenant"])


def _shared(alike: Sequence[Tenant]) -> dict[str, Any]:
    """Return the error of tenants with one cause; what is said differently of each is said without its name."""
    first, *others = alike
    error = dict(first["error"])
    for key in ("message", "remedy"):
        if any(other["error"][key] != error[key] for other in others):
            error[key] = anonymous(str(error[key]), first["tenant"])
    return error


def _error_text(error: Mapping[str, Any], outcome: str) -> str:
    """Return an error as a phrase: `invalid_field: no such zone (timezone, 422)`; no code where it is the outcome."""
    place = ", ".join(plain(error[key]) for key in ("field", "status") if error.get(key) is not None)
    code = "" if error["code"] == outcome else f"{plain(error['code'])}: "
    return f"{code}{plain(error['message'])}{f' ({place})' if place else ''}"


def _unknown(tenants: Sequence[Tenant], width: int) -> Iterator[str]:
    """Yield every tenant that only a person can decide, with the line to type, which is never broken."""
    unknown = [tenant for tenant in tenants if tenant["outcome"] == Status.UNKNOWN and tenant["error"]]
    for tenant in unknown:
        yield ""
        start = f"unknown: {plain(tenant['tenant'])}  "
        yield from wrapped(start, [_error_text(tenant["error"], tenant["outcome"])], width=width, hang=2)
        yield f"  → {plain(tenant['error']['remedy'])}"


def _next(document: Mapping[str, Any], manifest: str) -> list[str]:
    counts, tenants, commands = document["counts"], len(document["tenants"]), []
    if any(counts[status] for status in OPEN):
        mend = "mend what stopped it, then" if document["outcome"] == "halted" else "go on"
        commands.append(f"{mend}:  deployer resume {manifest}")
    if counts[Status.FAILED]:
        commands.append(f"try the failed again:  deployer apply {manifest} --failed")
    if tenants and counts[Status.NO_CHANGE] == tenants:
        return [f"nothing to do: {tenants} tenants unchanged, only reads were sent"]
    return ["", *commands] if commands else []


def tenant_text(deployment: Deployment, happenings: Iterable[Happening]) -> str:
    """Return one tenant with everything that happened to it, oldest first."""
    planned = deployment.planned
    known = [f"flow {plain(deployment.flow)}"] if deployment.flow else []
    known += [f"job {plain(job)}" for job in deployment.jobs]
    lines = [
        f"{plain(planned.tenant)}  {planned.action.value}  {deployment.status.value}",
        "  " + "  ".join([f"account {plain(planned.account)}", f"integration {plain(planned.integration)}", *known]),
        *(f"  {plain(happening.at)}  {_happening(happening)}" for happening in happenings),
    ]
    if error := _tenant(deployment)["error"]:
        lines += [f"  {_error_text(error, deployment.status)}", f"  → {plain(error['remedy'])}"]
    return "\n".join(lines)


def _happening(happening: Happening) -> str:
    facts = (f"{plain(key)} {value_text(value)}" for key, value in happening.facts.items() if key not in _UNTOLD)
    return "  ".join([padded(happening.step.value, 9), padded(happening.event.value, 11), *facts]).rstrip()
