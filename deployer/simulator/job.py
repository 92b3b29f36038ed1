"""A job as a fact of the calendar: its whole life is known when it starts, and only read as time goes by."""

from dataclasses import dataclass
from typing import Literal

JobStatus = Literal["queued", "running", "completed", "failed", "canceled"]


@dataclass(slots=True)
class Job:
    """Hold when a job is queued, starts and ends (epoch seconds) and how it ends."""

    id: str
    type: str
    flow: str
    integration: str | None
    created: float
    starts: float
    ends: float
    errors: int = 0
    fails: bool = False
    parent: str = ""
    step: str = ""
    """The export or import it works for."""
    canceled: float | None = None

    def status(self, now: float) -> JobStatus:
        """Read the status at a time."""
        if self.canceled is not None:
            return "canceled"
        if now < self.starts:
            return "queued"
        if now < self.ends:
            return "running"
        return "failed" if self.fails else "completed"
