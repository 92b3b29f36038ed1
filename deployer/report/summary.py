"""How a rollout stands, as a document for programs and as text for people."""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from deployer.domain.deployment import OPEN, Deployment, Status, count
from deployer.domain.documents import Document
from deployer.domain.outcome import judge
from deployer.journal.protocol import Happening, Rollout
from deployer.report.text import counted, duration, padded, plain, some, value_text, wrapped

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


def summary_text(document: Mapping[str, Any], *, width: int, manifest: str) -> str:
    """Return a summary for people: the counts, every cause of trouble once, and what to type next."""
    lines = [*_headline(document, width), *_causes(document["tenants"], width), *_unknown(document["tenants"], width)]
    if document["reason"]:
        lines += ["", *wrapped("stopped: ", [plain(document["reason"])], width=width, hang=2)]
    lines += _next(document, shlex.quote(plain(manifest)))
    return "\n".join(lines)


def _headline(document: Mapping[str, Any], width: int) -> list[str]:
    counts = counted(document["counts"])
    start = f"Rollout {plain(document['name'])} {document['outcome'].replace('_', ' ')}: "
    took = _took(document["started_at"], document["ended_at"])
    return wrapped(start, [counts, *([f"in {took}"] if took else [])], width=width, hang=2, gap=" ")


def _took(started: str, ended: str | None) -> str:
    if not started or not ended:
        return ""
    return duration((datetime.fromisoformat(ended) - datetime.fromisoformat(started)).total_seconds())


def _causes(tenants: Sequence[Tenant], width: int) -> Iterator[str]:
    """Yield each cause once, that of most tenants first, with who is concerned and the remedy."""
    troubled = sorted((tenant for tenant in tenants if tenant["outcome"] in _TOLD and tenant["error"]), key=_cause)
    causes = sorted((list(group) for _, group in groupby(troubled, key=_cause)), key=len, reverse=True)
    for alike in causes[:_CAUSES]:
        error = alike[0]["error"]
        yield ""
        yield from wrapped(f"{len(alike)} {alike[0]['outcome']}: ", [_error_text(error)], width=width, hang=2)
        yield from wrapped("  ", some([t["tenant"] for t in alike], _NAMES).split(" "), width=width, hang=2, gap=" ")
        yield from wrapped("  → ", [plain(error["remedy"])], width=width, hang=4)
    if len(causes) > _CAUSES:
        yield f"… and {len(causes) - _CAUSES} more causes (--json has them all)"


def _cause(tenant: Tenant) -> tuple[str, str, str]:
    error = tenant["error"]
    return tenant["outcome"], str(error["code"]), str(error["message"])


def _error_text(error: Mapping[str, Any]) -> str:
    """Return an error as one phrase: `invalid_field: no such zone (timezone, 422)`."""
    place = ", ".join(plain(error[key]) for key in ("field", "status") if error.get(key) is not None)
    code = "" if error["code"] == Status.BLOCKED else f"{plain(error['code'])}: "
    return f"{code}{plain(error['message'])}{f' ({place})' if place else ''}"


def _unknown(tenants: Sequence[Tenant], width: int) -> Iterator[str]:
    """Yield every tenant that only a person can decide, with the line to type, which is never broken."""
    unknown = [tenant for tenant in tenants if tenant["outcome"] == Status.UNKNOWN and tenant["error"]]
    for tenant in unknown:
        yield ""
        start = f"unknown: {plain(tenant['tenant'])}  "
        yield from wrapped(start, [_error_text(tenant["error"])], width=width, hang=2)
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
        lines += [f"  {_error_text(error)}", f"  → {plain(error['remedy'])}"]
    return "\n".join(lines)


def _happening(happening: Happening) -> str:
    facts = (f"{plain(key)} {value_text(value)}" for key, value in happening.facts.items() if key not in _UNTOLD)
    return "  ".join([padded(happening.step.value, 9), padded(happening.event.value, 11), *facts]).rstrip()
