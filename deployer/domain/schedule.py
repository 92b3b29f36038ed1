"""Schedules: what is done of a rollout at which times, and whether that is in force."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import takewhile
from typing import Annotated, Literal

from pydantic import AfterValidator

from deployer.domain import flow_schedule
from deployer.domain.cron import Occurrence, coming, normal_cron
from deployer.domain.model import Duration, Part


class Schedule(Part):
    """When something is done, in the time of a zone.

    A time that nobody could fire is made up for within `catch_up` seconds; each is put off by up to `jitter` seconds.
    """

    do: Literal["apply", "run", "drift"]
    cron: Annotated[str, AfterValidator(normal_cron)]
    timezone: Annotated[str, AfterValidator(flow_schedule.timezone)]
    overlap: Literal["skip", "queue"] = "skip"
    catch_up: Duration = 3600.0
    jitter: Duration = 0.0

    def said(self) -> str:
        """Return it as a phrase."""
        return f"{self.do} at {self.cron} {self.timezone}"


@dataclass(frozen=True, slots=True)
class Pause:
    """Who let a schedule rest, and when (UTC, ISO-8601)."""

    who: str
    at: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A schedule as a journal has it: of which rollout, under which name, in force since when (UTC, ISO-8601).

    `manifest` is what is loaded at each firing; `stated` tells that the manifest itself has it.
    """

    rollout: str
    name: str
    schedule: Schedule
    manifest: str
    since: str
    stated: bool
    pause: Pause | None = None

    def label(self, occurrence: Occurrence) -> str:
        """Return the local time that an occurrence is known by: no two of a schedule have the same."""
        return f"{occurrence.local:%Y-%m-%dT%H:%M} {self.schedule.timezone}"

    def fires_at(self, occurrence: Occurrence) -> datetime:
        """Return when an occurrence is to be fired, whoever computes it."""
        return occurrence.due + self.put_off(self.label(occurrence))

    def put_off(self, label: str) -> timedelta:
        """Return by how much of the jitter a time is put off."""
        digest = sha256(f"{self.rollout} {self.name} {label}".encode()).digest()
        return timedelta(seconds=int(self.schedule.jitter * int.from_bytes(digest[:4]) / 2**32))

    def put_off_until(self, now: datetime) -> datetime | None:
        """Return when a time is fired that has come by now, and that is put off; None where there is none."""
        jitter = timedelta(seconds=self.schedule.jitter)
        come = takewhile(lambda each: each.due <= now, self.coming(now - jitter))
        return next((self.fires_at(each) for each in come if self.fires_at(each) > now), None)

    def coming(self, now: datetime) -> Iterator[Occurrence]:
        """Yield the occurrences that are due after now."""
        return coming(self.schedule.cron, self.schedule.timezone, now=now)
