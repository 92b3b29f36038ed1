"""One JSON document written piece by piece: a head, and a list of any length that is never held whole."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Final, TextIO

_LONE: Final = re.compile("[\ud800-\udfff]")  # half of a pair, which no encoding can write


def write_document(
    stream: TextIO, head: Mapping[str, object], items: Iterable[object], *, key: str = "tenants"
) -> None:
    """Write `{**head, key: [*items]}` as json.dumps(ensure_ascii=False) has it, on a line of its own.

    What cannot be encoded, a lone surrogate, stays an escape: the same JSON, and no stream breaks on it.
    """
    opening = _json(head).removesuffix("}")
    stream.write(f"{opening}{', ' if head else ''}{_json(key)}: [")
    gap = ""
    for item in items:
        stream.write(f"{gap}{_json(item)}")
        gap = ", "
    stream.write("]}\n")


def _json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return _LONE.sub(lambda half: f"\\u{ord(half[0]):04x}", text)
