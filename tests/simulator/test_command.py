"""`deployer simulate` as a process."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from deployer.simulator.world import Json

START = "from deployer.cli.simulate import simulate; simulate()"
ROOT = Path(__file__).parents[2]


def start(*options: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", START, "--port", "0", *options]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@contextmanager
def simulate(*options: str) -> Iterator[Json]:
    with start("--json", *options) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0


def ask(method: str, address: str, token: str) -> Json:
    request = Request(address, method=method, headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - loopback
    with urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
        return json.loads(answer.read() or "null")


def test_state_and_ledger_are_written_on_exit_and_the_state_is_taken_up_again(tmp_path: Path) -> None:
    state, ledger = tmp_path / "state.json", tmp_path / "ledger.json"
    options = ("--state", str(state), "--ledger", str(ledger), "--tenants", "1", "--accounts", "mine")
    with simulate(*options) as told:
        assert told["tokens"] == {"mine": "sim-mine"}
        flows = ask("GET", f"{told['url']}/v1/flows", "sim-mine")
        ask("DELETE", f"{told['url']}/v1/flows/{flows[0]['_id']}", "sim-mine")
    assert [row["route"] for row in json.loads(ledger.read_text("utf-8"))["requests"]] == ["flows.list", "flows.delete"]
    with simulate(*options) as told:
        assert ask("GET", f"{told['url']}/v1/flows", "sim-mine") == flows[1:]


def test_knobs_and_faults_come_from_files_and_the_command_line(tmp_path: Path) -> None:
    knobs, faults = tmp_path / "knobs.yaml", tmp_path / "faults.yaml"
    knobs.write_text("page_size: 1\nrate_headers: false\n", "utf-8")
    faults.write_text("- {action: garble, text: '[]', route: tokenInfo}\n", "utf-8")
    with simulate(
        "--knobs", str(knobs), "-k", "page_size=2", "-k", "clone_answer=list", "--faults", str(faults)
    ) as told:
        assert len(ask("GET", f"{told['url']}/v1/connections", "sim-acme-eu")) == 2
        assert ask("GET", f"{told['url']}/v1/tokenInfo", "sim-acme-us") == []


def test_a_person_is_told_url_and_what_to_export() -> None:
    with start() as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    assert "http://127.0.0.1:" in lines[0]
    assert lines[1:] == [
        "  acme-us: export ACME_US_TOKEN=sim-acme-us\n",
        "  acme-eu: export ACME_EU_TOKEN=sim-acme-eu\n",
    ]


@pytest.mark.parametrize(
    ("option", "content", "message"),
    [
        ("--knobs", "page_size: 1: 2", "mapping values are not allowed"),
        ("--knobs", "- page_size", "expected keys and values"),
        ("--knobs", "nope: 1", "nope: unknown"),
        ("--faults", "action: lose", "expected a list"),
        ("--faults", "[1]", "object"),
        ("--state", "{", "line 1 column 2"),
        ("--state", "{}", "'accounts' is missing"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, option: str, content: str, message: str) -> None:
    path = tmp_path / "file"
    path.write_text(content, "utf-8")
    with start(option, str(path)) as process:
        _, complaint = process.communicate(timeout=10)
    assert process.returncode == 2
    assert "Traceback" not in complaint
    assert f"Error: {path}: " in complaint
    assert message in complaint.splitlines()[-1]


def test_a_port_that_is_taken_is_named_with_the_way_out(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.json"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with start("--port", port, "--ledger", str(ledger)) as process:
            _, complaint = process.communicate(timeout=10)
    assert process.returncode == 2
    assert f"port {port} of 127.0.0.1 is taken; --port 0" in complaint
    assert not ledger.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("-k", "nope=1"), "nope: unknown; there are bucket_size"),
        (("-k", "page_size"), "expected KEY=VALUE"),
        (("--host", "0.0.0.0"), "Invalid value for '--host'"),  # noqa: S104 - it is refused
    ],
)
def test_a_mistake_is_named_before_anything_is_served(options: tuple[str, ...], message: str) -> None:
    with start(*options) as process:
        _, complaint = process.communicate(timeout=10)
        assert process.returncode == 2
        assert message in complaint
