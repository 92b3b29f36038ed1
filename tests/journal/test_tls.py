"""Whom a journal's address trusts: a server elsewhere has to prove that it is the one that was named."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import trustme
from psycopg.conninfo import conninfo_to_dict

from deployer.errors import JournalError, UsageError
from deployer.journal.database import connect, safe_address
from tests.postgres import Server

NAME = "db.example.com"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("PGHOST", "PGHOSTADDR", "PGSERVICE", "PGSSLMODE", "PGSSLROOTCERT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    (tmp_path / "services").write_text(f"[far]\nhost={NAME}\n[near]\nhost=127.0.0.1\n")


def asked(address: str) -> tuple[object, object]:
    said = conninfo_to_dict(safe_address(address))
    return said.get("sslmode"), said.get("sslrootcert")


@pytest.mark.parametrize(
    "address",
    [
        "postgresql:///journal",
        "postgresql://localhost/journal",
        "postgresql://127.0.0.7:1/journal",
        "postgresql://[::1]/journal",
        "host=/var/run/postgresql dbname=journal",
        "host=@deployer dbname=journal",  # a socket without a file
        "host=localhost,127.0.0.1 dbname=journal",
    ],
)
def test_what_stays_on_this_machine_needs_no_certificate(address: str) -> None:
    assert safe_address(address) == address


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://{NAME}/journal",
        "postgresql://127.example.com/journal",  # a name, whatever it looks like
        f"host=127.0.0.1,{NAME} dbname=journal",
        "host=localhost hostaddr=192.0.2.1 dbname=journal",  # goes there, whatever the name
        f"host={NAME} hostaddr=127.0.0.1 dbname=journal",  # may be a tunnel's end
        "service=far",
        "service=near",  # what it means is not known here
    ],
)
def test_what_may_leave_this_machine_is_verified(address: str) -> None:
    assert asked(address) == ("verify-full", "system")


@pytest.mark.parametrize(
    "settings",
    [{"PGHOST": NAME}, {"PGHOSTADDR": "192.0.2.1"}, {"PGSERVICE": "far"}],
    ids=", ".join,
)
def test_the_environment_may_lead_elsewhere_too(monkeypatch: pytest.MonkeyPatch, settings: Mapping[str, str]) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert asked("postgresql:///journal") == ("verify-full", "system")


def test_an_authority_may_be_named_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(f"postgresql://{NAME}/x?sslrootcert=mine.pem") == ("verify-full", "mine.pem")
    assert asked(f"postgresql://{NAME}/x?sslmode=verify-ca&sslrootcert=mine.pem") == ("verify-ca", "mine.pem")
    monkeypatch.setenv("PGSSLROOTCERT", "theirs.pem")
    said = conninfo_to_dict(safe_address(f"postgresql://{NAME}/x"))
    assert said["sslmode"] == "verify-full"
    assert "sslrootcert" not in said, "libpq reads it itself"


def test_less_than_verified_is_refused_wherever_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSSLMODE", "require")
    with pytest.raises(UsageError, match="sslmode=require does not verify"):
        safe_address(f"postgresql://{NAME}/x")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def behind_tls(database: Server, authority: trustme.CA, tmp_path: Path) -> Iterator[str]:
    """Let the server prove who it is, and return its address by name."""
    database.prove(authority.issue_cert(NAME))
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    yield database.new_database().replace("127.0.0.1", NAME) + "?hostaddr=127.0.0.1"
    database.prove(None)


def test_a_server_that_proves_its_name_is_used(behind_tls: str, tmp_path: Path) -> None:
    connection = connect(f"{behind_tls}&sslrootcert={tmp_path / 'authority.pem'}", read_only=False)
    try:
        assert connection.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchall() == [(True,)]
    finally:
        connection.close()


def test_a_server_with_another_name_is_refused(behind_tls: str, tmp_path: Path) -> None:
    other = behind_tls.replace(NAME, "other.example.com")
    with pytest.raises(JournalError, match="does not match host name"):
        connect(f"{other}&sslrootcert={tmp_path / 'authority.pem'}", read_only=False)


def test_a_server_that_nobody_trusted_vouches_for_is_refused(behind_tls: str) -> None:
    with pytest.raises(JournalError, match="certificate verify failed"):
        connect(behind_tls, read_only=False)


def test_a_server_without_tls_is_refused(database: Server) -> None:
    address = database.new_database().replace("127.0.0.1", NAME) + "?hostaddr=127.0.0.1"
    with pytest.raises(JournalError, match="server does not support SSL"):
        connect(address, read_only=False)
