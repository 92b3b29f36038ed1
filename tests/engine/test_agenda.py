"""What the agenda does when it is closed while somebody still looks for work."""

from collections.abc import Sequence
from typing import cast

import anyio
import pytest

from deployer.domain.deployment import Deployment
from deployer.engine.agenda import Agenda
from deployer.engine.clock import SystemClock
from deployer.journal.protocol import Journal
from tests.factories import deployment

pytestmark = pytest.mark.anyio


class SlowJournal:
    """A journal that answers when it is let; it holds one deployment to be busy with."""

    def __init__(self, held: Sequence[Deployment]) -> None:
        self.asked = anyio.Event()
        self.answer = anyio.Event()
        self._pages = [held, []]

    async def claim(self, *_: object, **__: object) -> Sequence[Deployment]:
        page = self._pages.pop(0)
        if not page:
            self.asked.set()
            await self.answer.wait()
        return page


async def test_who_reads_on_while_the_agenda_is_closed_does_not_wait_for_work_any_more() -> None:
    journal = SlowJournal([deployment()])
    agenda = Agenda(cast("Journal", journal), "rollout", "main", SystemClock(), ahead=1)
    assert await agenda.next()  # and it stays busy, as with a call of minutes

    with anyio.fail_after(2):
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(agenda.next)
            await journal.asked.wait()
            agenda.close()
            journal.answer.set()
