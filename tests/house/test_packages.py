"""What people install: a wheel, and a container as far as it can be looked at without one."""

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def ran(*command: object, **environment: str) -> str:
    clean = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    told = subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    return told.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel as pip, pipx and uv do, with the build tool that is locked."""
    place = tmp_path_factory.mktemp("wheel")
    ran(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", place)
    [made] = place.iterdir()
    return made


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as parts:
        held = {name for name in parts.namelist() if ".dist-info/" not in name}
    here = [path for path in (ROOT / "deployer").rglob("*") if path.is_file() and path.parent.name != "__pycache__"]
    assert held == {str(path.relative_to(ROOT)) for path in here}
    assert {"deployer/py.typed", "deployer/journal/sqlite.sql"} <= held


def test_the_wheel_installs_in_a_new_environment_and_its_command_works(wheel: Path, tmp_path: Path) -> None:
    """Its dependencies are those that are here: they are not fetched again."""
    venv.EnvBuilder(symlinks=True).create(tmp_path)
    python, program = tmp_path / "bin" / "python", tmp_path / "bin" / "deployer"
    ran(sys.executable, "-m", "uv", "pip", "install", "--offline", "--no-deps", "--quiet", "--python", python, wheel)
    [packages] = tmp_path.glob("lib/*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"], "utf-8")
    assert Path(ran(python, "-P", "-c", "import deployer; print(deployer.__file__)").strip()).is_relative_to(tmp_path)
    assert ran(program, "--version") == f"deployer {PROJECT['version']}\n"
    assert '"$id": "urn:deployer:schema:manifest:1"' in ran(program, "schema", "manifest")
    assert "integrator.io" in ran(program, "--help")


LINES = (ROOT / "Containerfile").read_text("utf-8").replace("\\\n", " ").splitlines()
STEPS = [(line.split()[0], line.split(maxsplit=1)[1]) for line in LINES if line and not line.startswith("#")]


def test_the_container_is_of_a_python_that_the_package_takes_and_of_nobody_s_root() -> None:
    kinds = [kind for kind, _ in STEPS]
    [base] = [rest for kind, rest in STEPS if kind == "FROM"]
    assert re.fullmatch(r"python:3\.1[1-4]-slim", base)
    assert kinds.index("USER") < kinds.index("ENTRYPOINT")
    assert dict(STEPS)["USER"] not in {"root", "0"}
    assert dict(STEPS)["ENTRYPOINT"] == '["deployer"]'


def test_the_container_is_built_from_the_lock_and_from_what_is_here_and_sent_there() -> None:
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert ignored[0] == "*"
    sent = [pattern.removeprefix("!") for pattern in ignored if pattern.startswith("!")]
    copied = [rest.split()[0] for kind, rest in STEPS if kind == "COPY"]
    assert copied == ["requirements.lock", "deployer"]
    for source in copied:
        assert (ROOT / source).exists()
        assert any(fnmatch(source, pattern) for pattern in sent)
    installed = [rest for kind, rest in STEPS if kind == "RUN" and "pip install" in rest]
    assert len(installed) == 1
    assert "--require-hashes -r /opt/deployer/requirements.lock" in installed[0]


def test_the_command_of_the_container_starts_the_package_beside_it(tmp_path: Path) -> None:
    made = next(rest for kind, rest in STEPS if kind == "RUN" and rest.startswith("printf"))
    here = made.split("&&")[0].replace("/usr/local/bin/deployer", str(tmp_path / "deployer"))
    ran("sh", "-c", here.replace("/opt/deployer", str(ROOT)).replace("exec python", f"exec {sys.executable}"))
    assert ran("sh", tmp_path / "deployer", "--version") == f"deployer {PROJECT['version']}\n"
