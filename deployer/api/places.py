"""Where things lie: the journal beside the manifest or in a database, and the user's state."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from deployer.errors import UsageError

if TYPE_CHECKING:
    from deployer.journal.home import Home

_FOLDER = ".deployer"


def journal_home(manifest: Path, journal: str | None) -> "Home":
    """Return where the journal lies; raise UsageError for a database whose driver is not installed."""
    file = journal_file(manifest, journal)
    if file is None:
        return _in_postgres(str(journal), manifest.parent / _FOLDER)
    from deployer.journal.home import SqliteHome  # noqa: PLC0415 - what a shell completes takes only the file

    return SqliteHome(file)


def journal_file(manifest: Path, journal: str | None) -> Path | None:
    """Return the journal's file; None where it is in a database."""
    if journal is None:
        return manifest.parent / _FOLDER / "journal.db"
    kind, _, rest = journal.partition(":")
    if kind in {"postgresql", "postgres"}:
        return None
    return Path(rest) if kind == "sqlite" else Path(journal)


def _in_postgres(address: str, folder: Path) -> "Home":
    try:
        from deployer.journal.postgres import PostgresHome  # noqa: PLC0415 - not everybody has its driver
    except ImportError:
        remedy = "pipx install 'deployer[postgres]', or pip install 'deployer[postgres]'"
        raise UsageError("a journal on Postgres needs its driver", remedy=remedy) from None
    return PostgresHome(address, folder)


def state_directory(env: Mapping[str, str]) -> Path:
    """Return the user's state directory, where the locks of accounts lie: from wherever, the same.

    The XDG specification has a relative one ignored: two who work in two directories would not see each other's locks.
    """
    root = Path(env.get("XDG_STATE_HOME") or "")
    return (root if root.is_absolute() else Path.home() / ".local" / "state") / "deployer"
