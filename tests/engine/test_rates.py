"""A rate that was found is kept for the next rollout."""

import stat
import time
from pathlib import Path

import pytest

from deployer.domain.learned import file_name
from deployer.domain.manifest import Account, Rate
from deployer.engine.accounts import new_limiter
from deployer.engine.rates import keep, recall
from deployer.simulator import Customer, Knobs
from tests.engine.stage import CUSTOMERS, US, staged

IDENTITY = ("api.integrator.io", "user1")


def test_a_rate_is_kept_for_its_account_and_for_nobody_else_to_read(tmp_path: Path) -> None:
    keep(tmp_path / "rates", IDENTITY, 120.0, 1000.0)
    keep(tmp_path / "rates", IDENTITY, 90.0, 2000.0)
    [file] = (tmp_path / "rates").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert recall(tmp_path / "rates", IDENTITY, 2001.0) == 90.0
    assert recall(tmp_path / "rates", ("api.integrator.io", "user2"), 2001.0) is None


def test_a_file_that_cannot_be_read_or_written_is_never_an_error(tmp_path: Path) -> None:
    keep(tmp_path, IDENTITY, 120.0, 1000.0)
    [file] = tmp_path.iterdir()
    file.write_bytes(b"\xff\x00")
    assert recall(tmp_path, IDENTITY, 1001.0) is None
    assert recall(file, IDENTITY, 1001.0) is None
    keep(file, IDENTITY, 120.0, 1000.0)


@pytest.mark.parametrize(
    ("rate", "begins"),
    [
        (None, 0.985 * 80),
        (Rate(per_second="auto"), 0.985 * 80),
        (Rate(per_second=50.0), 0.985 * 50),
        (Rate(share="50%"), 0.985 * 40),  # type: ignore[arg-type]  # as a manifest writes it
    ],
)
def test_an_account_begins_with_the_rate_found_lately_and_never_above_its_limit(
    rate: Rate | None, begins: float
) -> None:
    account = Account(region="us", token="env:T", rate=rate)
    assert new_limiter(account, found=80.0).rate == pytest.approx(begins)


def test_a_rollout_that_is_refused_leaves_what_it_found_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    knobs = Knobs(bucket_size=5, bucket_refill=40.0, latency={"*": 0.02})
    with staged(tmp_path, monkeypatch, knobs) as stage:
        stage.manifest["accounts"][US]["rate"] = {"per_second": "auto"}
        stage.tenants = {f"tenant-{number}": Customer(US, number) for number in range(CUSTOMERS)}
        ended = stage.apply()

    assert ended.code == 0, ended.err
    [file] = (tmp_path / "state" / "deployer" / "rates").iterdir()
    identity = stage.url.removeprefix("http://"), stage.simulator.world.accounts[US].user
    assert file.name == file_name(identity)
    assert recall(file.parent, identity, time.time()) == pytest.approx(40, rel=0.5)
