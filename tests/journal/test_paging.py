"""Whoever goes through a rollout a page at a time meets each deployment once."""

from dataclasses import replace
from pathlib import Path

import pytest

from deployer.domain.lifecycle import Event
from deployer.journal import paging
from deployer.journal.paging import every_deployment
from deployer.journal.sqlite import SqliteJournal
from tests.factories import crowd, plan, rollout
from tests.journal.entries import entry

pytestmark = pytest.mark.anyio

FIRST = rollout()


async def test_every_deployment_of_a_rollout_of_a_wave_or_in_trouble_comes_once_and_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "_PAGE", 3)
    async with SqliteJournal(tmp_path / "journal.db") as journal:
        await journal.begin(FIRST, plan(*(replace(one, wave=1 + place // 4) for place, one in enumerate(crowd(7)))))
        for one in [each async for each in every_deployment(journal, FIRST.id)][::2]:
            await journal.record(entry(one, Event.REFUSE))
        assert [each.place async for each in every_deployment(journal, FIRST.id)] == list(range(7))
        assert [each.place async for each in every_deployment(journal, FIRST.id, wave=1)] == [0, 1, 2, 3]
        assert [each.place async for each in every_deployment(journal, FIRST.id, troubled=True)] == [0, 2, 4, 6]
        assert [each.place async for each in every_deployment(journal, FIRST.id, troubled=True, wave=2)] == [4, 6]
        assert [each async for each in every_deployment(journal, "nowhere")] == []
