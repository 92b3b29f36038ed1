"""A worker with a rule of its safety left out: whoever judges has to notice."""

import sys
from collections.abc import Callable, Mapping, Sequence

from deployer.cli import main
from deployer.journal import claims, entering, postgres
from deployer.journal.connection import Connection


def without_fence() -> None:
    """Write and send whoever has the account by now, and whatever became of the tenant meanwhile."""
    write = entering._write  # noqa: SLF001

    def written(connection: Connection, changes: Sequence[entering._Change]) -> list[int]:
        write(connection, changes)
        return [len(rows) for _, rows in changes]

    entering._write = written  # noqa: SLF001
    claims.beat = lambda *_: None
    postgres._Claimed.demand = lambda *_: None  # type: ignore[method-assign]  # noqa: SLF001
    claims._END = "SELECT ?::int, ?::int"  # type: ignore[misc]  # noqa: SLF001 - the connection of who had it lives on
    claims._locked = lambda *_: True  # noqa: SLF001


BUGS: Mapping[str, Callable[[], None]] = {"fence": without_fence}

if __name__ == "__main__":
    BUGS[sys.argv[1]]()
    sys.exit(main(sys.argv[2:]))
