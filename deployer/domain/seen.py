"""Which texts were met before, in a few dozen bytes each however long they are."""

from array import array
from dataclasses import dataclass, field
from zlib import crc32

_SMALLEST = 64


def _zeros(kind: str, count: int) -> "array[int]":
    return array(kind, bytes(array(kind).itemsize * count))


@dataclass(slots=True)
class Seen:
    """Remembers a text as 96 bits, with the number it came with: a table with open addresses, in flat arrays.

    Equal texts have equal bits, so that a repetition is never missed. Two different ones that share them would be taken
    for a repetition and refused: among a million texts that happens once in 10^17 times, and since Python draws its
    hashes anew whenever it starts, not to the same file again.
    """

    hashes: "array[int]" = field(default_factory=lambda: _zeros("q", _SMALLEST))
    checks: "array[int]" = field(default_factory=lambda: _zeros("I", _SMALLEST))
    numbers: "array[int]" = field(default_factory=lambda: _zeros("I", _SMALLEST))
    count: int = 0

    def first(self, text: str, number: int) -> int:
        """Return the number that `text` first came with: the given one, if it is new."""
        wanted, check = hash(text) or 1, crc32(text.encode("utf-8", "surrogatepass"))  # 0 is an empty slot
        mask = len(self.hashes) - 1
        slot = wanted & mask
        while found := self.hashes[slot]:
            if found == wanted and self.checks[slot] == check:
                return self.numbers[slot]
            slot = (slot + 1) & mask
        self.hashes[slot], self.checks[slot], self.numbers[slot] = wanted, check, number
        self.count += 1
        if 3 * self.count > 2 * len(self.hashes):
            self._grow()
        return number

    def _grow(self) -> None:
        old = zip(self.hashes, self.checks, self.numbers, strict=True)
        size = 2 * len(self.hashes)
        self.hashes, self.checks, self.numbers = _zeros("q", size), _zeros("I", size), _zeros("I", size)
        for wanted, check, number in old:
            if wanted:
                slot = wanted & (size - 1)
                while self.hashes[slot]:
                    slot = (slot + 1) & (size - 1)
                self.hashes[slot], self.checks[slot], self.numbers[slot] = wanted, check, number
