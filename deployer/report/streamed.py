"""One JSON document written piece by piece: a head, and a list of any length that is never held whole."""

import json
from collections.abc import Iterable, Mapping
from typing import TextIO

from deployer.domain.wording import escaped


def write_document(
    stream: TextIO, head: Mapping[str, object], items: Iterable[object], *, key: str = "tenants"
) -> None:
    """Write `{**head, key: [*items]}` as `json_text` has it, on a line of its own."""
    opening = json_text(head).removesuffix("}")
    stream.write(f"{opening}{', ' if head else ''}{json_text(key)}: [")
    gap = ""
    for item in items:
        stream.write(f"{gap}{json_text(item)}")
        gap = ", "
    stream.write("]}\n")


def json_text(value: object) -> str:
    """Return JSON on one line, in the letters that it is about.

    Control and direction marks stay escapes, and so does half of a character, on which a stream would break.
    """
    return escaped(json.dumps(value, ensure_ascii=False))
