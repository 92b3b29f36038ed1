"""Examine the accounts of a manifest, each for itself, by reads alone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from anyio.lowlevel import checkpoint

from deployer.domain.checkup import Checkup, Finding, Verdict
from deployer.domain.connections import map_connections
from deployer.domain.desired import Resolver
from deployer.domain.documents import Document
from deployer.domain.pacing import http_date
from deployer.domain.snapshot import Snapshot
from deployer.domain.tenants import Tenant
from deployer.engine.accounts import Accounts, OpenAccount
from deployer.engine.load import Loaded
from deployer.engine.observe import got, read_template
from deployer.engine.planning import aim_of, pages, resolver_of
from deployer.engine.pool import each
from deployer.errors import DeployerError, Problem

_ACCOUNTS: Final = 8  # at a time
_SKEW: Final = 300  # seconds that two clocks may be apart


async def examine_accounts(loaded: Loaded, accounts: Accounts, env: Mapping[str, str], checkup: Checkup) -> None:
    """Examine every account and its tenants; one that fails stops no other."""
    resolver = resolver_of(loaded, env)
    for name, error in accounts.refused.items():
        checkup.note(_failed("account", name, error))
    checkup.take(_doubles(accounts))

    async def examine(name: str) -> None:
        account = accounts.opened[name]
        said, detail = "answers, and accepts the token", f"of user {account.user}"
        checkup.note(Finding("account", Verdict.OK, said, "", "accounts", (name,), detail=detail))
        try:
            await _Examination(loaded, account, resolver, checkup).go()
        except DeployerError as error:
            checkup.note(_failed("template", name, error))
        checkup.take(_clock(account))

    await each(accounts.opened, examine, workers=_ACCOUNTS)


@dataclass(frozen=True, slots=True)
class _Examination:
    """The examination of one account that answers."""

    loaded: Loaded
    account: OpenAccount
    resolver: Resolver
    checkup: Checkup
    used: set[str] = field(default_factory=set)

    async def go(self) -> None:
        """Look at the template, then at every tenant; raise AccountError where the account cannot be read."""
        account, name = self.account, self.account.name
        template = await read_template(account, aim_of(self.loaded, name))
        said = f'"{template.name}" is readable, with its exports and imports'
        self.checkup.note(Finding("template", Verdict.OK, said, "", "accounts", (name,)))
        integrations = _named(got(account, "the list of integrations", await account.client.integrations()))
        listed = got(account, "the list of connections", await account.client.connections())
        self.checkup.sound = True
        identity = (name, account.base_url, account.user)
        snapshot = Snapshot(*identity, template, integrations, _named(listed))
        for page in pages(self.loaded.tenants.of(name)):
            self.checkup.take(self._look(tenant, snapshot) for _, tenant in page)
            await checkpoint()  # the others' answers are not to time out meanwhile
        for connection in listed:
            if connection.get("offline") is True and connection["_id"] in self.used:
                self._offline(connection)

    def _look(self, tenant: Tenant, snapshot: Snapshot) -> Finding:
        about = ("tenants", (tenant.tenant,))
        desired = self.resolver.resolve(tenant)
        if isinstance(desired, Problem):
            return Finding("tenants", Verdict.PROBLEM, str(desired), "mend the manifest or the list", *about)
        if tenant.integration not in snapshot.integrations:
            what = "the account does not have its integration"
            return Finding("integrations", Verdict.PROBLEM, what, "check the ids and accounts in the list", *about)
        mapped = map_connections(desired.connections, snapshot)
        if isinstance(mapped, str):
            return Finding(
                "connections",
                Verdict.PROBLEM,
                mapped,
                "mend connections: in the manifest, or the values it takes",
                *about,
            )
        self.used.update(mapped.values())
        return Finding("tenants", Verdict.OK, "integration and connections are there", "", *about)

    def _offline(self, connection: Document) -> None:
        what = f'connection "{connection.get("name", connection["_id"])}" is offline'
        remedy = "open it in integrator.io and test it: a flow that uses it fails"
        self.checkup.note(Finding("connections", Verdict.WARNING, what, remedy, "accounts", (self.account.name,)))


def _named(items: Iterable[Document]) -> dict[str, str]:
    return {str(item["_id"]): str(item.get("name", "")) for item in items}


def _failed(check: str, name: str, error: DeployerError) -> Finding:
    place = f"{error.where}: " if error.where else ""
    what = place + error.what.removeprefix(f"account {name}: ")
    return Finding(check, Verdict.PROBLEM, what, error.remedy or "mend the cause and ask again", "accounts", (name,))


def _doubles(accounts: Accounts) -> Iterable[Finding]:
    """Yield the entries of an account that an earlier entry names already."""
    first: dict[tuple[str, str], str] = {}
    for name, account in accounts.opened.items():
        other = first.setdefault(account.identity, name)
        if other != name:
            what, remedy = f"is the same account as {other}", "they share one rate budget; one entry is enough"
            yield Finding("account", Verdict.WARNING, what, remedy, "accounts", (name,))


def _clock(account: OpenAccount) -> Iterable[Finding]:
    """Judge the date of the account's last answer against our own time when it came."""
    if account.client.dated is None:
        return
    text, ours = account.client.dated
    theirs = http_date(text)
    if theirs is None:
        return
    apart = ours - theirs
    if abs(apart) <= _SKEW:
        yield Finding("clock", Verdict.OK, "its clock and ours agree", "", "accounts", (account.name,))
    else:
        what = f"our clock is {abs(apart) / 60:.0f} minutes {'ahead of' if apart > 0 else 'behind'} its own"
        remedy = "set this machine's clock: waits and saved plans end at the wrong time"
        yield Finding("clock", Verdict.WARNING, what, remedy, "accounts", (account.name,))
