"""What a reference means for one tenant: its names, labels and values, the environment, and its secrets' seals."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from deployer.domain.documents import MISSING, Json, Value
from deployer.domain.identity import InstanceKey
from deployer.domain.interpolation import UNSET, prepare
from deployer.domain.manifest import Manifest
from deployer.domain.manifest_rules import NAMES, SECRET, variable
from deployer.domain.sealing import SHORTEST, Source
from deployer.domain.tenants import Tenant
from deployer.domain.values import find
from deployer.errors import DeployerError

VALUES: Final = "tenant.values."
LABELS: Final = "tenant.labels."
_LEADS_AWAY: Final = re.compile(r"[/\\\0]|\A\.*\Z")  # out of the folder that the manifest names, or nowhere


class Scope:
    """What a reference may mean for one tenant; it iterates over all names, for those who guess what was meant.

    `sealed` says where the value behind each seal is read from, of the secrets that were looked up.
    """

    __slots__ = ("_secrets", "env", "sealed", "tenant", "values")

    def __init__(
        self,
        tenant: Tenant,
        env: Mapping[str, str],
        values: Sequence[Mapping[str, Json]],
        secrets: "Secrets | None" = None,
    ) -> None:
        self.tenant = tenant
        self.env = env
        self.values = values
        self.sealed: dict[str, str] = {}
        self._secrets = secrets

    def __iter__(self) -> Iterator[str]:
        yield from NAMES
        yield from (f"{VALUES}{key}" for key in dict.fromkeys(key for values in self.values for key in values))
        yield from (f"{LABELS}{key}" for key in self.tenant.labels)
        yield from (f"{SECRET}{name}" for name in (self._secrets.names if self._secrets else ()))
        yield from (f"env:{name}" for name in self.env)

    def lookup(self, name: str) -> Value:
        """Return what `name` means, or MISSING."""
        if name.startswith(VALUES):
            return self._value(name[len(VALUES) :])
        if name.startswith(LABELS):
            return self.tenant.labels.get(name[len(LABELS) :], MISSING)
        if name.startswith(SECRET):
            return self._secrets.seal(name[len(SECRET) :], self) if self._secrets else MISSING
        match name:
            case "tenant.name":
                return self.tenant.tenant
            case "tenant.account" | "account.name":
                return self.tenant.account
            case "tenant.integration":
                return self.tenant.integration
            case _:
                return variable(name, self.env)

    def present(self, name: str) -> Value:
        """Return the same for a place that cannot be left out, where `$unset` is a value that is missing."""
        value = self.lookup(name)
        return MISSING if value == UNSET else value

    def _value(self, key: str) -> Value:
        """Return what the layers say, the short way where that is one word of one of them, as it mostly is."""
        for values in reversed(self.values):
            value = values.get(key, MISSING)
            if value is MISSING:
                if "." in key or any("." in each for each in values):
                    return find(self.values, key)
            elif isinstance(value, dict):
                return find(self.values, key)
            else:
                return value
        return MISSING


class Secrets:
    """The secrets of a manifest, read for one tenant at a time."""

    def __init__(self, manifest: Manifest, source: Source) -> None:
        stated = manifest.secrets.values if manifest.secrets else {}
        self._manifest = manifest
        self._source = source
        self._where = {name: prepare(where, ("secrets", "values", name)) for name, where in stated.items()}
        tokens = (account.token for account in manifest.accounts.values())
        self._withheld = frozenset([*tokens, *([manifest.secrets.key] if manifest.secrets else [])])

    @property
    def names(self) -> Iterable[str]:
        """Return what they are called."""
        return self._where

    def seal(self, name: str, scope: Scope) -> Value:
        """Return the seal of a tenant's secret, once it was read; raise ValueError where it cannot be."""
        if name not in self._where:
            return MISSING
        where = str(self._where[name].fill(lambda part: _guarded(part, scope.present(part)), scope))
        if where in self._withheld:
            raise ValueError(f"{where} is a token, or the key of the secrets: no flow is given that")
        try:
            value, seal = self._source.read(where), self._source.seal(self._key(scope.tenant))
        except DeployerError as error:
            raise ValueError(error.sentence) from None
        if len(value) < SHORTEST:
            raise ValueError(f"the secret at {where} has fewer than {SHORTEST} characters")
        mark = seal(value)
        scope.sealed[mark] = where
        return mark

    def _key(self, tenant: Tenant) -> InstanceKey:
        template = self._manifest.accounts[tenant.account].template or self._manifest.template.key
        return InstanceKey(template, tenant.integration)


def _guarded(name: str, value: Value) -> Value:
    """Return what is filled in of where a secret is: what a list of tenants says may not lead elsewhere."""
    if not name.startswith("env:") and isinstance(value, str) and _LEADS_AWAY.search(value):
        raise ValueError(f'"{value}" cannot stand in the place of a secret')
    return value
