"""Schedules in tests: what makes one of them due now, and what is written of it."""

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio

from deployer.api.places import journal_home
from deployer.domain.firing import Firing
from deployer.journal.home import Home
from tests.engine.stage import Stage


def just_now(**fields: object) -> dict[str, object]:
    """Return a schedule whose time of today came a minute or two ago."""
    past = datetime.now(UTC) - timedelta(minutes=1)
    return {"cron": f"{past.minute} {past.hour} * * *", "timezone": "UTC", **fields}


def home(stage: Stage) -> Home:
    return journal_home(stage.directory / "rollout.yaml", os.environ.get("DEPLOYER_JOURNAL"))


def came_into_force(stage: Stage, hours: float = 1) -> None:
    """Put the schedules of the manifest in force, and let that have been so many hours ago."""
    ended = stage.run("schedule", "sync")
    assert ended.code == 0, ended.err
    since = (datetime.now(UTC) - timedelta(hours=hours)).isoformat()

    async def rewind() -> None:
        async with home(stage).calendar() as calendar:
            for kept in await calendar.schedules():
                await calendar.keep(replace(kept, since=since))

    anyio.run(rewind)


def write(stage: Stage, before: Firing, after: Firing) -> None:
    async def move() -> None:
        async with home(stage).calendar() as calendar:
            assert await calendar.move(before, after)

    anyio.run(move)


def written(stage: Stage) -> Sequence[Firing]:
    """Return the firings, oldest first."""

    async def read() -> Sequence[Firing]:
        async with home(stage).calendar(read_only=True) as calendar:
            return await calendar.firings("order-sync", limit=100)

    return anyio.run(read)


def firings(stage: Stage) -> list[dict[str, Any]]:
    """Return the firings as the command shows them."""
    found: list[dict[str, Any]] = json.loads(stage.run("schedule", "firings", "--json").out)["firings"]
    return found
