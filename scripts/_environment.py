"""The environment that every script works in: one for each Python, made from the hash-locked requirements.

It asks for Python and pip, nothing else: stock Debian has no ensurepip and refuses a global pip, so the environment
is made without pip and filled from outside. Python 3.6 must understand this file down to the line that turns it away.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

OLDEST = (3, 11)
NEWEST = (3, 14)


def starts(*command: str) -> bool:
    """Tell whether a command is there and works: a shim of pyenv may be there and not work."""
    if shutil.which(command[0]) is None:
        return False
    return subprocess.call(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0


def find_pythons() -> "list[str]":
    """Find the Pythons of this machine that are new enough, oldest first."""
    of_pyenv = Path(os.environ.get("HOME", "/")).glob(".pyenv/versions/*/bin")
    places = os.pathsep.join([*map(str, of_pyenv), os.environ.get("PATH", os.defpath)])
    names = [f"python3.{minor}" for minor in range(OLDEST[1], NEWEST[1] + 1)]
    found = [shutil.which(name, path=places) for name in names]
    return [python for python in found if python and starts(python, "-c", "")]


def refuse_old_python() -> None:
    """Say in one sentence what this Python lacks and which to take instead."""
    here, wanted = "{}.{}".format(*sys.version_info), "{}.{}".format(*OLDEST)
    remedy = "".join(f', or run "{python} {sys.argv[0]}"' for python in find_pythons()[-1:])
    print(
        f"deployer needs Python {wanted} or newer; this is {here} ({sys.executable}): install it{remedy}",
        file=sys.stderr,
    )
    sys.exit(2)


if sys.version_info < OLDEST:
    refuse_old_python()

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements-dev.lock"
STAMP = "made-from"


def enter() -> None:
    """Go on in the environment's Python; make the environment first where it is missing, broken or out of date."""
    environment = ROOT / ".environments" / sysconfig.get_config_var("SOABI")
    python = environment / "bin" / "python"
    environment.mkdir(parents=True, exist_ok=True)
    with environment.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_made_from(environment, fingerprint()):
            print(f"Making the environment in {environment}: once, about a minute", file=sys.stderr)
            make(environment, fingerprint(), installations(python))
    if not environment.samefile(sys.prefix):
        os.execv(python, [str(python), *sys.argv])


def fingerprint() -> str:
    """Identify what an environment is made from: the lock, how the package is built, and where it lies."""
    build = (ROOT / "pyproject.toml").read_text("utf-8").split("\n[tool.ruff", 1)[0]
    return hashlib.sha256(f"{LOCK.read_text('utf-8')}\n{build}\n{ROOT}".encode()).hexdigest()


def is_made_from(environment: Path, wanted: str) -> bool:
    """Tell whether an environment was made to its end, from what is wanted, and its Python is still there."""
    stamp = environment / STAMP
    return (environment / "bin" / "python").exists() and stamp.exists() and stamp.read_text("utf-8") == wanted


def make(environment: Path, made_from: str, commands: list[list[str]]) -> None:
    """Make an environment anew; the stamp comes last, so that one left half made is made again."""
    venv.EnvBuilder(clear=True, symlinks=True).create(environment)
    for command in commands:
        if subprocess.call(command, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_USER": "0"}) != 0:
            sys.exit(f"error: could not set up {environment}: mend what is said above and start again")
    (environment / STAMP).write_text(made_from, "utf-8")


def installations(python: Path) -> list[list[str]]:
    """List the commands that fill the environment of a Python: what is locked, then the package as it lies here."""
    install = find_installer(python)
    return [
        [*install, "--require-hashes", "-r", str(LOCK)],
        [*install, "--no-deps", "--no-build-isolation", "-e", str(ROOT)],
    ]


def find_installer(python: Path) -> list[str]:
    """Find a pip of 22.3 or newer, the first that can fill another Python's environment, or uv."""
    base = f"{sys.base_prefix}/bin/python{sys.version_info[0]}.{sys.version_info[1]}"
    for pip in ([sys.executable, "-m", "pip"], [base, "-m", "pip"], ["pip3"], ["pip"]):
        if starts(*pip, "--python", sys.executable, "--version"):
            return [*pip, "--python", str(python), "install", "-qq"]  # errors alone
    if starts("uv", "--version"):
        return ["uv", "pip", "install", "--python", str(python), "--quiet"]
    sys.exit(f"error: found no pip 22.3 or newer, and no uv, for {base}: install one (Debian: apt install python3-pip)")
