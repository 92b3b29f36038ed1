"""Settings that are secret: of each nothing is kept but a keyed hash, its seal, which tells it from any other value.

A seal stands where the value would: in what is wanted, in what was read, in what is remembered. So plans compare and
merge it as they do any text, and only what is sent holds the value again.
"""

import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from deployer.domain.documents import MISSING, Document, Json, Path, Value, at, canonical, put
from deployer.domain.identity import InstanceKey
from deployer.domain.masking import SEALED, is_masked, is_sealed
from deployer.domain.merge3 import Memory

SHORTEST: Final = 4  # characters: what is shorter could not be told from the rest of a text that repeats it

Seal: TypeAlias = Callable[[Json], str]


class Source(Protocol):
    """Where secrets are read from."""

    def read(self, reference: str) -> str:
        """Return the secret at `env:NAME` or `file:PATH`; raise DeployerError where there is none."""

    def seal(self, key: InstanceKey) -> Seal:
        """Return what seals the values of a tenant; raise DeployerError where the key of the hash cannot be read."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A document in which secrets are sealed, and what each seal hides: in no file, and in no text."""

    document: Document
    hidden: Mapping[str, Json]


def sealing(secret: bytes, key: InstanceKey) -> Seal:
    """Return what seals the values of one tenant: equal values of two tenants have seals that tell nothing of it."""

    def seal(value: Json) -> str:
        text = f"{key.marker}\n{canonical(value)}"
        return SEALED + hmac.new(secret, text.encode(), "sha256").hexdigest()

    return seal


def secret_paths(desired: Mapping[Path, Value], memory: Mapping[Path, Memory]) -> list[Path]:
    """Return where secrets stand: those that are wanted, and those that were and are nobody's wish any more."""
    left = (path for path, known in memory.items() if path not in desired and _is_secret(known))
    return [*(path for path, value in desired.items() if is_sealed(value)), *left]


def _is_secret(known: Memory) -> bool:
    return is_sealed(known.sent) or is_sealed(known.returned) or is_sealed(known.first)


def sealed(document: Document, paths: Iterable[Path], seal: Seal) -> Sealed:
    """Return a document that was read, with what stands at some paths sealed; a mask and a seal stay as they are."""
    hidden: dict[str, Json] = {}
    for path in paths:
        value = at(document, path)
        if value is not MISSING and not is_masked(value) and not is_sealed(value):
            mark = seal(value)
            hidden[mark] = value
            document = put(document, path, mark)
    return Sealed(document, hidden)


def without_secrets(document: Document, desired: Mapping[Path, Value]) -> Document:
    """Return a template's document without what stands where a tenant's secrets shall: it is nobody's value."""
    for path in secret_paths(desired, {}):
        document = put(document, path, MISSING)
    return document


def seals_at(body: Document, paths: Iterable[Path]) -> dict[Path, str]:
    """Return the seals that a body holds at some paths."""
    return {path: value for path in paths if isinstance(value := at(body, path), str) and is_sealed(value)}


def opened(body: Document, seals: Mapping[Path, str], hidden: Mapping[str, Json]) -> Document:
    """Return a body with the values in place of its seals."""
    for path, mark in seals.items():
        body = put(body, path, hidden[mark])
    return body
