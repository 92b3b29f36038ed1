"""The tenants of a manifest, once their list was read: they lie in a spool, in order and by account."""

import json
from array import array
from collections.abc import Collection, Iterator
from hashlib import sha256

from deployer.domain.documents import canonical
from deployer.domain.tenants import Tenant
from deployer.engine.spool import Spool


class Tenants(Collection[Tenant]):
    """Tenants in the order of their list. Of each only its account and its place in the spool are kept.

    Those that were not selected are no members, but their integrations are known: they have not left the list.
    """

    def __init__(self) -> None:
        self._spool = Spool()
        self._begins = array("q")
        self._places: dict[str, array[int]] = {}
        self._passed: dict[str, array[int]] = {}
        self._sum = sha256()

    def pass_over(self, tenant: Tenant) -> None:
        """Note a tenant that was not selected."""
        begin = self._spool.add(tenant.integration.encode())
        self._passed.setdefault(tenant.account, array("q")).append(begin)

    @property
    def is_partial(self) -> bool:
        """Tell whether some tenants were not selected."""
        return bool(self._passed)

    def add(self, tenant: Tenant) -> None:
        """Append a tenant."""
        content = (tenant.tenant, tenant.account, tenant.integration, tenant.labels, tenant.values, tenant.flow)
        line = canonical(content).encode()
        self._sum.update(line)
        self._places.setdefault(tenant.account, array("q")).append(len(self))
        self._begins.append(self._spool.add(line[:-1] + f",{json.dumps(tenant.where)}]".encode()))

    @property
    def digest(self) -> str:
        """Return the fingerprint of all tenants, wherever they stand."""
        return self._sum.hexdigest()

    @property
    def accounts(self) -> dict[str, int]:
        """Return how many tenants each account has, if it has any."""
        return {account: len(places) for account, places in self._places.items()}

    def of(self, account: str) -> Iterator[tuple[int, Tenant]]:
        """Yield the tenants of an account, each with its place in the list."""
        return ((place, self[place]) for place in self._places.get(account, ()))

    def integrations(self, account: str) -> list[str]:
        """Return the integrations that an account's tenants lie in, selected or not."""
        passed = (self._spool.line(begin).decode() for begin in self._passed.get(account, ()))
        return [*(tenant.integration for _, tenant in self.of(account)), *passed]

    def __getitem__(self, place: int) -> Tenant:
        return Tenant(*json.loads(self._spool.line(self._begins[place])))

    def __len__(self) -> int:
        return len(self._begins)

    def __iter__(self) -> Iterator[Tenant]:
        return map(self.__getitem__, range(len(self)))

    def __contains__(self, tenant: object) -> bool:
        return any(each == tenant for each in self)
