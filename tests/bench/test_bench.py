"""The benchmark: its arithmetic, its server, and the one cheap row."""

import json
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from deployer.domain.ideal import Limits
from tests.bench.__main__ import main
from tests.bench.api import Api, serving
from tests.bench.child import ROOT, Child, ChildError
from tests.bench.ideal import Wave, least_seconds, worst_second
from tests.bench.rollout import UNPACED, Rollout
from tests.bench.row import Mode, Row
from tests.bench.settings import Settings
from tests.bench.world import identify, token_of

TENANTS = 30


def ask(api: Api, path: str) -> tuple[int, str | None]:
    connection = HTTPConnection(urlsplit(api.url).netloc)
    connection.request("GET", f"/v1/{path}", headers={"Authorization": f"Bearer {token_of(0)}"})
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status, response.getheader("Retry-After")


@pytest.mark.parametrize(
    ("wave", "limits", "seconds"),
    [
        (Wave(2000, 4, 0.05), Limits(100.0, 1000.0, 512), 70.05),  # the rate binds
        (Wave(320, 4, 0.15), Limits(1e6, 1e6, 32), 6.0),  # the slots do
        (Wave(2, 4, 0.5), Limits(1e6, 1e6, 32), 2.0),  # one tenant's chain does
    ],
)
def test_the_ideal_is_what_the_tightest_bound_allows(wave: Wave, limits: Limits, seconds: float) -> None:
    assert least_seconds(wave, limits) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("moments", "most"),
    [([], 0), ([0.0, 1.0, 2.0], 1), ([0.0, 0.9, 0.95, 1.1], 3), ([5.0, 5.0, 5.0], 3)],
)
def test_the_worst_second_is_found_wherever_it_begins(moments: list[float], most: int) -> None:
    assert worst_second(moments) == most


def test_what_is_deployed_to_the_fast_server_is_found_there_again(tmp_path: Path) -> None:
    with serving() as api:
        rollout = Rollout(tmp_path / "rollout", api.url, TENANTS, rate=UNPACED).write()
        api.begin(Settings(tenants=TENANTS))
        rollout.apply()
        first = api.figures()
        api.begin(Settings(tenants=TENANTS, fresh=False))
        rollout.apply()
        second = api.figures()
    assert (first.wave, first.duplicates, first.missing, first.unconfigured) == (4 * TENANTS, 0, 0, 0)
    assert second.wave == 0


def test_the_fast_server_keeps_to_its_bucket() -> None:
    with serving() as api:
        api.begin(Settings(tenants=1, rate=0.5, burst=2.0))
        said = [ask(api, f"integrations/{identify('integrations', 0, 0)}/flows") for _ in range(3)]
        assert said == [(204, None), (204, None), (429, "2")]
        assert api.figures().throttled == 1


def test_without_a_journal_nothing_is_remembered(tmp_path: Path) -> None:
    with serving() as api:
        rollout = Rollout(tmp_path / "rollout", api.url, TENANTS, rate=UNPACED).write()
        api.begin(Settings(tenants=TENANTS))
        assert rollout.apply(codes=(5,), planted="journal").code == 5
        assert api.figures().missing == 0


def test_a_program_that_fails_says_so(tmp_path: Path) -> None:
    child = Child([sys.executable, "-c", "raise SystemExit('out of paper')"], place=tmp_path)
    with pytest.raises(ChildError, match=r"ended with 1 .*\nout of paper"):
        child.end()


def test_a_cheap_row_is_measured(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    command = [sys.executable, "-m", "tests.bench", "--rows", "9", "--json", str(file)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "--help above bare Python" in said
    document = json.loads(file.read_text("utf-8"))
    figures = document["rows"][0]["figures"]["CPU ms"]
    assert figures["min"] <= figures["median"] <= figures["max"]
    assert (document["mode"], len(figures["samples"])) == ("quick", 15)


def test_a_missed_goal_is_told_and_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    def slow(_: Mode) -> Row:
        return Row(1, "a race", {"s": [3.0, 2.0, 9.0]}, "<= 1", reached=False)

    assert main(["--rows", "1"], {1: slow}) == 0
    said = capsys.readouterr().out
    assert "MISSED   a race" in said
    assert "[2 to 9, n=3]" in said
    assert "0 of 1 goals reached" in said
    assert "missed: 1" in said


def test_a_row_that_breaks_fails_the_command_and_hides_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(mode: Mode) -> Row:
        raise FileNotFoundError(mode.place)

    def fine(_: Mode) -> Row:
        return Row(2, "a walk", {"s": [1.0]}, "<= 1", reached=True)

    assert main(["--rows", "1,2"], {1: broken, 2: fine}) == 1
    said = capsys.readouterr().out
    assert "BROKEN   FileNotFoundError" in said
    assert "reached  a walk" in said
