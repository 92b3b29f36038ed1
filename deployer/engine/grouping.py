"""Which entries of a manifest are planned one after the other: all that may be of one account."""

from collections.abc import Collection, Sequence

from deployer.engine.accounts import Accounts
from deployer.engine.load import Loaded
from deployer.engine.tenants import Tenants


def grouped(loaded: Loaded, accounts: Accounts) -> Collection[Sequence[str]]:
    """Group the manifest's entries that have tenants: those of one account together, and those of one integration.

    An id is one integration's on the whole platform: entries that both name it are of one account, however different
    their addresses and tokens look.
    """
    groups: dict[object, list[str]] = {}
    for name in loaded.manifest.accounts:
        if name in loaded.tenants.accounts:
            opened = accounts.opened.get(name)
            groups.setdefault(opened.identity if opened else name, []).append(name)
    return _joined(list(groups.values()), loaded.tenants) if len(groups) > 1 else groups.values()


def _joined(groups: Sequence[Sequence[str]], tenants: Tenants) -> Collection[Sequence[str]]:
    """Join the groups that name an integration together, in their order."""
    homes: dict[str, int] = {}
    first = list(range(len(groups)))  # the group that each is joined to
    for number, group in enumerate(groups):
        for tenant in (tenant for name in group for _, tenant in tenants.of(name)):
            there, here = first[homes.setdefault(tenant.integration, number)], first[number]
            if there != here:
                first = [min(there, here) if each in {there, here} else each for each in first]
    joined: dict[int, list[str]] = {}
    for number, group in zip(first, groups, strict=True):
        joined.setdefault(number, []).extend(group)
    return joined.values()
