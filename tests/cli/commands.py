"""A command as a script types it: a process of its own, and no terminal."""

import subprocess
import sys


def typed(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-m", "deployer", *words], capture_output=True, text=True, check=False)
