"""The set-up of scripts/: an old Python, a broken environment, what the lock files hold."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import _environment
import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = [path for path in (ROOT / "scripts").iterdir() if path.is_file() and path.suffix in {"", ".py"}]
LOCKS = [ROOT / "requirements.lock", ROOT / "requirements-dev.lock"]
PRETEND = """
import runpy, sys
sys.version_info = (3, 8, 18, "final", 0)
sys.path.insert(0, "scripts")
sys.argv = ["scripts/test"]
runpy.run_path("scripts/test", run_name="__main__")
"""


def name(path: Path) -> str:
    return path.name


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_an_old_python_gets_one_sentence_and_exit_code_2() -> None:
    told = subprocess.run(python(PRETEND), cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 2
    assert re.fullmatch(r"deployer needs Python 3\.11 or newer; this is 3\.8 \(.+\): install it.*\n", told.stderr)


@pytest.mark.parametrize("script", SCRIPTS, ids=name)
def test_an_old_python_can_parse_every_script_far_enough_to_be_told(script: Path) -> None:
    ast.parse(script.read_text("utf-8"), feature_version=(3, 7))


def test_the_oldest_python_is_the_one_the_package_requires() -> None:
    requires = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["requires-python"]
    assert requires == ">={}.{}".format(*_environment.OLDEST)


def test_an_environment_that_broke_half_made_is_made_again(tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    with pytest.raises(SystemExit, match="could not set up"):
        _environment.make(environment, "a", [python("raise SystemExit(1)")])
    assert not _environment.is_made_from(environment, "a")
    _environment.make(environment, "a", [python("pass")])
    assert _environment.is_made_from(environment, "a")


def test_making_an_environment_again_leaves_nothing_of_the_old_one(tmp_path: Path) -> None:
    _environment.make(tmp_path, "a", [])
    (tmp_path / "lib" / "left-over").touch()
    with pytest.raises(SystemExit):
        _environment.make(tmp_path, "b", [python("raise SystemExit(1)")])
    assert not (tmp_path / "lib" / "left-over").exists()
    assert not _environment.is_made_from(tmp_path, "a")


def test_an_environment_made_from_another_lock_is_out_of_date(tmp_path: Path) -> None:
    _environment.make(tmp_path, "a", [])
    assert not _environment.is_made_from(tmp_path, "b")


def test_an_environment_whose_python_is_gone_is_broken(tmp_path: Path) -> None:
    _environment.make(tmp_path, "a", [])
    (tmp_path / "bin" / "python").unlink()
    assert not _environment.is_made_from(tmp_path, "a")


@pytest.mark.parametrize("lock", LOCKS, ids=name)
def test_every_requirement_is_pinned_and_hashed(lock: Path) -> None:
    requirements = re.split(r"\n(?=\w)", lock.read_text("utf-8"))
    assert requirements
    for requirement in requirements:
        assert re.match(r"[\w.-]+==\S+ (; .+ )?\\\n    --hash=sha256:[0-9a-f]{64}", requirement), requirement


@pytest.mark.parametrize("lock", LOCKS, ids=name)
def test_a_lock_names_no_host_and_no_place(lock: Path) -> None:
    assert not re.search(
        r"://|--(index|extra-index|find-links|trusted)|(^|\s)/|@ ", lock.read_text("utf-8"), re.MULTILINE
    )


def test_what_is_tested_is_what_is_shipped() -> None:
    runtime, development = (set(re.findall(r"^\S+==\S+", lock.read_text("utf-8"), re.MULTILINE)) for lock in LOCKS)
    assert runtime
    assert runtime <= development
