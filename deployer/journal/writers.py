"""One writer for several journals of a process: what they write at a time is committed together."""

from collections import Counter
from collections.abc import Callable

from deployer.errors import DeployerError
from deployer.journal.connection import Connection
from deployer.journal.writer import Writer


class SharedWriter:
    """A writer that is there as long as anybody has it; one that broke is followed by another for those who come."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._writer: Writer | None = None
        self._users: Counter[Writer] = Counter()

    async def take(self) -> Writer:
        """Return it, open; raise JournalError where it cannot be opened."""
        writer = self._writer
        if writer is None or writer.is_broken:
            writer = self._writer = Writer(self._connect)
            writer.begin()
        self._users[writer] += 1
        try:
            await writer.ask(lambda _: None)  # whoever comes while it opens waits for that too
        except DeployerError:
            await self.release(writer)
            raise
        return writer

    async def release(self, writer: Writer) -> None:
        """Give it back; the last one closes it."""
        self._users[writer] -= 1
        if self._users[writer]:
            return
        del self._users[writer]
        if self._writer is writer:
            self._writer = None
        await writer.stop()
