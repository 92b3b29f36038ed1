"""Why a tenant's field has the value it has: what the manifest states, and which layer won each name in it."""

from collections.abc import Iterator
from dataclasses import dataclass

from deployer.domain.desired import Resolver
from deployer.domain.documents import MISSING, Json, Path, Value, dotted, leaves
from deployer.domain.interpolation import UNSET, InterpolationError, Prepared, Reference, prepare
from deployer.domain.manifest_rules import SECRET
from deployer.domain.owned import OWNED
from deployer.domain.scope import VALUES, Scope
from deployer.domain.source import plain
from deployer.domain.tenants import Tenant
from deployer.domain.values import HIDDEN, Layer, stated
from deployer.domain.wording import did_you_mean
from deployer.errors import UsageError


@dataclass(frozen=True, slots=True)
class Said:
    """What one layer says of a name, and where; `counts` if the value is made of it."""

    layer: str
    value: Json
    where: str
    counts: bool


@dataclass(frozen=True, slots=True)
class Named:
    """A name in a text: what it means, and what each layer says of it, the strongest first."""

    name: str
    value: Value
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """A field as it is stated, what becomes of it (MISSING is not owned), or the problem that blocks the tenant."""

    field: str
    where: str
    stated: Json
    value: Value
    problem: str
    names: tuple[Named, ...]


def explain(resolver: Resolver, tenant: Tenant, field: str | None = None) -> tuple[Explained, ...]:
    """Explain every field that the manifest states for a tenant, or those at or under one; raise UsageError for none.

    Connections count as fields: `connections.57f1…`.
    """
    texts = dict(_stated(resolver, tenant))
    wanted = [path for path in texts if field is None or _related(field, _field(path))]
    if not wanted:
        hint = did_you_mean(field or "", map(_field, texts))
        raise UsageError(f'the manifest states no field "{field}"{hint}', remedy="name no field, and all are explained")
    try:
        return tuple(_Explainer(resolver, tenant).explained(path, texts[path]) for path in wanted)
    except InterpolationError as tie:
        return (Explained("labels", resolver.manifest.place("labels"), None, MISSING, str(tie), ()),)


def _stated(resolver: Resolver, tenant: Tenant) -> Iterator[tuple[Path, Json]]:
    manifest = resolver.manifest
    for key, value in manifest.flow.items():
        yield from leaves(value, ("flow", key))
    for place, settings in manifest.adjusted:
        yield from leaves(settings, (*place, "settings"))
    own = manifest.accounts[tenant.account].connections or {}
    for source, target in {**manifest.connections, **own}.items():
        yield ("connections", source), target


def _field(path: Path) -> str:
    return dotted(path[1:] if path[0] == "flow" else path)


def _related(one: str, other: str) -> bool:
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


class _Explainer:
    """Explains the fields of one tenant."""

    def __init__(self, resolver: Resolver, tenant: Tenant) -> None:
        self._manifest = resolver.manifest
        self._tenant = tenant
        self._scope: Scope = resolver.scope(tenant)
        self._layers = resolver.layers.of(tenant)

    def explained(self, path: Path, text: Json) -> Explained:
        where, problem = self._place(path), ""
        value: Value = MISSING
        prepared = prepare(text, path)
        try:
            value = self._value(path, prepared)
        except ValueError as error:
            problem = str(error)
        names = tuple(self._named(reference, where) for reference in dict.fromkeys(prepared.references))
        return Explained(_field(path), where, text, value, problem, names)

    def _value(self, path: Path, prepared: Prepared) -> Value:
        value = prepared.fill(self._scope.lookup, self._scope)
        if value == UNSET:
            return MISSING
        is_whole = path[0] == "flow" and len(path) == len(("flow", "key"))
        return OWNED[path[1]](value) if is_whole else value

    def _place(self, path: Path) -> str:
        own = self._manifest.accounts[self._tenant.account].connections or {}
        within = ("accounts", self._tenant.account) if path[0] == "connections" and path[1] in own else ()
        return self._manifest.place(*within, *path)

    def _named(self, reference: Reference, where: str) -> Named:
        value = self._scope.lookup(reference.name)
        said = list(self._said(reference.name, value))
        if reference.default is not None:
            default, needed = plain(reference.default) if reference.default else "", value in (MISSING, "")
            said.append(Said("default", default, where, counts=needed))
            value = default if needed else value
        return Named(reference.name, value, tuple(said))

    def _said(self, name: str, value: Value) -> Iterator[Said]:
        if name.startswith(VALUES):
            yield from self._layered(name.removeprefix(VALUES))
        elif value is not MISSING and name.startswith(SECRET):
            where = self._manifest.place("secrets", "values", name.removeprefix(SECRET))
            yield Said("secret", value, where, counts=True)
        elif value is not MISSING:
            layer, where = ("environment", "") if name.startswith("env:") else ("tenant", self._tenant.where)
            yield Said(layer, value, where, counts=True)

    def _layered(self, name: str) -> Iterator[Said]:
        """Yield what the layers say: objects count together, down to the first layer that holds something else."""
        open_to_weaker, merging = True, False
        for layer in reversed(self._layers):
            value = stated(layer.values, name)
            if value is not MISSING:
                is_object = isinstance(value, dict)
                shown = UNSET if value is HIDDEN else value
                yield Said(layer.name, shown, self._origin(layer, name), counts=open_to_weaker and is_object >= merging)
                open_to_weaker, merging = open_to_weaker and is_object, True

    def _origin(self, layer: Layer, name: str) -> str:
        match layer.name:
            case "tenant":
                return self._tenant.where
            case "command line":
                return f"--set {name}"
            case _:
                return self._manifest.place(*layer.steps, *([name] if name in layer.values else name.split(".")))
