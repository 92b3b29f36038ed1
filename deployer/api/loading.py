"""Manifests: loading one with all that it names, and the part of it that is meant."""

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TextIO

from deployer.domain.desired import Resolver
from deployer.domain.explanation import Explained, explain
from deployer.domain.selection import Selection
from deployer.domain.values import set_values
from deployer.domain.wording import did_you_mean
from deployer.engine.load import Loaded, Scope, name_in
from deployer.engine.load import load as load_from
from deployer.engine.planning import resolver_of, unresolvable
from deployer.errors import Problem, UsageError

__all__ = ["Loaded", "Scope", "explained", "load", "name_in", "scope_of", "unresolvable_tenants"]


def load(
    path: Path | str,
    *,
    scope: Scope | None = None,
    env: Mapping[str, str] | None = None,
    stdin: TextIO | None = None,
) -> Loaded:
    """Load a manifest with the files it names: nothing is sent.

    Raise ManifestError with every problem at once, GuardError for a selection that names what no tenant has.
    """
    return load_from(Path(path), env=os.environ if env is None else env, stdin=stdin or sys.stdin, scope=scope)


def scope_of(
    *,
    labelled: Iterable[str] = (),
    tenants: Iterable[str] = (),
    excluded: Iterable[str] = (),
    overrides: Iterable[str] = (),
    allow: Iterable[str] = (),
) -> Scope:
    """Return the part of a manifest that texts such as `ring=eu`, `acme` and `batchSize=500` mean.

    Raise UsageError for a label or a value that is none.
    """
    return Scope(Selection.parse(labelled, tenants, excluded), set_values(overrides), frozenset(allow))


def unresolvable_tenants(loaded: Loaded, *, env: Mapping[str, str] | None = None) -> dict[str, Problem]:
    """Return the tenants whose values cannot be filled in, and why."""
    return unresolvable(loaded, os.environ if env is None else env)


def explained(
    loaded: Loaded, tenant: str, field: str | None = None, *, env: Mapping[str, str] | None = None
) -> tuple[Explained, ...]:
    """Return why a tenant's fields have their values; raise UsageError where there is no such tenant or field."""
    resolver: Resolver = resolver_of(loaded, os.environ if env is None else env)
    found = next((each for each in loaded.tenants if each.tenant == tenant), None)
    if found is None:
        known = (each.tenant for each in loaded.tenants)
        raise UsageError(f'there is no tenant "{tenant}"{did_you_mean(tenant, known)}', where=str(loaded.path))
    return explain(resolver, found, field)
