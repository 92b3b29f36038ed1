"""What does not fit the memory: lines in a file without a name, read again by where they begin."""

import tempfile
from typing import IO
from weakref import finalize

_BUFFER = 1 << 20


class Spool:
    """Lines that are written once and read in any order. The file is gone with its owner."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile("w+b", buffering=_BUFFER)  # noqa: SIM115 - closed by finalize
        self._end = 0
        self._written = True
        finalize(self, self._file.close)

    def add(self, line: bytes) -> int:
        """Write a line, and return where it begins."""
        if not self._written:
            self._file.seek(self._end)
            self._written = True
        begin = self._end
        self._end += self._file.write(line + b"\n")
        return begin

    def line(self, begin: int) -> bytes:
        """Return the line that begins there."""
        self._written = False
        self._file.seek(begin)
        return self._file.readline()[:-1]
