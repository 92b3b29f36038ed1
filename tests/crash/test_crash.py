"""The crash harness, a part of it; and that it sees what it is there to see."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash.harness.judge import Evidence, findings
from tests.crash.harness.scenarios import ROWS, SCENARIOS, world

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(240)


def crash(*words: str, place: Path | None) -> subprocess.CompletedProcess[str]:
    """Run the harness in a process of its own: it forks, and a process with threads should not."""
    command = [sys.executable, "-m", "tests.crash.harness", *words]
    environment = {**os.environ, "TMPDIR": str(place)} if place else os.environ
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_killed_at_any_boundary_nobody_is_doubled_lost_or_stuck(scenario: str, tmp_path: Path) -> None:
    done = crash("--one-in", "10", "--only", f"{scenario}:", place=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_with_a_journal_on_postgres_it_is_the_same() -> None:
    done = crash("--journal", "postgres", "--one-in", "20", place=None)  # whose server may run as somebody else
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("rule", "case", "broken"),
    [
        ("intent", "clone: flows.run 1, applied", "double run"),
        ("settle", "clone: commit 4 before, late", "duplicate"),
    ],
)
def test_without_a_rule_it_fails_on_postgres_too(rule: str, case: str, broken: str) -> None:
    done = crash("--journal", "postgres", "--without", rule, "--only", case, place=None)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"  {broken}: " in done.stdout


def test_a_journal_lost_or_restored_at_any_boundary_is_rebuilt_and_nothing_is_doubled_or_run_twice(
    tmp_path: Path,
) -> None:
    done = crash("--repair", "--one-in", "30", place=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("rule", "case", "broken"),
    [
        ("owed", "update: commit 15 before, late, journal restored", "double run"),
        ("intent", "clone: flows.run 1, applied", "double run"),
        ("look", "clone: flows.clone 1, applied", "duplicate"),
        ("settle", "clone: commit 4 before, late", "duplicate"),
        ("lock", "two: again 1", "duplicate"),
        ("look", "upgrade: exports.clone 1, applied", "duplicate"),
        ("settle", "upgrade: commit 4 after, late", "duplicate"),
    ],
)
def test_without_a_rule_the_harness_fails(rule: str, case: str, broken: str, tmp_path: Path) -> None:
    repair = ["--repair"] if "journal" in case else []
    done = crash(*repair, "--without", rule, "--only", case, place=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"  {broken}: " in done.stdout
    assert f"--without {' '.join([rule, *repair])} --only '{case}'" in done.stdout


def test_whoever_comes_from_another_journal_waits_for_what_a_dead_deployer_sent(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.crash.harness.rival"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {row["tenant"]: 1 for row in ROWS}


def test_a_world_in_which_nothing_happened_is_judged_as_lost() -> None:
    found = [finding.kind for finding in findings(Evidence(SCENARIOS["clone"], world(), world(), {}))]
    assert found == ["lost"] * len(ROWS)
