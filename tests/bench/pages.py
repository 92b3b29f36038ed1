"""Row 16: the page of a hundred thousand tenants: to write it, to hold it, to open it."""

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from deployer.domain.deployment import Deployment
from deployer.domain.lifecycle import Event, State
from deployer.journal.protocol import Entry, Met
from deployer.journal.sqlite import SqliteJournal
from tests.bench.child import Child
from tests.bench.row import Mode, Row
from tests.browser import started
from tests.report.rollouts import Course, Made, new

_MEGABYTE: Final = 2**20
_SIZE, _PEAK, _OPENED = 30.0, 150.0, 2.0  # MB of the page, MB to write it, seconds of CPU to open it
_AHEAD: Final = 500  # tenants whose entries nobody waits for


def pages(mode: Mode) -> Row:
    """Measure what it costs to write the page of a large rollout from its journal, and to open it."""
    tenants = mode.pick(5_000, 100_000)
    page = mode.place / "report.html"
    (mode.place / ".deployer").mkdir()
    # In a process of its own: the kernel counts the memory of who starts another as that one's.
    Child([sys.executable, "-m", "tests.bench.pages", str(tenants)], place=mode.place).end()
    command = [sys.executable, "-m", "deployer", "report", "--rollout", "order-sync", "--output", str(page)]
    ended = Child(command, place=mode.place).end()
    size, peak = page.stat().st_size / _MEGABYTE, ended.peak / _MEGABYTE
    opened = [_opened(page, tenants) for _ in range(mode.pick(1, 3))]
    return Row(
        16,
        f"page of {tenants} tenants, from the journal",
        {"MB": [size], "CPU s to write": [ended.cpu], "MB to write": [peak], "CPU s to open": opened},
        f"<= {_SIZE:g} MB, <= {_PEAK:g} MB to write, <= {_OPENED:g} s to open",
        size <= _SIZE and peak <= _PEAK and min(opened) <= _OPENED,
        "to open: what the browser's tasks take until all tenants can be looked through",
    )


def _opened(page: Path, tenants: int) -> float:
    """Return the seconds of CPU that the browser takes to open a page."""
    with started() as browser:
        tab = browser.new_page()
        session = tab.context.new_cdp_session(tab)
        session.send("Performance.enable")
        tab.goto(page.as_uri())
        tab.get_by_text(f"{tenants:,} of {tenants:,} tenants").wait_for()
        found = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
        return float(found["TaskDuration"])


async def journalled(path: Path, made: Made) -> None:
    """Write a rollout into a journal as whoever carried it out would have."""
    tenants = [deployment.planned for deployment, _ in made.deployments()]
    async with SqliteJournal(path) as journal:
        await journal.begin(made.rollout, replace(made.plan, tenants=tenants))
        for number, (deployment, met) in enumerate(made.deployments()):
            for entry in _entries(deployment, met):
                journal.note(entry)
            if number % _AHEAD == 0:
                await journal.gates(made.rollout.id)  # and so for what was noted
        for gate in made.gates.values():
            await journal.set_gate(made.rollout.id, gate)
        for sample in made.samples:
            journal.sample(made.rollout.id, sample)
        rollout = made.rollout
        await journal.conclude(rollout.id, outcome=rollout.outcome, reason="", ended_at=rollout.ended_at)


def _entries(deployment: Deployment, met: list[Met]) -> Iterator[Entry]:
    """Yield what was written of a tenant, from its first intent to its end."""
    now = replace(deployment, steps=tuple(replace(step, state=State.READY, facts={}) for step in deployment.steps))
    for each in met:
        last = each.event is not Event.INTEND
        facts = deployment.steps[each.index].facts if last else {}
        step = now.steps[each.index].meet(each.event, facts)
        yield Entry(now, each.index, each.event, step, each.at, facts)
        now = now.moved(each.index, step)


if __name__ == "__main__":
    wanted = Course(int(sys.argv[1]), waves=[1, 5, "20%"], per_second=600.0, accounts=40)
    asyncio.run(journalled(Path(".deployer", "journal.db"), new(wanted)))
