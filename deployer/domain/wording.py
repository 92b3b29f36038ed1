"""Words for people: what they may have meant, and which names they can read."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

# Control characters, line separators and marks that change the direction of text or take no room: in a name they hide
# what it says. The two joiners (U+200C, U+200D) stay, since scripts and emoji need them.
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ` (did you mean "x"?)` for the known name nearest to `name`, or nothing where none is near."""
    near = get_close_matches(name, list(known), n=1)
    return f' (did you mean "{near[0]}"?)' if near else ""


def legible(text: str) -> str:
    """Return `text`; raise ValueError where it is blank or holds a character that a person cannot see."""
    if not text.strip():
        raise ValueError("must not be empty")
    if not text.isprintable() and (hidden := _HIDDEN.search(text)):
        raise ValueError(f"holds a control or text-direction character (U+{ord(hidden[0]):04X})")
    return text
