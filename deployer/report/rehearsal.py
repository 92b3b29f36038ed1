"""What became of a rehearsal, as a document for programs and as text for people."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from deployer.domain.deployment import Status
from deployer.domain.documents import Document
from deployer.domain.plan import Plan
from deployer.report.pace import seconds
from deployer.report.text import counted, duration, numbered, plain, words, wrapped

_FORMAT: Final = 1
_CAUSES: Final = 5


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What became of a rehearsal: the plan, how it ended as `status --json` shows it, and which tenants are in trouble.

    `requests` were sent after the plan, of polls and repeats too; `doubled` tenants had a flow made twice.
    """

    plan: Plan
    head: Document
    troubled: Sequence[Mapping[str, Any]]
    requests: int
    doubled: int


def rehearsal_document(found: Rehearsal, *, seed: int) -> dict[str, Any]:
    """Return the rehearsal as `--json` shows it; `seconds` is what the rate alone makes the plan's requests take."""
    head: Mapping[str, Any] = found.head
    return {
        "format_version": _FORMAT,
        "seed": seed,
        "outcome": head["outcome"],
        "reason": head["reason"],
        "counts": head["counts"],
        "waves": head["waves"],
        "blast_radius": found.plan.blast_radius,
        "requests": found.requests,
        "seconds": round(seconds(found.plan), 1),
        "doubled": found.doubled,
        "tenants": list(found.troubled),
    }


def rehearsal_text(found: Rehearsal, *, seed: int, width: int) -> str:
    """Return what would happen, for people."""
    return "\n".join(_lines(found, seed, width))


def _lines(found: Rehearsal, seed: int, width: int) -> Iterator[str]:
    head: Mapping[str, Any] = found.head
    outcome = words(head["outcome"])
    yield from wrapped(f"Rehearsed with seed {seed}: {outcome}  ", [counted(head["counts"])], width=width, hang=2)
    for wave in head["waves"]:
        said = f"{wave['tenants']} tenants, {wave['state']}: {counted(wave['counts'])}"
        yield from wrapped(f"  {plain(wave['name'])}  ", [said], width=width, hang=4)
    if head["reason"]:
        kept = head["counts"][Status.PENDING]
        more = f"; {kept} tenants would not have begun" if kept else ""
        yield from wrapped("  stopped: ", [f"{plain(head['reason'])}{more}"], width=width, hang=4)
    for tenant in found.troubled[:_CAUSES]:
        error = tenant["error"] or {"message": ""}
        said = f"{tenant['outcome']}: {plain(error['message'])}"
        yield from wrapped(f"  {plain(tenant['tenant'])}  ", [said], width=width, hang=4)
    if len(found.troubled) > _CAUSES:
        yield f"  … and {len(found.troubled) - _CAUSES} more (--json has them all)"
    radius = found.plan.blast_radius
    yield from wrapped(
        "",
        [
            f"{found.requests} requests, {duration(seconds(found.plan))} at the accounts' rates",
            f"at most {numbered(radius, 'tenant')} could have failed",
            f"{found.doubled} flows made twice",
            "nothing was written to the accounts",
        ],
        width=width,
        hang=2,
        gap=" · ",
    )
