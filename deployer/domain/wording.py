"""Words for people: what they may have meant, and which names they can read."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache
from unicodedata import category

# Control characters, line separators, marks that change the direction of text or take no room, halves of characters: in
# a name they hide what it says. The two joiners (U+200C, U+200D) stay, since scripts and emoji need them.
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # controls, marks within text, lone surrogates, separators
_JOINERS = "\u200c\u200d"
_HALF = re.compile("[\ud800-\udfff]")


def is_broken(text: str) -> bool:
    """Tell whether a text holds half of a character, as bytes that are no UTF-8 become: it can be stored nowhere."""
    return not text.isascii() and _HALF.search(text) is not None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ` (did you mean "x"?)` for the known name nearest to `name`, or nothing where none is near."""
    return _nearest(name, tuple(known))


@lru_cache(maxsize=32)  # thousands of tenants may lack the same
def _nearest(name: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(name, known, n=1)
    return f' (did you mean "{near[0]}"?)' if near else ""


def escaped(text: str) -> str:
    """Return JSON on one line in which what steers, hides or turns is an escape: the same JSON, safe for a terminal."""
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(letter: str) -> str:
    if letter in _JOINERS or category(letter) not in _UNSEEN:
        return letter
    units = letter.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[begin : begin + 4]}" for begin in range(0, len(units), 4))


def legible(text: str) -> str:
    """Return `text`; raise ValueError where it is blank or holds a character that a person cannot see."""
    if not text.strip():
        raise ValueError("must not be empty")
    if not text.isprintable() and (hidden := _HIDDEN.search(text)):
        raise ValueError(f"holds a control or text-direction character (U+{ord(hidden[0]):04X})")
    return text
