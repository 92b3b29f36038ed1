"""Every write and every sync of the journal fails once, in each way a disk can: what was called durable is there."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.journal.failing import WAYS

TENANTS = 3


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the disk that fails."""
    compiler = shutil.which("cc")
    assert compiler, "the tests need a C compiler: install one (Debian: apt install gcc libc6-dev)"
    library = tmp_path_factory.mktemp("disk") / "disk.so"
    source = Path(__file__).with_name("failing_disk.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


@pytest.mark.timeout(240)
def test_whatever_fails_once_is_said_and_nothing_told_durable_is_lost(tmp_path: Path, disk: Path) -> None:
    command = [sys.executable, "-m", "tests.journal.failing", str(tmp_path), str(TENANTS)]
    environment = {**os.environ, "LD_PRELOAD": str(disk)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    well, *ill = [json.loads(line) for line in ended.stdout.splitlines()]
    everybody = [f"tenant-{number}" for number in range(TENANTS)]
    assert well[1:] == [0, everybody, "", everybody]
    assert {name.rpartition("-")[0] for name, *_ in ill} == set(WAYS)
    for name, code, durable, said, found in ill:
        if code:
            assert (code, said.startswith("error: the journal cannot be used: ")) == (1, True), (name, said)
        else:
            assert len(durable) == TENANTS, name
        assert set(durable) <= set(found), name
