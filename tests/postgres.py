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
from signal import SIGINT, SIGQUIT

import psycopg
from trustme import LeafCert

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


@dataclass(slots=True)
class Server:
    """A server that runs in a home of its own, as `user`."""

    home: Path
    port: int
    user: str | None
    durable: bool = False
    process: "subprocess.Popen[bytes] | None" = None

    def address(self, database: str = "postgres") -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def new_database(self, source: str = "template1") -> str:
        """Make a database, a copy of another if one is named, and return its address."""
        name = f"test_{os.getpid()}_{next(_NUMBERS)}"
        self.command(f"CREATE DATABASE {name} TEMPLATE {source}")
        return self.address(name)

    def forget_databases(self) -> None:
        """Drop what this process has made, and those that are gone; another may come to have the number of one."""
        with psycopg.connect(self.address(), autocommit=True) as connection:
            found = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'test%'").fetchall()
            for (name,) in found:
                if _is_over(int(name.split("_")[1])):
                    connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())

    def command(self, statement: str, *values: str) -> None:
        with psycopg.connect(self.address(), autocommit=True) as connection:
            connection.execute(statement.encode(), values or None)

    def restart(self) -> None:
        """Start it, and return when it answers."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.home,
            "fsync": "on" if self.durable else "off",
            "autovacuum": "off",  # whose transactions would be taken for a write of somebody's
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.home / "log").open("ab") as log:
            command: list[str | Path] = [programs() / "postgres", "-D", self.home / "data", *options]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, user=self.user, cwd=self.home)
        self._await(self.process)

    def crash(self) -> None:
        """Let it die at once, as in immediate mode: nobody is said goodbye to."""
        self._end(SIGQUIT)

    def stop(self) -> None:
        """Let it end whatever it does."""
        self._end(SIGINT)

    def _end(self, signal: int) -> None:
        if self.process:
            self.process.send_signal(signal)
            self.process.wait()

    def _await(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + _SOON
        while process.poll() is None and time.monotonic() < deadline:
            try:
                self.command("SELECT 1")
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError(f"Postgres did not start: {(self.home / 'log').read_text('utf-8')}")

    def prove(self, certificate: LeafCert | None) -> None:
        """Answer with TLS and a certificate from now on, or without."""
        if certificate:
            for name, blob in ("key.pem", certificate.private_key_pem), ("cert.pem", certificate.cert_chain_pems[0]):
                blob.write_to_path(self.home / name)
                (self.home / name).chmod(0o600)
                shutil.chown(self.home / name, self.user or os.geteuid())
            self.command(f"ALTER SYSTEM SET ssl_key_file = '{self.home / 'key.pem'}'")
            self.command(f"ALTER SYSTEM SET ssl_cert_file = '{self.home / 'cert.pem'}'")
        self.command(f"ALTER SYSTEM SET ssl = {'on' if certificate else 'off'}")
        self.command("SELECT pg_reload_conf()")
        deadline = time.monotonic() + _SOON
        while self._uses_tls() != bool(certificate):
            assert time.monotonic() < deadline, (self.home / "log").read_text("utf-8")
            time.sleep(0.02)

    def _uses_tls(self) -> bool:
        with psycopg.connect(self.address()) as connection:
            return connection.pgconn.ssl_in_use

    def cut(self, address: str) -> None:
        """End every connection to a database, as a crash of whoever has it would."""
        name = address.rpartition("/")[2]
        self.command("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", name)


_LENT: list[Server] = []


@contextmanager
def serving(*, durable: bool = False) -> Iterator[Server]:
    """Run a server until the block ends. As root, which Postgres refuses to be, it runs as nobody.

    It writes durably only where that is measured.
    """
    home = Path(tempfile.mkdtemp(prefix="deployer-postgres-"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Server(home, port, _unprivileged(home), durable)
    try:
        _initialise(server)
        server.restart()
        yield server
    finally:
        server.stop()
        subprocess.run(["/bin/rm", "-rf", home], check=True)  # a hundred thousand files, and Python takes its time


@contextmanager
def lending() -> Iterator[None]:
    """Run a server that the processes which are forked meanwhile have instead of one of their own."""
    with serving() as server:
        _LENT.append(server)
        try:
            yield
        finally:
            _LENT.remove(server)


@contextmanager
def borrowed() -> Iterator[Server]:
    """Yield the server that is lent to this process, and leave no database there; without one, run one.

    Whoever was killed has left some.
    """
    if not _LENT:
        with serving() as server:
            yield server
        return
    [server] = _LENT
    server.forget_databases()
    yield server
    server.forget_databases()


def _is_over(pid: int) -> bool:
    """Tell whether a process is this one, or is no more."""
    return pid == os.getpid() or not Path(f"/proc/{pid}").exists()


def _initialise(server: Server) -> None:
    program, data = programs() / "initdb", server.home / "data"
    command: list[str | Path] = [program, "-D", data, "-U", USER, "--auth=trust", "--encoding=UTF8", "--no-sync"]
    subprocess.run([*command, "--locale=C"], check=True, capture_output=True, user=server.user, cwd=server.home)


def _unprivileged(home: Path) -> str | None:
    if os.geteuid() != 0:
        return None
    user = "nobody"
    entry = pwd.getpwnam(user)
    os.chown(home, entry.pw_uid, entry.pw_gid)
    return user
