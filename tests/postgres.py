"""A Postgres of the tests' own, on a free port of this machine, and a new database for each test."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg

USER = "deployer"
_SOON = 20.0
_NUMBERS = count(1)


def programs() -> Path:
    """Return the folder of Postgres's programs; Debian keeps them off the PATH."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        if (place / "postgres").exists():
            return place
    raise RuntimeError("the tests need Postgres: install it (Debian: apt install postgresql)")


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs, and who may connect to it."""

    port: int

    def address(self, database: str = "postgres") -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Make a database and return its address."""
        name = f"test_{os.getpid()}_{next(_NUMBERS)}"
        self.command(f"CREATE DATABASE {name}")
        return self.address(name)

    def command(self, statement: str, *values: str) -> None:
        with psycopg.connect(self.address(), autocommit=True) as connection:
            connection.execute(statement.encode(), values or None)

    def cut(self, address: str) -> None:
        """End every connection to a database, as a crash of whoever has it would."""
        name = address.rpartition("/")[2]
        self.command("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", name)


@contextmanager
def serving() -> Iterator[Server]:
    """Run a server until the block ends. As root, which Postgres refuses to be, it runs as nobody."""
    home = Path(tempfile.mkdtemp(prefix="deployer-postgres-"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    try:
        user = _unprivileged(home)
        initialise: list[str | Path] = [
            programs() / "initdb",
            "-D",
            home / "data",
            "-U",
            USER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
        ]
        subprocess.run([*initialise, "--locale=C"], check=True, capture_output=True, user=user, cwd=home)
        settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": home, "fsync": "off"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (home / "log").open("wb") as log:
            command: list[str | Path] = [programs() / "postgres", "-D", home / "data", *options]
            process = subprocess.Popen(command, stdout=log, stderr=log, user=user, cwd=home)
        try:
            _await(Server(port), process, home / "log")
            yield Server(port)
        finally:
            process.terminate()
            process.wait()
    finally:
        shutil.rmtree(home)


def _unprivileged(home: Path) -> str | None:
    if os.geteuid() != 0:
        return None
    user = "nobody"
    entry = pwd.getpwnam(user)
    os.chown(home, entry.pw_uid, entry.pw_gid)
    return user


def _await(server: Server, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _SOON
    while process.poll() is None and time.monotonic() < deadline:
        try:
            server.command("SELECT 1")
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"Postgres did not start: {log.read_text('utf-8')}")
