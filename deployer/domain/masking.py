"""What stands in the place of a secret, and must never be sent: the API's mask, and our own seal."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from deployer.domain.documents import Json, Path, Value

MASK_REMEDY: Final = "own the secret in the manifest, so that its value is sent, or change the flow by hand"
SEALED: Final = "sealed:"  # and 64 hex digits: a secret of ours, of which nothing is kept but a keyed hash
_MASK: Final = re.compile(r"\*{6,}")
_SEAL: Final = re.compile(SEALED + "[0-9a-f]{64}")


def is_masked(value: Value) -> bool:
    """Tell whether a value is a mask, asterisks and nothing else, in place of a secret."""
    return isinstance(value, str) and value[:1] == "*" and _MASK.fullmatch(value) is not None


def is_sealed(value: Value) -> bool:
    """Tell whether a value is the seal of a secret, which stands in its place wherever it is kept."""
    return isinstance(value, str) and value.startswith(SEALED) and _SEAL.fullmatch(value) is not None


def masked_paths(body: Json, path: Path = ()) -> Iterator[Path]:
    """Yield where a body holds masks: each overwrites the secret if it is sent. A step into an array is its index."""
    match body:
        case dict():
            for key, inner in body.items():
                yield from masked_paths(inner, (*path, key))
        case list():
            for place, inner in enumerate(body):
                yield from masked_paths(inner, (*path, str(place)))
        case str():
            yield from [path] if is_masked(body) else []
        case _:
            pass


def holds_mask(value: Value) -> bool:
    """Tell whether a value is masked, or anything in it: asked of every document before it is PUT, so it is quick."""
    if not isinstance(value, dict | list):
        return is_masked(value)
    left: list[Value] = [value]
    while left:
        here = left.pop()
        if isinstance(here, dict):
            left.extend(here.values())
        elif isinstance(here, list):
            left.extend(here)
        elif is_masked(here):
            return True
    return False


def mask_reason(fields: Sequence[str]) -> str:
    """Return why a document is not PUT in which these fields are masked."""
    one = len(fields) == 1
    reads, secret = ("reads", "secret") if one else ("read", "secrets")
    return f"{', '.join(fields)} {reads} back masked: a PUT of the whole document would overwrite the {secret}"
