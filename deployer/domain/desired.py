"""What one tenant's flow is to be, as pure values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from deployer.domain.documents import MISSING, Document, Json, Path, Value, at, leaves
from deployer.domain.interpolation import InterpolationError, interpolate
from deployer.domain.manifest import Manifest
from deployer.domain.manifest_rules import NAMES, variable
from deployer.domain.owned import OWNED
from deployer.domain.source import spoken
from deployer.domain.tenants import Tenant
from deployer.errors import Problem


@dataclass(frozen=True, slots=True)
class Desired:
    """Owned fields by leaf path, target of each source connection (an id or a name), document of a file template."""

    fields: Mapping[Path, Json]
    connections: Mapping[str, str]
    document: Document | None


def resolve(
    manifest: Manifest, tenant: Tenant, *, env: Mapping[str, str], template: Document | None = None
) -> Desired | Problem:
    """Fill in what the manifest says for one tenant; a Problem is the reason why this tenant alone is blocked."""
    scope = _Scope(tenant, env)
    try:
        return Desired(
            dict(_fields(manifest, scope)),
            dict(_connections(manifest, scope)),
            {key: scope.filled(value, "template", key) for key, value in template.items()} if template else None,
        )
    except InterpolationError as error:
        return Problem(tenant.where, spoken(error.steps), str(error))


@dataclass(frozen=True, slots=True)
class _Scope:
    """What a reference may mean for one tenant."""

    tenant: Tenant
    env: Mapping[str, str]

    def filled(self, value: Json, *steps: str) -> Json:
        return interpolate(value, self.lookup, known=self.names(), steps=steps)

    def lookup(self, name: str) -> Value:
        match name.split(".", 2):
            case ["tenant", "name"]:
                return self.tenant.tenant
            case ["tenant", "account"] | ["account", "name"]:
                return self.tenant.account
            case ["tenant", "integration"]:
                return self.tenant.integration
            case ["tenant", "labels", key]:
                return self.tenant.labels.get(key, MISSING)
            case ["tenant", "values", key]:
                values = self.tenant.values
                return values[key] if key in values else at(values, tuple(key.split(".")))
            case _:
                return variable(name, self.env)

    def names(self) -> Iterator[str]:
        """Yield what a misspelt name may have meant."""
        yield from NAMES
        yield from (f"tenant.values.{key}" for key in self.tenant.values)
        yield from (f"tenant.labels.{key}" for key in self.tenant.labels)
        yield from (f"env:{name}" for name in self.env)


def _fields(manifest: Manifest, scope: _Scope) -> Iterator[tuple[Path, Json]]:
    for key, stated in manifest.flow.items():
        value = scope.filled(stated, "flow", key)
        try:
            yield from leaves(OWNED[key](value), (key,))
        except ValueError as error:
            raise InterpolationError(str(error), ("flow", key)) from None
        if key == "disabled" and value is True and manifest.run.trigger:
            raise InterpolationError("is true, so that run.trigger could not run the flow", ("flow", key))


def _connections(manifest: Manifest, scope: _Scope) -> Iterator[tuple[str, str]]:
    own = manifest.accounts[scope.tenant.account].connections or {}
    for source, stated in {**manifest.connections, **own}.items():
        target = scope.filled(stated, "connections", source)
        if not isinstance(target, str) or not target.strip():
            raise InterpolationError("must be the name or id of a connection, or keep", ("connections", source))
        yield source, target
