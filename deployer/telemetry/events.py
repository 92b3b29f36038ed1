"""What happens, as events: names of a closed list, with fields instead of prose."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from deployer.domain.documents import Document

EVENTS: Final[Mapping[str, int]] = {
    "account.opened": logging.INFO,
    "account.refused": logging.ERROR,
    "account.halted": logging.ERROR,
    "account.waiting": logging.WARNING,
    "request.answered": logging.DEBUG,
    "rollout.started": logging.INFO,
    "rollout.counted": logging.DEBUG,
    "rollout.instructed": logging.WARNING,
    "wave.started": logging.INFO,
    "wave.baking": logging.INFO,
    "wave.waiting": logging.INFO,
    "wave.released": logging.INFO,
    "wave.halted": logging.ERROR,
    "rollout.ended": logging.INFO,
    "schedule.due": logging.INFO,
    "schedule.began": logging.INFO,
    "schedule.skipped": logging.INFO,
    "schedule.ended": logging.INFO,
    "schedule.failed": logging.ERROR,
    "notice.sent": logging.INFO,
    "notice.failed": logging.WARNING,
    "workers.gone": logging.WARNING,
    "step.moved": logging.DEBUG,
    "step.waiting": logging.DEBUG,
    "tenant.rested": logging.INFO,
    "surplus.found": logging.WARNING,
    "fields.strayed": logging.WARNING,
}
"""Every event there is, and how loudly it is logged."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: a name of the list, when (UTC, ISO-8601), and what there is to know of it."""

    name: str
    at: str
    fields: Document

    def __post_init__(self) -> None:
        if self.name not in EVENTS:
            raise ValueError(f"{self.name} is not an event")
