"""Where things lie: the journal beside the manifest, its lock, and the user's state."""

from collections.abc import Mapping
from pathlib import Path

from deployer.errors import UsageError


def journal_path(manifest: Path, journal: str | None) -> Path:
    """Return where the journal lies; raise UsageError for a kind that this version does not have."""
    if journal is None:
        return manifest.parent / ".deployer" / "journal.db"
    kind, _, rest = journal.partition(":")
    if kind in {"postgresql", "postgres"}:
        raise UsageError("a journal on Postgres is not supported in this version", remedy="use a file: --journal PATH")
    return Path(rest) if kind == "sqlite" else Path(journal)


def lock_path(journal: Path) -> Path:
    """Return the file whose lock says that somebody works on a journal."""
    return journal.with_name(f"{journal.name}.lock")


def control_directory(journal: Path) -> Path:
    """Return the folder in which processes leave what people say to a rollout."""
    return journal.parent / "control"


def state_directory(env: Mapping[str, str]) -> Path:
    """Return the user's state directory, where the locks of accounts lie."""
    root = env.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(root) / "deployer"
