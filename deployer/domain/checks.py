"""What is checked before a gate opens: each check passes, fails, or cannot tell yet."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from deployer.domain.deployment import Deployment
from deployer.domain.documents import Document, Path, Value, dotted, same
from deployer.domain.jobs import ENDED, open_errors, trouble
from deployer.domain.merge3 import WRITES, Change, live_value, merge
from deployer.domain.merge3 import Verdict as FieldVerdict
from deployer.domain.resources import PlannedResource
from deployer.domain.upgrading import placeholder, translated
from deployer.domain.waves import Checks, Evidence


class Verdict(StrEnum):
    """What a check comes to. What it cannot tell is never taken for well."""

    PASS = "pass"  # noqa: S105 - no password
    INCONCLUSIVE = "inconclusive"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict, and what led to it."""

    verdict: Verdict
    said: str = ""


_AS_WRITTEN = frozenset({FieldVerdict.NO_CHANGE, FieldVerdict.RECORD, FieldVerdict.CONVERGED, FieldVerdict.ADOPT})


def altered(deployment: Deployment, live: Document) -> list[str]:
    """Return the fields of ours in a flow that are not as they were left."""
    planned, memory = deployment.planned, deployment.known.fields if deployment.known else {}
    fields = {path: value for path, value in planned.fields.items() if path not in planned.base}
    changes = merge(live, fields, memory)
    ours = [dotted(change.path) for change in changes if change.verdict not in _AS_WRITTEN]
    return [*ours, *_not_carried(planned.changes, planned.base, live, deployment)]


def altered_resource(deployment: Deployment, resource: PlannedResource, live: Document) -> list[str]:
    """Return the fields that a rollout wrote in a resource and that are not as it wrote them."""
    written = (change for change in resource.changes if change.verdict in WRITES)
    changed = (dotted(change.path) for change in written if not _stands(change, live, deployment))
    return [f"{resource.label}.{path}" for path in changed]


def _not_carried(
    changes: Iterable[Change], base: Mapping[Path, Value], live: Document, deployment: Deployment
) -> list[str]:
    """Return what an upgrade wrote and that is not as the template has it."""
    carried = (change for change in changes if change.path in base and change.verdict in WRITES)
    return [dotted(change.path) for change in carried if not _stands(change, live, deployment)]


def _stands(change: Change, live: Document, deployment: Deployment) -> bool:
    ids = {placeholder(key): id_ for key, id_ in deployment.copies.items()}
    there = live_value(live, change.path)
    return same(there, translated(change.desired, ids)) or not same(there, change.live)


def written_at(deployment: Deployment) -> str:
    """Return when a rollout wrote last to a tenant, by the server's stamps; they compare as texts."""
    stamps = (str(step.facts.get("stamp", "")) for step in deployment.steps)
    return max(deployment.known.last_modified if deployment.known else "", *stamps)


def jobs_since(jobs: Iterable[Document], moment: str) -> list[Document]:
    """Return the jobs that were made after a moment of the server's, ISO-8601 as it writes them all."""
    return [job for job in jobs if str(job.get("createdAt", "")) > moment]


def of_jobs(jobs: Sequence[Document], checks: Checks) -> Finding:
    """Return what a flow's jobs since say: nothing, while none has ended."""
    done = [job for job in jobs if job.get("status") in ENDED]
    wrong = trouble(done, checks.errors) if checks.errors is not None else None
    left = open_errors(done)
    if wrong is None and checks.open_errors is not None and left > checks.open_errors:
        wrong = f"{left} open errors where {checks.open_errors} are allowed"
    if wrong:
        return Finding(Verdict.FAIL, wrong)
    if not jobs or any(job.get("status") not in ENDED for job in jobs):
        return Finding(Verdict.INCONCLUSIVE, "no run has ended since")
    return Finding(Verdict.PASS)


@dataclass(slots=True)
class Share:
    """How many of some jobs went wrong."""

    bad: int = 0
    jobs: int = 0

    def add(self, jobs: Iterable[Document]) -> None:
        """Count jobs that ended."""
        for job in jobs:
            if job.get("status") in ENDED:
                self.jobs += 1
                self.bad += trouble([job], 0) is not None

    @property
    def part(self) -> float:
        """Return which part went wrong."""
        return self.bad / self.jobs if self.jobs else 0.0


def of_evidence(changed: Share, others: Share, evidence: Evidence) -> Finding:
    """Compare those changed with those not yet: what is wrong with all alike is not the change's fault."""
    said = f"{changed.bad} of {changed.jobs} jobs failed, and {others.bad} of {others.jobs} of those not yet changed"
    if min(changed.jobs, others.jobs) < evidence.jobs:
        return Finding(Verdict.INCONCLUSIVE, f"{said}: fewer than {evidence.jobs}")
    worse = changed.part > others.part + evidence.margin
    return Finding(Verdict.FAIL if worse else Verdict.PASS, said)


def of_command(code: int | None, said: str = "") -> Finding:
    """Return what a command's exit code means: 0 well, 1 not, anything else (or no end in time) that it cannot tell.

    `said` is the last line that it printed.
    """
    more = f": {said}" if said else ""
    match code:
        case 0:
            return Finding(Verdict.PASS)
        case 1:
            return Finding(Verdict.FAIL, f"the command says no{more}")
        case None:
            return Finding(Verdict.INCONCLUSIVE, "the command does not end")
        case _:
            return Finding(Verdict.INCONCLUSIVE, f"the command ended with {code}{more}")


def worst(findings: Iterable[Finding]) -> Finding:
    """Return the finding that decides: a failure before what cannot be told, that before what is well."""
    order = [Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.FAIL]
    return max(findings, key=lambda finding: order.index(finding.verdict), default=Finding(Verdict.PASS))
