"""Text for a terminal: names made harmless, values cut, lines wrapped by the columns they take."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from unicodedata import category, combining, east_asian_width

from deployer.domain.deployment import Status
from deployer.domain.documents import MISSING, Value
from deployer.domain.masking import is_sealed

_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # controls, direction marks, lone surrogates, separators
_JOINERS: Final = frozenset("\u200c\u200d")  # scripts and emoji need them
_VALUE_COLUMNS = 40
_NAME_COLUMNS = 48


def plain(text: object) -> str:
    """Return text that can only be read: nothing in it moves the cursor, colours, hides or turns what follows."""
    text = str(text)
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character in _JOINERS or category(character) not in _HIDDEN:
        return character
    return " " if character in "\t\n\r\u2028\u2029" else ""


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(character: str) -> int:
    if combining(character) or character in _JOINERS:
        return 0
    return 2 if east_asian_width(character) in "WF" else 1


def padded(text: str, width: int) -> str:
    """Return text followed by the spaces that fill `width` columns."""
    return text + " " * (width - columns(text))


def cut(text: str, width: int) -> str:
    """Return text of at most `width` columns, `…` standing for what is left out."""
    if columns(text) <= width:
        return text
    kept, room = "", width - 1
    for character in text:
        room -= _columns(character)
        if room < 0:
            break
        kept += character
    return f"{kept}…"


def value_text(value: Value, *, most: int = _VALUE_COLUMNS) -> str:
    """Return a value as compact JSON of `most` columns; MISSING is `(none)`, a secret `(secret)`."""
    if value is MISSING:
        return "(none)"
    if is_sealed(value):
        return "(secret)"
    return cut(plain(json.dumps(value, ensure_ascii=False, separators=(",", ":"))), most)


def anonymous(text: str, name: str) -> str:
    """Return what is said of a tenant with TENANT in place of its name, so that it can be said of several."""
    if name not in text:
        return text
    return re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "TENANT", text)


def duration(seconds: float) -> str:
    """Return seconds as people say them: `2.1s`, `12s`, `6m12s`, `1h05m`."""
    if round(seconds, 1) < 10:  # noqa: PLR2004 - below, tenths say something
        return f"{seconds:.1f}s"
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes_left:02}m"
    return f"{minutes}m{rest:02}s" if minutes else f"{rest}s"


def numbered(count: int, noun: str) -> str:
    """Return how many of something there are: `1 tenant`, `3 tenants`, `100,000 tenants`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def brief(name: object) -> str:
    """Return a name as one of several that are told as examples: one that is very long pushes no other out."""
    return cut(plain(name), _NAME_COLUMNS)


def some(names: Sequence[str], most: int) -> str:
    """Return the first names, and how many more there are."""
    more = len(names) - most
    return ", ".join([*map(plain, names[:most]), *([f"… and {more:,} more"] if more > 0 else [])])


def words(name: object) -> str:
    """Return the name of an outcome or an action as people read it."""
    return "unchanged" if name == Status.NO_CHANGE else str(name).replace("_", " ")


def counted(counts: Mapping[Status, int]) -> str:
    """Return the counts of tenants by status that are not zero, the good ones first: `37 done, 1 failed`."""
    order = dict.fromkeys((Status.DONE, Status.NO_CHANGE, *Status))
    return ", ".join(f"{counts[status]:,} {words(status)}" for status in order if counts[status]) or "no tenants"


def wrapped(start: str, pieces: Iterable[str], *, width: int, hang: int, gap: str = "    ") -> list[str]:
    """Return `start` and the pieces as lines, those after the first indented by `hang` columns.

    A piece moves to the next line whole; one that no line can hold is broken at its spaces, and the next begins a line.
    A word is never broken: it may be an id to copy.
    """
    lines, space, full = [start], "", False
    for piece in pieces:
        broken = piece.split(" ") if columns(piece) > width - hang else [piece]
        for word in broken:
            if full or (lines[-1].strip() and columns(lines[-1]) + len(space) + columns(word) > width):
                lines.append(" " * hang)
                space, full = "", False
            lines[-1] += space + word
            space = " "
        space, full = gap, len(broken) > 1
    return [line.rstrip() for line in lines]
