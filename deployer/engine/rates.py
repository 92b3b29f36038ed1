"""The rates that were found, one file for each account: lost ones only cost the time to find them again."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from deployer.domain.learned import file_name, read, written


def recall(directory: Path, identity: Sequence[str], now: float) -> float | None:
    """Return the rate an account was found to allow lately, if it is known."""
    try:
        return read((directory / file_name(identity)).read_text("utf-8"), now=now)
    except (OSError, ValueError):
        return None


def keep(directory: Path, identity: Sequence[str], rate: float, now: float) -> None:
    """Keep a rate; a reader sees the old file or the new one, and whoever cannot write goes without."""
    with suppress(OSError):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with NamedTemporaryFile("w", encoding="utf-8", dir=directory, delete=False) as new:  # made 0600
            new.write(written(rate, at=now))
        Path(new.name).replace(directory / file_name(identity))
