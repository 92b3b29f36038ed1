"""Layers of values: what `${tenant.values.x}` means for one tenant, and which layer says so.

The layers, the weakest first: the manifest's `values`, an account's, those of the labels that a tenant carries, the
tenant's own, the command line's. What a layer does not name it inherits; null is a value; `$unset` takes away what the
weaker ones say, a reference's default among them, so that a field made of it alone is not owned. Objects merge key by
key, lists replace each other. A key with dots, such as a column `smtp.host`, stands for a place within an object, and
wins over an object of the same layer that holds this place too.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import combinations
from typing import Final, Literal

from deployer.domain import selection
from deployer.domain.documents import MISSING, Document, Json, Value, leaves, put, same
from deployer.domain.interpolation import UNSET
from deployer.domain.manifest import Manifest
from deployer.domain.source import MAX_DEPTH, plain
from deployer.domain.tenants import Tenant
from deployer.domain.wording import is_broken
from deployer.errors import UsageError


class Hidden(Enum):
    """What a layer says of a place within a value that it makes no object: neither it nor a weaker one holds any."""

    HIDDEN = "hidden"


HIDDEN: Final = Hidden.HIDDEN


@dataclass(frozen=True, slots=True)
class Layer:
    """Values of one origin; `steps` lead to them in the manifest, if they stand there."""

    name: str
    values: Mapping[str, Json]
    steps: tuple[str, ...] = ()


@dataclass(slots=True)
class Layers:
    """The layers of a manifest and a command line; they are put together once for all tenants that share them."""

    manifest: Manifest
    overrides: Mapping[str, Json]
    selectors: Sequence[tuple[str, selection.Labels]] = field(init=False)
    named: Mapping[str, frozenset[str]] = field(init=False)
    weaker: dict[tuple[str | None, ...], tuple[Layer, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.selectors = [(text, selection.labels(text.split(","))) for text in self.manifest.labels]
        named: dict[str, frozenset[str]] = {}
        for _, wanted in self.selectors:
            for key, values in wanted.items():
                named[key] = named.get(key, frozenset()) | values
        self.named = named

    def of(self, tenant: Tenant) -> tuple[Layer, ...]:
        """Return the layers that bear on a tenant, the weakest first; raise ValueError where two labels disagree."""
        strongest = (Layer("command line", self.overrides),) if self.overrides else ()
        return (*self._below(tenant), Layer("tenant", tenant.values), *strongest)

    def values(self, tenant: Tenant) -> Sequence[Mapping[str, Json]]:
        """Return the same, without the names of the layers."""
        strongest = (self.overrides,) if self.overrides else ()
        return (*[layer.values for layer in self._below(tenant)], tenant.values, *strongest)

    def _below(self, tenant: Tenant) -> tuple[Layer, ...]:
        carried = tenant.labels
        group: tuple[str | None, ...] = (tenant.account,)
        if self.named:
            met = [carried[key] if carried.get(key) in values else None for key, values in self.named.items()]
            group = (tenant.account, *met)
        if group not in self.weaker:
            self.weaker[group] = tuple(self._weaker(tenant))
        return self.weaker[group]

    def _weaker(self, tenant: Tenant) -> Iterator[Layer]:
        if self.manifest.values:
            yield Layer("top", self.manifest.values, ("values",))
        if account := self.manifest.accounts[tenant.account].values:
            yield Layer(f"account {tenant.account}", account, ("accounts", tenant.account, "values"))
        matching = [text for text, wanted in self.selectors if selection.have(wanted, tenant.labels)]
        for one, other in combinations(matching, 2):
            self._refuse_tie(one, other)
        for text in matching:
            yield Layer(f"label {text}", self.manifest.labels[text], ("labels", text))

    def _refuse_tie(self, one: str, other: str) -> None:
        if name := tied(self.manifest.labels[one], self.manifest.labels[other]):
            places = ", ".join(filter(None, (self.manifest.place("labels", text) for text in (one, other))))
            between = f"labels {one} and {other}{places and f' ({places})'}"
            raise ValueError(f'{between} both select the tenant and set "{name}" to different values')


def tied(one: Mapping[str, Json], other: Mapping[str, Json]) -> str | None:
    """Return the first name that both set, to different values."""
    ours, theirs = _names(one), _names(other)
    for name, value in ours.items():
        if name in theirs and not same(value, theirs[name]):
            return name
        if within := _inside(name, theirs):
            return within
    return next((within for name in theirs if (within := _inside(name, ours))), None)


def _names(values: Mapping[str, Json]) -> dict[str, Json]:
    return {".".join(path): value for path, value in leaves(dict(values))}


def _inside(name: str, others: Iterable[str]) -> str | None:
    return next((other for other in others if other.startswith(f"{name}.")), None)


def find(layers: Sequence[Mapping[str, Json]], name: str) -> Value:
    """Return what layers, the weakest first, say of a name together: UNSET where the strongest to say so takes it."""
    objects: list[Document] = []
    for values in reversed(layers):
        value = stated(values, name)
        if isinstance(value, dict):
            objects.append(value)
        elif value is not MISSING and not objects:
            return MISSING if value is HIDDEN else value
        elif value is not MISSING:
            break
    merged: Document = {}
    for document in reversed(objects):
        merged = _merge(merged, document)
    return merged if objects else MISSING


def stated(values: Mapping[str, Json], name: str) -> Value | Literal[Hidden.HIDDEN]:
    """Return what one layer says of a name: MISSING is nothing, UNSET also where something around it is unset."""
    found = _nested(values, name)
    if found is MISSING or isinstance(found, dict):
        for key, value in values.items():
            if key.startswith(f"{name}."):
                path = tuple(key[len(name) + 1 :].split("."))
                found = put(found if isinstance(found, dict) else {}, path, value)
    return found


def _nested(values: Mapping[str, Json], name: str) -> Value | Literal[Hidden.HIDDEN]:
    path = name.split(".")
    for length in range(len(path), 0, -1):
        if (key := ".".join(path[:length])) in values:
            found = _within(values[key], path[length:])
            if found is not MISSING:
                return found
    return MISSING


def _within(value: Json, path: Iterable[str]) -> Value | Literal[Hidden.HIDDEN]:
    for key in path:
        if not isinstance(value, dict):
            return UNSET if value == UNSET else HIDDEN
        if key not in value:
            return MISSING
        value = value[key]
    return value


def _merge(weak: Document, strong: Document) -> Document:
    result = dict(weak)
    for key, value in strong.items():
        if isinstance(value, dict):
            below = result.get(key)
            result[key] = _merge(below if isinstance(below, dict) else {}, value)
        elif value == UNSET:
            result.pop(key, None)
        else:
            result[key] = value
    return result


def set_values(texts: Iterable[str]) -> Document:
    """Return what `--set NAME=VALUE` says, names nested by dots; raise UsageError where that is no such text."""
    found: Document = {}
    for text in texts:
        name, equals, value = text.partition("=")
        path = tuple(name.strip().split("."))
        if not equals or not all(path):
            raise UsageError(f'--set "{text}" sets nothing', remedy="write it as --set NAME=VALUE")
        if len(path) > MAX_DEPTH:
            raise UsageError(f"--set {name}: nested more than {MAX_DEPTH} deep")
        if is_broken(text):
            raise UsageError(f"--set {name}: is no UTF-8 text")
        if _within(found, path) is not MISSING:
            raise UsageError(f"--set {name}: is set twice", remedy="keep the one that you mean")
        found = put(found, path, plain(value))
    return found
