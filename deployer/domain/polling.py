"""When to look at jobs again: often enough to notice their end soon, seldom enough to leave the rate to the runs."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from deployer.domain.documents import Document

_SOONEST, _LATEST = 0.25, 30.0  # seconds between two looks
_FIRST: Final = 0.5  # seconds to the first look where no job has ended yet
_GROWTH: Final = 1.5  # from look to look meanwhile
_LATER: Final = 1.05  # a look comes a little after the end that is expected, not a little before it
_APART: Final = 1.17  # from look to look, where ends are expected at different times
_EARLIEST: Final = 8  # the shortest eighth of jobs may be noticed late


def until_next_look(elapsed: float, took: Iterable[float]) -> float:
    """Return the seconds to wait after `elapsed`: until the next of the jobs ends that `took` so long."""
    expected = sorted(_LATER * seconds for seconds in took if _LATER * seconds > elapsed)
    if not expected:
        return min(_LATEST, max(_FIRST, (_GROWTH - 1.0) * elapsed))
    soonest = max(_APART * elapsed, elapsed + _SOONEST)
    return max(soonest, expected[len(expected) // _EARLIEST]) - elapsed


def durations(jobs: Iterable[Document]) -> list[float]:
    """Return the seconds that jobs took, from being asked for to their end, where their documents tell."""
    spans = ((_moment(job.get("createdAt", job.get("startedAt"))), _moment(job.get("endedAt"))) for job in jobs)
    return [(end - start).total_seconds() for start, end in spans if start and end and end >= start]


def _moment(text: object) -> datetime | None:
    """Read an ISO time with its zone."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None
