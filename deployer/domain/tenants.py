"""The tenants of a manifest, read one by one from what people keep them in."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from pydantic import ValidationError

from deployer.domain.documents import Json
from deployer.domain.manifest import Manifest, TenantEntry
from deployer.domain.manifest_rules import complaints
from deployer.domain.source import read_json, spoken
from deployer.domain.spreadsheet import read_rows
from deployer.domain.wording import did_you_mean
from deployer.errors import ManifestError, Problem

Format: TypeAlias = Literal["csv", "json", "jsonl"]

SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class Tenant:
    """A customer: an integration in an account. `flow` is what the `id` column names, `where` is file and line."""

    tenant: str
    account: str
    integration: str
    labels: Mapping[str, str]
    values: Mapping[str, Json]
    flow: str | None
    where: str


@dataclass(slots=True)
class _Census:
    """Who has been seen so far, and every problem with them; from the 51st on they are only counted."""

    manifest: Manifest
    problems: list[Problem] = field(default_factory=list)
    hidden: int = 0
    tenants: dict[str, str] = field(default_factory=dict)
    places: dict[tuple[str, str], str] = field(default_factory=dict)

    def complain(self, where: str, path: str, what: str) -> None:
        if len(self.problems) < SHOWN:
            self.problems.append(Problem(where, path, what))
        else:
            self.hidden += 1

    def account(self, name: str | None, where: str) -> str:
        """Return the account meant by `name`: by nothing, the only one there is."""
        accounts = self.manifest.accounts
        if not name and len(accounts) == 1:
            return next(iter(accounts))
        if not name:
            self.complain(where, "account", f"is required with {len(accounts)} accounts")
        elif name not in accounts:
            hint = did_you_mean(name, accounts) if len(self.problems) < SHOWN else ""
            self.complain(where, "account", f'unknown account "{name}"{hint}')
        return name or ""

    def admit(self, tenant: Tenant) -> Tenant:
        """Note a tenant, and complain where its name or its place is taken."""
        name = unicodedata.normalize("NFC", tenant.tenant.casefold())
        first = self.tenants.setdefault(name, tenant.where)
        if first != tenant.where:
            self.complain(tenant.where, "tenant", f'"{tenant.tenant}" is already at {first}')
        place = self.places.setdefault((tenant.account, tenant.integration), tenant.where)
        if place != tenant.where:
            self.complain(tenant.where, "integration", f'"{tenant.integration}" already has a tenant at {place}')
        return tenant

    def judge(self) -> None:
        """Raise ManifestError if anything was wrong."""
        if self.hidden:
            self.problems.append(Problem(self.problems[-1].where, "", f"and {self.hidden} more problems after it"))
        if self.problems:
            raise ManifestError(self.problems)


def read_tenants(lines: Iterable[str], *, name: str, kind: Format, manifest: Manifest) -> Iterator[Tenant]:
    """Yield the tenants of a file as they are read; at its end raise ManifestError if anything was wrong."""
    census = _Census(manifest)
    match kind:
        case "csv":
            yield from _from_csv(lines, name, census)
        case "json":
            yield from _from_json(lines, name, census)
        case "jsonl":
            yield from _from_json_lines(lines, name, census)
    census.judge()


def inline_tenants(manifest: Manifest) -> Iterator[Tenant]:
    """Yield the tenants that the manifest itself lists; at the end raise ManifestError if anything was wrong."""
    census = _Census(manifest)
    for entry in manifest.tenants:
        if isinstance(entry, TenantEntry):
            yield _admitted(entry, entry.where, census)
    census.judge()


def _admitted(entry: TenantEntry, where: str, census: _Census) -> Tenant:
    account = census.account(entry.account, where)
    return census.admit(Tenant(entry.tenant, account, entry.integration, entry.labels, entry.values, entry.id, where))


def _from_csv(lines: Iterable[str], name: str, census: _Census) -> Iterator[Tenant]:
    for row in read_rows(lines, name=name, complain=census.complain):
        own, account = row.own, census.account(row.own.get("account"), row.where)
        tenant = Tenant(own["tenant"], account, own["integration"], row.labels, row.values, own.get("id"), row.where)
        yield census.admit(tenant)


def _from_json(lines: Iterable[str], name: str, census: _Census) -> Iterator[Tenant]:
    rows = read_json("".join(lines), name)
    if not isinstance(rows, list):
        raise ManifestError([Problem(name, "", "must be a list of tenants")])
    for index, row in enumerate(rows):
        yield from _from_object(row, name, f"[{index}]", census)


def _from_json_lines(lines: Iterable[str], name: str, census: _Census) -> Iterator[Tenant]:
    for number, line in enumerate(lines, start=1):
        where = f"{name}:{number}"
        if line.strip("\ufeff \t\r\n"):
            try:
                row = read_json(line, name)
            except ManifestError as error:
                census.complain(where, "", error.problems[0].what)
            else:
                yield from _from_object(row, where, "", census)


def _from_object(row: Json, where: str, path: str, census: _Census) -> Iterator[Tenant]:
    try:
        entry = TenantEntry.model_validate(row)
    except ValidationError as error:
        for complaint in complaints(error, {(): TenantEntry.model_fields}):
            census.complain(where, spoken((path, *complaint.steps)).lstrip("."), complaint.what)
    else:
        yield _admitted(entry, where if not path else f"{where}{path}", census)
