"""What a flow's jobs say about a run: which are ours, whether they ended, and how."""

from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum

from deployer.domain.documents import Document, Json

ENDED = frozenset({"completed", "failed", "canceled"})


class Started(StrEnum):
    """Whether a run whose answer was lost did start."""

    YES = "yes"
    NO = "no"
    UNDECIDABLE = "undecidable"


def unseen(jobs: Iterable[Document], seen: Collection[Json]) -> list[str]:
    """Return the ids of jobs that were not there before."""
    return [str(job["_id"]) for job in jobs if job["_id"] not in seen]


def judge_run(new: Sequence[str], *, fresh: bool, generators: int) -> Started:
    """Decide by the jobs that appeared: on a fresh flow, as many as a run makes are ours.

    A flow is fresh that this rollout made, that never ran and that nothing but us starts.
    """
    if not new:
        return Started.NO
    return Started.YES if fresh and len(new) <= generators else Started.UNDECIDABLE


def ended(jobs: Iterable[Document]) -> bool:
    """Tell whether every job has come to its end."""
    return all(job.get("status") in ENDED for job in jobs)


def errors(jobs: Iterable[Document]) -> int:
    """Return how many records failed in all."""
    counts = (job.get("numError") for job in jobs)
    return sum(count for count in counts if isinstance(count, int))


def open_errors(jobs: Iterable[Document]) -> int:
    """Return how many errors nobody has resolved yet."""
    counts = (job.get("numOpenError") for job in jobs)
    return sum(count for count in counts if isinstance(count, int))


def trouble(jobs: Iterable[Document], max_errors: int) -> str | None:
    """Return what is wrong with jobs that ended, or None."""
    jobs = list(jobs)
    bad = [f"job {job['_id']} {job.get('status')}" for job in jobs if job.get("status") != "completed"]
    if bad:
        return ", ".join(bad)
    found = errors(jobs)
    return f"{found} errors where {max_errors} are allowed" if found > max_errors else None
