"""What one tenant's flow is to be, as pure values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from deployer.domain.arrays import IndistinctError, Keys, arranged
from deployer.domain.documents import MISSING, Document, Json, Path, dotted, is_element, leaves
from deployer.domain.interpolation import UNSET, InterpolationError, Prepared, prepare
from deployer.domain.manifest import Manifest
from deployer.domain.manifest_rules import DISABLED, SECRET
from deployer.domain.masking import holds_mask, is_sealed
from deployer.domain.owned import OWNED
from deployer.domain.scope import VALUES, Scope, Secrets
from deployer.domain.sealing import Source
from deployer.domain.source import spoken
from deployer.domain.template import PLACE, READ_ONLY
from deployer.domain.tenants import Tenant
from deployer.domain.values import Layers
from deployer.domain.wording import did_you_mean
from deployer.errors import Problem, UsageError

_NO_CONTENT: Final = READ_ONLY | PLACE | OWNED.keys()


@dataclass(frozen=True, slots=True)
class Desired:
    """Owned fields by leaf path, target of each source connection (an id or a name), document of a file template.

    `resources` holds the fields of what the tenant has besides its flow, by place in the manifest:
    `("integration",)`, `("exports", "<id or name>")`. `content` are the fields of the document that no manifest owns.
    `secrets` says where the value behind each seal in the fields is read from.
    """

    fields: Mapping[Path, Json]
    connections: Mapping[str, str]
    document: Document | None
    resources: Mapping[Path, Mapping[Path, Json]] = field(default_factory=dict)
    content: Mapping[Path, Json] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)


class Resolver:
    """Fills in what a manifest and a command line say, tenant by tenant; what is the same for all is made once."""

    def __init__(
        self,
        manifest: Manifest,
        *,
        env: Mapping[str, str],
        template: Document | None = None,
        overrides: Mapping[str, Json] | None = None,
        source: Source | None = None,
    ) -> None:
        """Raise UsageError where an override is one that nothing refers to; `source` is where secrets are read."""
        self.manifest = manifest
        self.env = env
        self.layers = Layers(manifest, overrides or {})
        self._source = source
        self._secrets: Secrets | None = None
        self._template = template
        self._arrays = manifest.arrays
        self._fields: list[_Field] = []
        self._resources: dict[Path, list[_Field]] = {}
        self._document: Prepared | None = None
        self._connections: dict[str, list[tuple[str, Prepared]]] = {}
        self._fault: InterpolationError | None = None
        try:
            self._prepare()
        except InterpolationError as fault:  # everybody's, so that each tenant is blocked by it
            self._fault = fault
        if overrides:
            self._refuse_idle(overrides)

    def resolve(self, tenant: Tenant) -> Desired | Problem:
        """Return what is desired for one tenant; a Problem is the reason why this tenant alone is blocked."""
        try:
            return self._resolved(self.scope(tenant))
        except InterpolationError as error:
            return Problem(tenant.where, spoken(error.steps), str(error))

    def scope(self, tenant: Tenant) -> Scope:
        """Return what references mean for a tenant; raise InterpolationError where two labels disagree."""
        try:
            return Scope(tenant, self.env, self.layers.values(tenant), self._secrets)
        except ValueError as error:
            raise InterpolationError(str(error), ("labels",)) from None

    def _prepare(self) -> None:
        within, arrays = ("flow",), self._arrays
        self._fields = [
            each for key, stated in self.manifest.flow.items() for each in _fields(within, key, stated, arrays)
        ]
        self._resources = {
            place: list(_fields(place, "settings", settings, {})) for place, settings in self.manifest.adjusted
        }
        self._document = prepare(self._template, ("template",)) if self._template else None
        if self._document and any(each.name.startswith(SECRET) for each in self._document.references):
            raise InterpolationError("a secret can stand only in settings that the manifest states", ("template",))
        self._secrets = Secrets(self.manifest, self._source) if self._source else None

    def _resolved(self, scope: Scope) -> Desired:
        if self._fault:
            raise self._fault
        fields = _filled(self._fields, scope, self._arrays)
        resources = {place: _filled(stated, scope, {}) for place, stated in self._resources.items()}
        self._refuse_contradictions(fields)
        document = self._document.fill(scope.present, scope) if self._document else None
        document = document if isinstance(document, dict) else None
        content = _content(document) if document else {}
        return Desired(fields, dict(self._mapped(scope)), document, resources, content, scope.sealed)

    def _refuse_contradictions(self, fields: Mapping[Path, Json]) -> None:
        disabled, trigger = fields.get(("disabled",)), self.manifest.run.trigger
        if disabled is True and trigger:
            raise InterpolationError("is true, so that run.trigger could not run the flow", ("flow", "disabled"))
        if disabled is None and "disabled" in self.manifest.flow and (trigger or fields.get(("schedule",))):
            raise InterpolationError(DISABLED, ("flow", "disabled"))

    def _mapped(self, scope: Scope) -> Iterator[tuple[str, str]]:
        for source, prepared in self._connections_of(scope.tenant.account):
            target = prepared.fill(scope.lookup, scope)
            if target == UNSET:
                continue
            if not isinstance(target, str) or not target.strip():
                what = "must be the name or id of a connection, or keep"
                raise InterpolationError(what, ("connections", source))
            yield source, target

    def _connections_of(self, account: str) -> list[tuple[str, Prepared]]:
        if account not in self._connections:
            stated = {**self.manifest.connections, **(self.manifest.accounts[account].connections or {})}
            self._connections[account] = [
                (source, prepare(target, ("connections", source))) for source, target in stated.items()
            ]
        return self._connections[account]

    def _refuse_idle(self, overrides: Mapping[str, Json]) -> None:
        asked = [name.removeprefix(VALUES) for name in self._references() if name.startswith(VALUES)]
        for path, _ in leaves(dict(overrides)):
            name = dotted(path)
            if not any(f"{each}.".startswith(f"{name}.") or f"{name}.".startswith(f"{each}.") for each in asked):
                what = f"--set {name}: nothing refers to ${{{VALUES}{name}}}{did_you_mean(name, asked)}"
                raise UsageError(what, remedy="what the manifest states, and the template, say what is used")

    def _references(self) -> Iterator[str]:
        mapped = (prepared for account in self.manifest.accounts for _, prepared in self._connections_of(account))
        document = [self._document] if self._document else []
        stated = (each.prepared for fields in (self._fields, *self._resources.values()) for each in fields)
        for prepared in (*stated, *document, *mapped):
            yield from (reference.name for reference in prepared.references)


@dataclass(frozen=True, slots=True)
class _Field:
    """An owned field, or a leaf of one, as the manifest states it; what is the same for every tenant is `constant`.

    `within` is the part of the manifest that states it.
    """

    within: Path
    path: Path
    prepared: Prepared
    constant: Sequence[tuple[Path, Json]] | None

    @property
    def is_secret(self) -> bool:
        """Tell whether it is a secret, which stands alone."""
        return len(self.prepared.references) == 1 and self.prepared.references[0].name.startswith(SECRET)


def _fields(within: Path, key: str, stated: Json, arrays: Mapping[Path, Keys]) -> Iterator[_Field]:
    if isinstance(stated, dict):
        _checked(key, stated, within)
    for path, leaf in leaves(stated, (key,)):
        prepared = prepare(leaf, (*within, *path))
        constant = None
        if not prepared.references:
            constant = owned_leaves(path, prepared.fill(lambda _: MISSING, ()), arrays, within)
        yield _Field(within, path, prepared, constant)


def _filled(stated: Sequence[_Field], scope: Scope, arrays: Mapping[Path, Keys]) -> dict[Path, Json]:
    fields: dict[Path, Json] = {}
    lookup = scope.lookup
    for each in stated:
        if each.constant is not None:
            fields.update(each.constant)
        elif each.is_secret:
            fields[each.path] = each.prepared.fill(lookup, scope)
        else:
            fields.update(owned_leaves(each.path, each.prepared.fill(lookup, scope), arrays, each.within))
    return fields


def owned_leaves(
    path: Path, value: Json, arrays: Mapping[Path, Keys], within: Path = ("flow",)
) -> Sequence[tuple[Path, Json]]:
    """Return the leaves at `path` that are owned: `$unset` disowns; raise InterpolationError for a wrong value.

    `arrays` are those that are merged by their elements, each leaf of which is then a field; `within` is the part of
    the manifest that states them.
    """
    if value == UNSET:
        return ()
    if len(path) == 1:
        value = _checked(path[0], value, within)
    owned = [(inner, _kept(leaf)) for inner, leaf in leaves(value, path) if leaf != UNSET]
    for inner, leaf in owned:
        _refuse_unsendable(inner, leaf, within)
    return _arranged(owned, arrays, within) if arrays else owned


def _refuse_unsendable(path: Path, value: Json, within: Path) -> None:
    if holds_mask(value):
        raise InterpolationError("is a mask, not the secret behind it: asterisks would overwrite it", (*within, *path))
    if is_sealed(value):
        raise InterpolationError("reads like the seal of a secret, which is no value", (*within, *path))
    if _leads_to_an_element(path):
        raise InterpolationError("a key of this form means an element of a list", (*within, *path))


@lru_cache(maxsize=4096)  # asked of the same few paths for every tenant
def _leads_to_an_element(path: Path) -> bool:
    return any(map(is_element, path))


def _arranged(
    owned: Sequence[tuple[Path, Json]], arrays: Mapping[Path, Keys], within: Path
) -> Sequence[tuple[Path, Json]]:
    found: list[tuple[Path, Json]] = []
    for path, value in owned:
        try:
            found += arranged(path, value, arrays)
        except IndistinctError as error:
            raise InterpolationError(str(error), (*within, *path, *error.steps)) from None
    return found


def _content(document: Document) -> dict[Path, Json]:
    """Return the fields of a filled-in document that are the template's."""
    return dict(leaves({key: value for key, value in document.items() if key not in _NO_CONTENT}))


def _kept(value: Json) -> Json:
    """Return a leaf without the items of lists, and the keys in them, that are unset."""
    match value:
        case list():
            return [_kept(item) for item in value if item != UNSET]
        case dict():
            return {key: _kept(item) for key, item in value.items() if item != UNSET}
        case _:
            return value


def _checked(key: str, value: Json, within: Path) -> Json:
    try:
        return OWNED[key](value)
    except ValueError as error:
        raise InterpolationError(str(error), (*within, key)) from None
