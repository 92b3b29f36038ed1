"""What a rollout has ahead, as the journal knows it."""

from dataclasses import replace
from pathlib import Path

import pytest

from deployer.api.standing import course_of
from deployer.domain.lifecycle import Event
from deployer.domain.waves import Wave
from deployer.journal.sqlite import SqliteJournal
from tests.factories import crowd, plan, rollout
from tests.journal.entries import entry

FIRST = rollout()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("waves", "ahead"),
    [((0, 0, 0, 0), [{"eu": 2, "us": 1}]), ((1, 2, 2, 2), [{}, {"eu": 2, "us": 1}])],
    ids=["without waves", "in two waves"],
)
async def test_who_is_left_is_known_by_wave_and_by_account_in_the_order_in_which_they_are_taken_up(
    tmp_path: Path, waves: tuple[int, ...], ahead: list[dict[str, int]]
) -> None:
    tenants = [*crowd(2, account="us"), *crowd(2, account="eu")]
    tenants = [replace(one, tenant=f"tenant-{n}", wave=waves[n]) for n, one in enumerate(tenants)]
    made = plan(*tenants)
    named = dict.fromkeys(("us", "eu"), made.accounts["main"])
    made = replace(made, accounts=named, waves=tuple(Wave(f"wave {n}", 2, 2, 0) for n in sorted({*waves} - {0})))
    async with SqliteJournal(tmp_path / "journal.db") as journal:
        await journal.begin(FIRST, made)
        first, *_ = await journal.deployments(FIRST.id, after=-1, limit=9)
        await journal.record(entry(first, Event.CANCEL))
        course = await course_of(journal, FIRST.id)
    assert [list(wave.items()) for wave in course.accounts] == [list(wave.items()) for wave in ahead]
    assert [each.wave for each in course.waves] == list(made.waves)
