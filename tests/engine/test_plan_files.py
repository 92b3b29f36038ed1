"""Plans in files and tenants in spools: whole or refused, in the order of the list, and small in memory."""

import gc
import tempfile
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from random import Random

import pytest

from deployer.domain.plan import Plan, Planned, Totals
from deployer.engine.load import load
from deployer.engine.plans import Draft, SavedPlan, load_plan
from deployer.engine.spool import Spool
from deployer.errors import GuardError
from deployer.simulator import Customer
from tests.engine.stage import EU, US, Stage
from tests.factories import plan, planned

pytestmark = pytest.mark.anyio


def tenant(place: int) -> Planned:
    return replace(
        planned(f"tenant-{place}", fields={("settings", "place"): place}), last_modified="2026-01-01T00:00:00Z"
    )


def saved(directory: Path, order: list[int]) -> SavedPlan:
    """Save a plan of tenants that were decided in an order."""
    draft = Draft(len(order), lambda *_: None)
    for place in order:
        draft.add(place, tenant(place))
    head: Plan = replace(plan(), tenants=(), totals=Totals(), observed_at="2999-01-01T00:00:00+00:00")
    return draft.save(directory, head)


def test_a_plan_has_one_digest_in_whatever_order_it_was_decided(tmp_path: Path) -> None:
    order = list(range(20))
    first = saved(tmp_path, order)
    Random(1).shuffle(order)

    again = saved(tmp_path, order)

    assert again.digest == first.digest
    assert [each.tenant for each in again.plan.tenants] == [f"tenant-{place}" for place in range(20)]


def test_a_plan_is_read_as_it_was_saved(tmp_path: Path) -> None:
    made = saved(tmp_path, [1, 0])
    assert list(load_plan(tmp_path, made.digest).plan.tenants) == [tenant(0), tenant(1)]


def _without_last_line(whole: bytes) -> bytes:
    return b"".join(whole.splitlines(keepends=True)[:-1])


def _reordered(whole: bytes) -> bytes:
    head, first, second, *rest = whole.splitlines(keepends=True)
    return b"".join([head, second, first, *rest])


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "a tenant changed": lambda whole: whole.replace(b"tenant-1", b"tenant-x"),
    "a stamp changed": lambda whole: whole.replace(b'"2026-01-01', b'"2026-01-02', 1),
    "a stamp is no JSON": lambda whole: whole.replace(b'00Z\\",', b"00Z,", 1),
    "lines reordered": _reordered,
    "the end is missing": _without_last_line,
    "cut within the last line": lambda whole: whole[:-2],
    "cut within a tenant": lambda whole: _without_last_line(whole)[:-4],
    "more after the end": lambda whole: whole + b" ",
    "empty": lambda _: b"",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_plan_that_is_not_what_it_was_is_refused(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    made = saved(tmp_path, [0, 1, 2])
    whole = made.path.read_bytes()
    damaged = damage(whole)
    made.path.write_bytes(damaged)

    assert damaged != whole
    with pytest.raises(GuardError, match="changed since it was made"):
        load_plan(tmp_path, made.digest)


def test_every_byte_of_the_tenants_lines_counts(tmp_path: Path) -> None:
    made = saved(tmp_path, [0, 1])
    whole = made.path.read_bytes()
    for place in range(whole.index(b"\n") + 1, len(whole)):
        made.path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(GuardError):
            load_plan(tmp_path, made.digest)


def test_lines_of_a_spool_are_read_in_any_order_and_between_writes() -> None:
    spool = Spool()
    begins = [spool.add(str(number).encode() * number) for number in range(9)]
    assert spool.line(begins[4]) == b"4444"
    last = spool.add(b"more")
    assert spool.line(last) == b"more"
    assert [spool.line(begin) for begin in begins] == [str(number).encode() * number for number in range(9)]


def test_a_spool_leaves_no_file_and_no_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        spool = Spool()
        spool.add(b"line")
        assert list(tmp_path.iterdir()) == []
        del spool
        gc.collect()
    assert (list(tmp_path.iterdir()), warned) == ([], [])


def test_accounts_are_shown_in_the_order_of_the_manifest(stage: Stage) -> None:
    stage.add_account()
    stage.tenants["euro"] = Customer(EU, 0)
    shown = stage.run("plan").out
    assert shown.index(f"account {US}") < shown.index(f"account {EU}")  # which no sorting would give


def test_tenants_of_several_accounts_keep_the_order_of_their_list(stage: Stage) -> None:
    stage.add_account()
    stage.tenants = {f"tenant-{number}": Customer((US, EU)[number % 2], number) for number in range(8)}
    names = list(stage.tenants)

    text = stage.run("plan", "--all").out

    assert list(stage.plan()) == names
    assert sorted(names, key=text.index) == names
    assert list(stage.apply().tenants) == names
    assert list(stage.status()) == names


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_tenants_are_read_in_the_encodings_of_spreadsheets(stage: Stage, encoding: str) -> None:
    stage.columns = {"acme": {"region": "Zürich"}}
    stage.write()
    file = stage.directory / "tenants.csv"
    file.write_bytes(file.read_text("utf-8").encode(encoding))

    loaded = load(stage.directory / "rollout.yaml", env=stage.environment, stdin=StringIO())

    assert [each.tenant for each in loaded.tenants] == list(stage.tenants)
    assert loaded.tenants[0].values["region"] == "Zürich"


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.usefixtures("traced")
def test_a_plan_of_many_is_never_held_in_memory(tmp_path: Path) -> None:
    count = 20_000
    before, _ = tracemalloc.get_traced_memory()
    held = [tenant(place) for place in range(100)]
    after, _ = tracemalloc.get_traced_memory()
    each = (after - before) / len(held)
    held.clear()
    draft = Draft(count, lambda *_: None)
    tracemalloc.reset_peak()

    for place in range(count):
        draft.add(place, tenant(place))
    made = draft.save(tmp_path, replace(plan(), tenants=(), observed_at="2999-01-01T00:00:00+00:00"))
    assert sum(1 for _ in load_plan(tmp_path, made.digest).plan.tenants) == count

    _, peak = tracemalloc.get_traced_memory()
    assert peak - before < count * each / 2
