"""The crash harness, a part of it; and that it sees what it is there to see."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash.harness.judge import Evidence, findings
from tests.crash.harness.planted import KNOWN
from tests.crash.harness.scenarios import ROWS, SCENARIOS, world

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(900)  # a machine that does much else at once has to pass too


def crash(*words: str, place: Path | None) -> subprocess.CompletedProcess[str]:
    """Run the harness in a process of its own: it forks, and a process with threads should not."""
    command = [sys.executable, "-m", "tests.crash.harness", "--jobs", "4", *words]  # which wait, most of the time
    environment = {**os.environ, "TMPDIR": str(place)} if place else os.environ
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_killed_or_stopped_at_any_boundary_nobody_is_doubled_lost_or_stuck_and_nothing_leaks(
    scenario: str, tmp_path: Path
) -> None:
    done = crash("--rounds", "2", "--one-in", "14", "--only", f"{scenario}:", place=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_with_a_journal_on_postgres_it_is_the_same() -> None:
    done = crash(
        "--journal", "postgres", "--rounds", "2", "--one-in", "40", place=None
    )  # its server may be another user
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_journal_lost_or_restored_at_any_boundary_is_rebuilt_and_nothing_is_doubled_or_run_twice(
    tmp_path: Path,
) -> None:
    done = crash("--repair", "--rounds", "2", "--one-in", "60", place=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("journal", ["sqlite", "postgres"])
def test_without_a_rule_the_harness_fails_and_says_how_to_see_it(journal: str) -> None:
    done = crash("--planted", "--journal", journal, place=None)
    assert done.returncode == 0, done.stdout + done.stderr
    for bug, case, _ in KNOWN[journal]:
        others = f"{' --journal postgres' if journal == 'postgres' else ''}{' --repair' if 'journal' in case else ''}"
        assert f"scripts/crash --without {bug}{others} --only '{case}'" in done.stdout


def test_whoever_comes_from_another_journal_waits_for_what_a_dead_deployer_sent(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.crash.harness.rival"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {row["tenant"]: 1 for row in ROWS}


def test_a_world_in_which_nothing_happened_is_judged_as_lost() -> None:
    found = [finding.kind for finding in findings(Evidence(SCENARIOS["clone"], world(), world(), {}))]
    assert found == ["lost"] * len(ROWS)
